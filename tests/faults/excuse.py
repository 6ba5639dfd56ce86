"""What an expired token in a Secret is excused with: by what was done to the world, by the rules, and by who led.

An excuse is a time in which nobody could have brought a better token, with the wait that the rules allow after it.
Nothing in it is the operator's word.
"""

from itertools import takewhile
from typing import Final

from tests.fakes.record import Outcome, Record
from tests.faults.record import History, Injection, Life, Reach

PASSING: Final = 60.0
"""Rule 7: seconds between attempts at most, where no valid token is held."""
SPACING: Final = 5.0
"""Seconds that an attempt waits at least, once half of a minute's twelve requests are used up."""
REWRITE: Final = 300.0
"""Rule 7: seconds between attempts to write what was refused, at most."""
TIMEOUT: Final = 3.0
"""Seconds until a request without an answer has failed: as the run's endpoints are specified."""

TAKEOVER: Final = 20.0
"""Seconds after the end of a leader, or of an outage, in which another leads and works: the Lease lasts 15."""
WORKS: Final = 3.0
"""Seconds in which who has come to lead has listed what there is, and asked for what has expired."""
STAYED: Final = 16.0
"""Seconds that a leader waits, at most, before it tries the API server again: its own deadline is 10 s, and waits that
double from 1 or 2 s reach 16 s in that time."""

Span = tuple[float, float]


def excuses(history: History, life: Life) -> list[Span]:
    """All of a resource's, in no order."""
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
                # Mended ones are acted on at once.
                found.append((each.start, each.end))
            case Reach.NOTHING:
                pass
    return found


def nth_wait(number: int) -> float:
    """Rule 7: seconds to the next attempt after so many failures in a row, where no valid token is held, at most."""
    return min(PASSING, max(SPACING, 2.0 ** min(number, 10)))


def last_wait(seconds: float) -> float:
    """The same where failures were not counted, but went on for so many seconds.

    The n-th wait is between 2^(n-1) and 2^n s, so the waits before it have lasted 2^(n-1) - 1 s or more.
    """
    return min(PASSING, max(SPACING, 2 * (seconds + 1)))


def _led_again(history: History, injection: Injection) -> float:
    """Until when an outage, or the end of a leader, is felt: until another leads and works, `TAKEOVER` at most. Where
    the leader has stayed, by its waits."""
    over = injection.start if injection.reach is Reach.LEADER else injection.end
    led = [term.at for term in history.terms if injection.start < term.at <= over + TAKEOVER]
    if led:
        return min(over + TAKEOVER, led[-1] + WORKS)
    return over + min(TAKEOVER, STAYED, last_wait(injection.end - injection.start))


def _asked_again(history: History, life: Life, injection: Injection) -> float:
    """Until when the wait lasts that is under way at the end of an endpoint's fault, or the pause that it asked for."""
    requests = [each for each in history.requests_of(life) if each.received <= injection.end]
    failures = list(takewhile(_failed, reversed(requests)))
    if not injection.logged:
        since = min(injection.start, failures[-1].received if failures else injection.start)
        return injection.end + last_wait(injection.end - since)
    paused = injection.end + injection.pause  # another of the endpoint's clients may have been the last to be told
    if not failures:
        return paused
    return max(paused, failures[0].received + TIMEOUT + nth_wait(len(failures)))


def _failed(request: Record) -> bool:
    return bool(request.fault) or request.outcome is Outcome.FAILED


def _written_again(history: History, life: Life, injection: Injection) -> float:
    """Until when the wait after the last refused write lasts.

    The n-th wait is between 2.5 * 2^(n-1) and 5 * 2^(n-1) s, so it is no longer than twice what those before it have
    lasted, and 5 s.
    """
    denied = [at for at in history.denied(life) if injection.start <= at <= injection.end]
    return denied[-1] + min(REWRITE, 2 * (denied[-1] - denied[0]) + SPACING) if denied else 0.0
