"""What is tried with each server through the operator: each case is something that a user does and sees."""

import time
from collections.abc import Callable, Collection
from concurrent.futures import Future, ThreadPoolExecutor, wait
from dataclasses import dataclass
from typing import Final

from tests.endpoints import federation, outage, permission
from tests.endpoints.server import Capability, Method, TokenServer
from tests.endpoints.site import LIFETIME, REFUSED, RENEWALS, Site


def issue(site: Site, method: Method) -> None:
    """A first token costs one request, and a renewal that a person requests happens at once."""
    trial = site.begun(f"issue-{method.lower()}", method)
    trial.until_ready()
    assert [answer.status for answer in site.server.requests(trial.name)] == [200]


def renew(site: Site, method: Method) -> None:
    """Three renewals cost one request each, and the Secret never has an expired token."""
    trial = site.begun(f"renew-{method.lower()}", method, lifetime=LIFETIME)
    token = trial.until_ready()
    for _ in range(RENEWALS):
        token = trial.until_other(token, LIFETIME)
    assert [answer.status for answer in site.server.requests(trial.name)] == [200] * (1 + RENEWALS)
    assert trial.expired == []
    trial.end()


def wrong_secret(site: Site) -> None:
    """With a wrong secret the message says what to check; once it is fixed, a token comes."""
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
    """Credentials rotated only at the server: the message says what to check, and the last token stays in use.

    Once they are changed in the credentials Secret too, the next token comes at once.
    """
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
    """With an ID that the server doesn't know, the message says what to check."""
    trial = site.trial("unknown", site.plain)
    trial.begin({"client_id": trial.name, "client_secret": "of-nobody"})
    ready = trial.until_stalled()
    assert ready["reason"] in REFUSED, ready
    assert "client ID" in ready["message"] or "client secret" in ready["message"], ready


def missing_grant(site: Site) -> None:
    """A client that may not use the grant gets the server's own message."""
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
"""Cases that every server has, with a client secret."""

CAPABLE: Final[dict[Capability, Case]] = {
    Capability.AUDIENCE: permission.audience,
    Capability.RESOURCE: permission.resource,
}

LAST: Final = "restart of the server"
"""The case tried after all other cases of the server, since it affects all of them."""


def cases(server: TokenServer | type[TokenServer]) -> dict[str, Case]:
    """All cases for the server, by name."""
    found: dict[str, Case] = {}
    for method in sorted(server.methods):
        found[f"{method}"] = lambda site, method=method: issue(site, method)  # type: ignore[misc]
        found[f"{method}, renewals"] = lambda site, method=method: renew(site, method)  # type: ignore[misc]
        if method is federation.METHOD:  # the client holds nothing that the server could rotate
            found[f"{method}, disabled"] = federation.disabled
        else:
            found[f"{method}, rotated"] = lambda site, method=method: rotated(site, method)  # type: ignore[misc]
    capable = {str(capability): case for capability, case in CAPABLE.items() if capability in server.capabilities}
    return found | CASES | capable | {LAST: outage.restarted}


@dataclass(frozen=True)
class Result:
    """The result of one case."""

    seconds: float
    failure: BaseException | None


def begin(pool: ThreadPoolExecutor, site: Site) -> dict[str, "Future[Result]"]:
    """Starts all cases of a server in parallel, except the last one: most of the time they wait."""

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
