"""Every fault of a token endpoint: what the user sees, what happens to a valid token, and how it recovers.

A separate resource meets each fault, all at the same time, and twice: for the first token, and when polling a valid
one. The tests check what was recorded.
"""

from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Final

import pytest

from tests.apiserver.kube import Document
from tests.apiserver.stage import Stage, Token
from tests.cluster.poll import poll
from tests.fakes import fault
from tests.fakes.fault import CATALOGUE, Fault

PATIENCE: Final = 40.0
"""Seconds for all resources together to reach their expected state."""

GOOD: Final = {
    "slow",
    "drip",
    "duplicate keys",
    "token_type missing",
    "token_type null",
    "expires_in missing",
    "expires_in null",
    "expires_in empty",
    "expires_in UNIX time",
    "expires_on alone",
    "expires_in zero",
    "expires_in boolean",
    "expires_in 2^62",
    "expires_in NaN",
    "expires_in text",
    "expires_in string",
    "expires_in float",
    "frozen",
    "replayed",
    "Date +7200 s",
    "alternating",
    "uncached",
    "shorter-lived",
    "fewer scopes",
}
"""Faults whose response has a usable token."""

INVALID: Final = "InvalidResponse"
PASSING: Final = {
    "hang": "Timeout",
    "reset": "EndpointUnreachable",
    "no HTTP": "EndpointUnreachable",
    "truncated": "EndpointUnreachable",
    **dict.fromkeys(("huge", "endless", "gzip bomb", "HTML", "array", "empty", "deep", "form-encoded"), INVALID),
    **dict.fromkeys(("token_type wrong", "token_type echo"), INVALID),
    **{
        f"access_token {what}": INVALID
        for what in ("missing", "null", "empty", "number", "CRLF", "spaces", "non-ASCII")
    },
    **dict.fromkeys(("expires_in negative", "expired on arrival", "expired JWT"), INVALID),
    **dict.fromkeys(("408", "425", "500", "503", "503 Retry-After"), "EndpointError"),
    **{
        f"429 {what}": "RateLimited"
        for what in (
            "Retry-After seconds",
            "Retry-After date",
            "x-ratelimit-reset",
            "Retry-After garbage",
            "Retry-After negative",
        )
    },
}
"""Faults that may be over by the next request, with their reason."""

STALLED: Final = {
    "200 with an error": "InvalidClient",
    "400 invalid_scope": "InvalidScope",
    "400 unauthorized_client": "UnauthorizedClient",
    "403 access_denied": "AccessDenied",
    "401": "InvalidClient",
    "404": "RequestRejected",
    "redirect 302": "RequestRejected",
    "redirect 307": "RequestRejected",
    **{echo.name: "InvalidClient" for echo in fault.ECHOES},
}
"""Faults that only a person can fix."""

BAD: Final = PASSING | STALLED

ENDED: Final = {"expires_in negative"}
"""Faults that say the current token has expired, which is believed: they have their own test."""


@dataclass
class Course:
    """What was recorded of one fault."""

    fault: Fault
    token: Token
    first: Document = field(default_factory=dict)
    """The conditions with the fault from the beginning, by type."""
    secret_then: Document | None = None
    issued: bool = False
    """Whether it was Ready after that."""
    before: str = ""
    """The token before the fault came again."""
    again: Document = field(default_factory=dict)
    """The conditions after a poll met the fault."""
    held_then: str = ""
    refreshed: Document = field(default_factory=dict)
    """The conditions at the end, when the endpoint worked again."""
    events: list[str] = field(default_factory=list)

    @property
    def name(self) -> str:
        """The fault's name."""
        return self.fault.name

    def conditions(self) -> Document:
        """The current conditions, by type."""
        return {condition["type"]: condition for condition in self.token.status().get("conditions", [])}


def _all(courses: list[Course], condition: Callable[[Course], object], what: str) -> None:
    """Waits until each of them meets the condition, one after the other: once met, it stays so."""
    waiting = list(courses)

    def none_left() -> bool:
        waiting[:] = [course for course in waiting if not condition(course)]
        return not waiting

    # The tests find out what is missing, each for its own fault.
    with suppress(TimeoutError):
        poll(none_left, what, PATIENCE)


def _reached(seen: Document, kind: str, reason: str) -> bool:
    condition = seen.get(kind, {})
    return bool((condition.get("status"), condition.get("reason")) == ("False", reason))


@pytest.fixture(scope="module")
def courses(stage: Stage) -> dict[str, Course]:
    """All faults, each with its course."""
    found = []
    for number, kind in enumerate(CATALOGUE):
        # Some faults make everybody stay away from the endpoint, so each fault has its own.
        name = f"fault-{number}"
        stage.endpoint(name, timeout="1s")
        # A secret echoed as an error code must be a valid code.
        secret = stage.ledger.plain_secret() if "echo" in kind.name and number % 2 else ""
        found.append(Course(kind, stage.token(name, endpoint=name, fault=kind, secret=secret)))
    _first_tokens(found)
    _polls(found)
    told = [course for course in found if course.name in BAD.keys() - ENDED]
    _all(told, lambda course: course.token.events()[3:].count("Recovered") == 1, "all to be told")
    for course in found:
        course.events = course.token.events()
        if course.name in ENDED:
            stage.login.endpoint.roll_over(course.token.client_id)
    return {course.name: course for course in found}


