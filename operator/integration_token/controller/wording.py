"""Times in the messages of conditions, in words that stand though time goes on: a status is not written for them. Pure.

When something is tried again is told by one of a few bounds, which is true of every attempt. An instant is told only
where somebody else has fixed it.
"""

import re

from integration_token.api.value import format_time, parse_time
from integration_token.clock import Instant

_BOUNDS = {"30 s": 30.0, "1 min": 60.0, "5 min": 300.0, "10 min": 600.0, "15 min": 900.0}
"""In seconds. No wait is longer than the last one."""

_CLOSE = 2.0
"""Seconds by which two instants may differ that tell of the same: each is computed from a clock's reading."""

_WORTH_TELLING = 60.0
"""Seconds of a pause from which its end is told, though that is a write for each."""

_TIME = re.compile(rf"\bdue within ({'|'.join(_BOUNDS)})\b|\b(\d{{4}}-\d\d-\d\dT\d\d:\d\d:\d\dZ)")
_ANSWERED = re.compile(r"\banswered ([1-5]\d\d[^;]*)")


def due_within(seconds: float) -> str:
    """The least of the bounds that covers so many seconds, such as "due within 5 min"."""
    return f"due within {next((text for text, bound in _BOUNDS.items() if seconds <= bound), '15 min')}"


def next_attempt(longest: float, pause: Instant | None, now: Instant) -> str:
    """When a request that failed is made again.

    :param longest: seconds until any further attempt, at most.
    :param pause: until when the endpoint wants to be left alone with it, if it said so.
    """
    if pause is not None and pause.seconds_from(now) >= _WORTH_TELLING:
        return f"it asks to be left alone until {format_time(pause.wall)}"
    seconds = longest if pause is None else max(longest, pause.seconds_from(now))
    return f"the next attempt is {due_within(seconds)}"


def says_same(before: str, now: str) -> bool:
    """Whether a message that stands says all that another one would: it differs at most in a bound that is larger and
    so still true, and in instants by a moment."""
    if before == now or _is_other_wording(before, now):
        return True
    old, new = _TIME.split(before), _TIME.split(now)
    if old[::3] != new[::3]:
        return False
    times = zip(old[1::3], new[1::3], old[2::3], new[2::3], strict=True)
    return all(_still_holds(*each) for each in times)


def _still_holds(old_bound: str | None, bound: str | None, old_instant: str | None, instant: str | None) -> bool:
    if old_bound and bound:
        return _BOUNDS[old_bound] >= _BOUNDS[bound]
    return bool(old_instant and instant) and abs(_seconds(str(old_instant)) - _seconds(str(instant))) <= _CLOSE


def _is_other_wording(before: str, now: str) -> bool:
    """Whether a version that told no times has told of the same answer."""
    old, new = _ANSWERED.search(before), _ANSWERED.search(now)
    return not _TIME.search(before) and old is not None and new is not None and old[1] == new[1]


def _seconds(instant: str) -> float:
    try:
        return parse_time(instant)
    except ValueError:  # in what an endpoint said
        return float("inf")
