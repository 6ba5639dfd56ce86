"""The server stops and is restarted, in the middle of a token's lifetime."""

import time
from typing import Final

from tests.endpoints.site import Site

LIFETIME: Final = 120
"""Seconds: more than any server takes to start on a busy machine."""
FAILURES: Final = 2
"""Failed requests before the server is restarted: each waits longer for the next."""


def restarted(site: Site) -> None:
    """Meanwhile the last token stays in use, and the front sees no more requests than the back-off allows.

    The next token comes before the last one expires.
    """
    trial = site.begun("restarted", lifetime=LIFETIME)
    token = trial.until_ready()
    began = time.monotonic()
    site.server.stop()
    try:
        trial.ask_for_renewal()
        trial.until(lambda: len(site.server.requests(trial.name)) > FAILURES, "attempts")
        trial.until(lambda: trial.condition("Refreshed").get("status") == "False", "the refresh to fail")
        refreshed = trial.condition("Refreshed")
        assert refreshed["reason"] == "EndpointError", refreshed
        assert trial.condition("Ready")["status"] == "True"
        assert trial.token() == token
    finally:
        site.server.start()
    took = time.monotonic() - began
    trial.until_other(token, LIFETIME)
    first, *failures, last = (answer.status for answer in site.server.requests(trial.name))
    assert (first, set(failures), last) == (200, {502}, 200)
    assert FAILURES <= len(failures) <= _allowed(took), (failures, took)
    assert trial.expired == []


def _allowed(seconds: float) -> int:
    """The most requests in a row that may fail in that time.

    The delays double from 2 s on, up to a quarter of the token's remaining time; jitter may halve each.
    """
    requests, spent = 1, 1.0
    while spent <= seconds:
        requests += 1
        left = max(0.0, LIFETIME - spent)
        spent += max(1.0, min(2.0 ** (requests - 1), left / 8))
    return requests
