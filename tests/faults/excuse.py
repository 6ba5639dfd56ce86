"""What excuses an expired token in a Secret: faults, the rules, and who led.

An excuse is a time in which nobody could have brought a better token, plus the wait that the rules allow after it. It
never relies on what the operator says.
"""

from itertools import takewhile
from typing import Final

from tests.fakes.record import Outcome, Record
from tests.faults.record import History, Injection, Life, Reach

PASSING: Final = 60.0
"""Rule 7: maximum seconds between attempts without a valid token."""
SPACING: Final = 5.0
"""Minimum seconds that an attempt waits once half of a minute's twelve requests are used up."""
REWRITE: Final = 300.0
"""Rule 7: maximum seconds between attempts to write after a refusal."""
TIMEOUT: Final = 3.0
"""Seconds until a request without a response has failed, according to the run's endpoint specs."""

TAKEOVER: Final = 20.0
"""Seconds after the end of a leader or an outage until another leads and works: the Lease lasts 15."""
WORKS: Final = 3.0
"""Seconds in which a new leader has listed everything and requested what has expired."""
STAYED: Final = 16.0
"""Maximum seconds that a leader waits before it retries the API server.

Its own deadline is 10 s, and delays that double from 1 or 2 s reach 16 s in that time.
"""

Span = tuple[float, float]


def excuses(history: History, life: Life) -> list[Span]:
    """All excuses of a resource, in no order."""
    found: list[Span] = []
    for each in history.injections:
        if not each.strikes(life.place):
            continue
        match each.reach:
            case Reach.API | Reach.LEADER:
                found.append((each.start, _led_again(history, each)))
            case Reach.ENDPOINT:
                found.append((each.start, max(each.end, _asked_again(history, life, each))))
            case Reach.WRITE:
                found.append((each.start, max(each.end, _written_again(history, life, each))))
            case Reach.CREDENTIALS:
                # Fixed ones are acted on at once.
                found.append((each.start, each.end))
            case Reach.NOTHING:
                pass
    return found


def nth_wait(number: int) -> float:
    """Rule 7: maximum seconds to the next attempt after this many failures in a row, without a valid token."""
    return min(PASSING, max(SPACING, 2.0 ** min(number, 10)))


def last_wait(seconds: float) -> float:
    """The same if failures weren't counted, but lasted this many seconds.

    The n-th wait is between 2^(n-1) and 2^n s, so the waits before it have lasted 2^(n-1) - 1 s or more.
    """
    return min(PASSING, max(SPACING, 2 * (seconds + 1)))


def _led_again(history: History, injection: Injection) -> float:
    """Until when an outage or the end of a leader has an effect: until another leads and works, at most `TAKEOVER`.

    If the leader has stayed, its waits decide.
    """
    over = injection.start if injection.reach is Reach.LEADER else injection.end
    led = [term.at for term in history.terms if injection.start < term.at <= over + TAKEOVER]
    if led:
        return min(over + TAKEOVER, led[-1] + WORKS)
    return over + min(TAKEOVER, STAYED, last_wait(injection.end - injection.start))


def _asked_again(history: History, life: Life, injection: Injection) -> float:
    """When the wait under way at the end of an endpoint's fault ends, or the pause that it asked for."""
    requests = [each for each in history.requests_of(life) if each.received <= injection.end]
    failures = list(takewhile(_failed, reversed(requests)))
    if not injection.logged:
        since = min(injection.start, failures[-1].received if failures else injection.start)
        return injection.end + last_wait(injection.end - since)
    paused = injection.end + injection.pause  # another of the endpoint's clients may have been told last
    if not failures:
        return paused
    return max(paused, failures[0].received + TIMEOUT + nth_wait(len(failures)))


def _failed(request: Record) -> bool:
    return bool(request.fault) or request.outcome is Outcome.FAILED


def _written_again(history: History, life: Life, injection: Injection) -> float:
    """When the wait after the last refused write ends.

    The n-th wait is between 2.5 * 2^(n-1) and 5 * 2^(n-1) s, so it is at most twice the time of those before it, plus 5
    s.
    """
    denied = [at for at in history.denied(life) if injection.start <= at <= injection.end]
    return denied[-1] + min(REWRITE, 2 * (denied[-1] - denied[0]) + SPACING) if denied else 0.0
