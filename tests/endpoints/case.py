"""What is tried with each server, through the operator: each case is what a user does and sees."""

import time
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from typing import Final

from tests.apiserver.kube import Kube
from tests.endpoints.server import Method, TokenServer
from tests.endpoints.trial import Trial

LIFETIME: Final = 20
"""Seconds that tokens live where they are to be renewed while one waits."""
LASTING: Final = 600
"""Seconds that they live where they are not."""
RENEWALS: Final = 3

_REFUSED: Final = {"InvalidClient", "UnauthorizedClient"}
"""Reasons for wrong credentials: servers don't agree on the error code (RFC 6749, 5.2)."""


@dataclass(frozen=True)
class Site:
    """Where the cases of one server take place."""

    kube: Kube
    server: TokenServer

    @property
    def plain(self) -> Method:
        """A method by client secret that every server of this kind has."""
        return Method.CLIENT_SECRET_POST

    def trial(self, name: str, method: Method) -> Trial:
        """Of a client with that name."""
        return Trial(self.kube, self.server, name, method)


def issue(site: Site, method: Method) -> None:
    """A first token by one request, and a renewal at once where a person asks for one."""
    trial = site.trial(f"issue-{method.lower()}", method)
    trial.begin(site.server.add_client(trial.name, method=method, lifetime=LASTING))
    trial.until_ready()
    assert [answer.status for answer in site.server.requests(trial.name)] == [200]


def renew(site: Site, method: Method) -> None:
    """Over three renewals one request each, and no expired token in the Secret."""
    trial = site.trial(f"renew-{method.lower()}", method)
    trial.begin(site.server.add_client(trial.name, method=method, lifetime=LIFETIME))
    token = trial.until_ready()
    for _ in range(RENEWALS):
        token = trial.until_other(token, LIFETIME)
    assert [answer.status for answer in site.server.requests(trial.name)] == [200] * (1 + RENEWALS)
    assert trial.expired == []


def wrong_secret(site: Site) -> None:
    """A wrong secret is told with what to check; once it is mended, a token comes."""
    trial = site.trial("wrong", site.plain)
    held = site.server.add_client(trial.name, lifetime=LASTING)
    trial.begin(held | {"client_secret": "wrong"})
    ready = trial.until_stalled()
    assert ready["reason"] in _REFUSED, ready
    assert "check the client" in ready["message"], ready
    assert held["client_secret"] not in ready["message"]
    trial.hold(held)
    trial.until_ready()


def rotated(site: Site, method: Method) -> None:
    """What was exchanged at the server alone is told with what to check, while the last token serves on; exchanged in
    the credentials Secret too, it brings the next one at once."""
    trial = site.trial(f"rotated-{method.lower()}", method)
    trial.begin(site.server.add_client(trial.name, method=method, lifetime=LASTING))
    token = trial.until_ready()
    held = site.server.rotate(trial.name)
    trial.ask_for_renewal()
    trial.until(lambda: trial.condition("Refreshed").get("status") == "False", "the refresh to fail")
    refreshed = trial.condition("Refreshed")
    assert refreshed["reason"] in _REFUSED | {"RequestRejected"}, refreshed
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
    assert ready["reason"] in _REFUSED, ready
    assert "client ID" in ready["message"] or "client secret" in ready["message"], ready


def missing_grant(site: Site) -> None:
    """A client that may not use the grant is told so, in the server's own words."""
    trial = site.trial("ungranted", site.plain)
    trial.begin(site.server.add_client(trial.name, lifetime=LASTING, granted=False))
    ready = trial.until_stalled()
    # oidc-provider says invalid_request.
    assert ready["reason"] in {"UnauthorizedClient", "RequestRejected"}, ready


Case = Callable[[Site], None]

CASES: Final[dict[str, Case]] = {
    "wrong secret, then mended": wrong_secret,
    "unknown client": unknown_client,
    "missing grant": missing_grant,
}
"""Those that need a client secret."""


def cases(server: TokenServer | type[TokenServer]) -> dict[str, Case]:
    """All that is tried with the server, by name."""
    methods = sorted(server.methods - {Method.SERVICE_ACCOUNT_TOKEN})
    found: dict[str, Case] = {}
    for method in methods:
        found[f"{method}"] = lambda site, method=method: issue(site, method)  # type: ignore[misc]
        found[f"{method}, renewals"] = lambda site, method=method: renew(site, method)  # type: ignore[misc]
        found[f"{method}, rotated"] = lambda site, method=method: rotated(site, method)  # type: ignore[misc]
    return found | CASES


@dataclass(frozen=True)
class Result:
    """What came of one case."""

    seconds: float
    failure: BaseException | None


def begin(pool: ThreadPoolExecutor, site: Site) -> dict[str, "Future[Result]"]:
    """Start all cases of a server, side by side: most of their time they wait."""

    def run(case: Case) -> Result:
        began, failure = time.monotonic(), None
        try:
            case(site)
        except Exception as error:  # noqa: BLE001  # told by who asks for the result
            failure = error
        return Result(time.monotonic() - began, failure)

    return {name: pool.submit(run, case) for name, case in cases(site.server).items()}