def _first_tokens(courses: list[Course]) -> None:
    def failing(course: Course) -> bool:
        course.first, course.secret_then = course.conditions(), course.token.secret()
        if course.name in GOOD:
            return bool(course.first.get("Ready", {}).get("status") == "True")
        return _reached(course.first, "Ready", BAD[course.name])

    _all(courses, failing, "the first conditions")
    for course in courses:
        course.token.mend()
        course.token.request_poll()

    def ready(course: Course) -> bool:
        course.issued = course.conditions().get("Ready", {}).get("status") == "True"
        return course.issued

    _all(courses, ready, "the first tokens")


def _polls(courses: list[Course]) -> None:
    for course in courses:
        course.before = course.token.held
        course.token.fault(course.fault)
        course.token.request_poll()

    def polled(course: Course) -> bool:
        course.again, course.held_then = course.conditions(), course.token.held
        if course.name in ENDED:
            return _reached(course.again, "Ready", "TokenExpired")
        if course.name in GOOD:
            wish = course.token.document()["metadata"]["annotations"]["integrationtoken.dev/renew-requested-at"]
            return bool(course.token.status().get("lastHandledRenewRequest") == wish)
        return _reached(course.again, "Refreshed", BAD[course.name])

    _all(courses, polled, "the polls")
    for course in courses:
        course.token.mend()
        course.token.request_poll()

    def mended(course: Course) -> bool:
        course.refreshed = course.conditions()
        return bool(course.refreshed.get("Refreshed", {}).get("status") == "True")

    _all(courses, mended, "the mended polls")


def test_every_fault_is_expected_here() -> None:
    """The catalogue and the expectations are the same faults."""
    assert {kind.name for kind in CATALOGUE} == GOOD | BAD.keys()
    assert len(GOOD) + len(BAD) == len(CATALOGUE)


@pytest.mark.parametrize("name", sorted(GOOD))
def test_usable_answers_bring_a_token(courses: dict[str, Course], name: str) -> None:
    """An odd response with a usable token is as good as any."""
    course = courses[name]

    assert course.first["Ready"]["status"] == course.first["Refreshed"]["status"] == "True"
    assert "Recovered" not in course.events
    assert course.token.held in course.token.minted()


@pytest.mark.parametrize("name", sorted(BAD))
def test_fault_without_a_token_is_reported(courses: dict[str, Course], name: str) -> None:
    """Without a token Ready is False with the fault's reason; Stalled is True only if a person has to help."""
    course = courses[name]

    ready, refreshed, stalled = (course.first.get(kind, {}) for kind in ("Ready", "Refreshed", "Stalled"))
    assert (ready["status"], ready["reason"]) == ("False", BAD[name])
    assert (refreshed["status"], refreshed["reason"]) == ("False", BAD[name])
    assert stalled["status"] == ("True" if name in STALLED else "False")
    assert ready["message"]
    assert len(ready["message"]) < 400
    assert course.secret_then is None


@pytest.mark.parametrize("name", sorted(BAD))
def test_fault_is_recovered_from(courses: dict[str, Course], name: str) -> None:
    """After the fault the token comes, with one event each for failing, issued and recovered, and none for a poll."""
    course = courses[name]

    assert course.issued
    assert course.events[:3] in (
        [BAD[name], "Issued", "Recovered"],
        [BAD[name], "Recovered", "Issued"],
    )


@pytest.mark.parametrize("name", sorted(BAD.keys() - ENDED))
def test_fault_at_a_poll_keeps_the_good_token(courses: dict[str, Course], name: str) -> None:
    """A failing poll keeps the valid token, Ready True and Stalled False; Refreshed is False with the reason."""
    course = courses[name]

    assert course.held_then == course.before != ""
    assert course.again["Ready"]["status"] == "True"
    refreshed = course.again["Refreshed"]
    assert (refreshed["status"], refreshed["reason"]) == ("False", BAD[name])
    assert course.again["Stalled"]["status"] == "False"


@pytest.mark.parametrize("name", sorted(BAD.keys() - ENDED))
def test_fault_at_a_poll_is_recovered_from(courses: dict[str, Course], name: str) -> None:
    """After the fault Refreshed is True again, with one event; the same token causes no other."""
    course = courses[name]

    assert course.refreshed["Refreshed"]["status"] == "True"
    assert course.refreshed["Stalled"]["status"] == "False"
    assert course.events[3:] == [BAD[name], "Recovered"]


def test_worse_answers_never_replace_a_better_token(courses: dict[str, Course]) -> None:
    """Neither a shorter-lived token from outside the cache nor an old one from a second cache is taken."""
    assert courses["shorter-lived"].held_then == courses["shorter-lived"].before
    assert courses["alternating"].held_then == courses["alternating"].before
    assert courses["frozen"].held_then == courses["frozen"].before
    assert courses["fewer scopes"].again["Refreshed"]["reason"] in ("ScopesReduced", "Refreshed")


@pytest.mark.parametrize("name", sorted(ENDED))
def test_held_token_that_is_said_to_have_expired(courses: dict[str, Course], name: str) -> None:
    """A response saying that the current token has no time left is believed, until a rollover."""
    course = courses[name]

    assert course.held_then == course.before
    assert course.refreshed["Ready"]["reason"] == "TokenExpired"
    # A renewal request would have to wait after so many in a minute; an expired token is polled every half minute.
    course.token.until_ready(35)
    assert course.token.held == course.token.minted()[-1] != course.before
