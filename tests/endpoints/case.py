"""What is tried with each server, through the operator: each case is what a user does and sees."""

import time
from collections.abc import Callable, Collection
from concurrent.futures import Future, ThreadPoolExecutor, wait
from dataclasses import dataclass
from typing import Final

from tests.endpoints import federation, outage, permission
from tests.endpoints.server import Capability, Method, TokenServer
from tests.endpoints.site import LIFETIME, REFUSED, RENEWALS, Site


def issue(site: Site, method: Method) -> None:
    """A first token by one request, and a renewal at once where a person asks for one."""
    trial = site.begun(f"issue-{method.lower()}", method)
    trial.until_ready()
    assert [answer.status for answer in site.server.requests(trial.name)] == [200]


def renew(site: Site, method: Method) -> None:
    """Over three renewals one request each, and no expired token in the Secret."""
    trial = site.begun(f"renew-{method.lower()}", method, lifetime=LIFETIME)
    token = trial.until_ready()
    for _ in range(RENEWALS):
        token = trial.until_other(token, LIFETIME)
    assert [answer.status for answer in site.server.requests(trial.name)] == [200] * (1 + RENEWALS)
    assert trial.expired == []
    trial.end()


def wrong_secret(site: Site) -> None:
    """A wrong secret is told with what to check; once it is mended, a token comes."""
    trial = site.trial("wrong", site.plain)
    held = site.server.add_client(trial.name)
    trial.begin(held | {"client_secret": "wrong"})
    ready = trial.until_stalled()
    assert ready["reason"] in REFUSED, ready
    assert "check the client" in ready["message"], ready
    assert held["client_secret"] not in ready["message"]
    trial.hold(held)
    trial.until_ready()


def rotated(site: Site, method: Method) -> None:
    """What was exchanged at the server alone is told with what to check, while the last token serves on; exchanged in
    the credentials Secret too, it brings the next one at once."""
    trial = site.begun(f"rotated-{method.lower()}", method)
    token = trial.until_ready()
    held = site.server.rotate(trial.name)
    trial.ask_for_renewal()
    trial.until(lambda: trial.condition("Refreshed").get("status") == "False", "the refresh to fail")
    refreshed = trial.condition("Refreshed")
    assert refreshed["reason"] in REFUSED | {"RequestRejected"}, refreshed
    assert "check" in refreshed["message"], refreshed
    assert trial.condition("Ready")["status"] == "True"
    assert trial.token() == token
    trial.hold(held)
    trial.until_other(token)
    trial.until(lambda: trial.condition("Refreshed").get("status") == "True", "the refresh to succeed")


def unknown_client(site: Site) -> None:
    """An ID that the server doesn't know is told with what to check."""
    trial = site.trial("unknown", site.plain)
    trial.begin({"client_id": trial.name, "client_secret": "of-nobody"})
    ready = trial.until_stalled()
    assert ready["reason"] in REFUSED, ready
    assert "client ID" in ready["message"] or "client secret" in ready["message"], ready


def missing_grant(site: Site) -> None:
    """A client that may not use the grant is told so, in the server's own words."""
    ready = site.begun("ungranted", granted=False).until_stalled()
    # oidc-provider says invalid_request.
    assert ready["reason"] in {"UnauthorizedClient", "RequestRejected"}, ready


Case = Callable[[Site], None]

CASES: Final[dict[str, Case]] = {
    "wrong secret, then mended": wrong_secret,
    "unknown client": unknown_client,
    "missing grant": missing_grant,
    "scopes": permission.scopes,
    "unknown scope": permission.unknown_scope,
}
"""Those that every server has, by a client secret."""

CAPABLE: Final[dict[Capability, Case]] = {
    Capability.AUDIENCE: permission.audience,
    Capability.RESOURCE: permission.resource,
}

LAST: Final = "restart of the server"
"""The case that is tried once all others of the server are over, since it is felt by all."""


def cases(server: TokenServer | type[TokenServer]) -> dict[str, Case]:
    """All that is tried with the server, by name."""
    found: dict[str, Case] = {}
    for method in sorted(server.methods):
        found[f"{method}"] = lambda site, method=method: issue(site, method)  # type: ignore[misc]
        found[f"{method}, renewals"] = lambda site, method=method: renew(site, method)  # type: ignore[misc]
        if method is federation.METHOD:  # nothing of the server's could be rotated
            found[f"{method}, disabled"] = federation.disabled
        else:
            found[f"{method}, rotated"] = lambda site, method=method: rotated(site, method)  # type: ignore[misc]
    capable = {str(capability): case for capability, case in CAPABLE.items() if capability in server.capabilities}
    return found | CASES | capable | {LAST: outage.restarted}


@dataclass(frozen=True)
class Result:
    """What came of one case."""

    seconds: float
    failure: BaseException | None


def begin(pool: ThreadPoolExecutor, site: Site) -> dict[str, "Future[Result]"]:
    """Start all cases of a server, side by side, but for the last one: most of their time they wait."""

    def run(case: Case, before: Collection["Future[Result]"] = ()) -> Result:
        wait(before)
        began, failure = time.monotonic(), None
        try:
            case(site)
        except Exception as error:  # noqa: BLE001  # told by who asks for the result
            failure = error
        return Result(time.monotonic() - began, failure)

    wanted = cases(site.server)
    last = wanted.pop(LAST)
    futures = {name: pool.submit(run, case) for name, case in wanted.items()}
    return futures | {LAST: pool.submit(run, last, tuple(futures.values()))}
