"""Condition messages that stay true while time passes, so that no status is written for their words alone. Pure.

The time of the next attempt is given as one of a few upper bounds, which holds for every attempt. A message gives an
instant only if someone else has set it.
"""

import re
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from integration_token.api.condition import Condition, Trait, condition_of
from integration_token.api.value import format_time, parse_time
from integration_token.clock import Instant
from integration_token.controller.earlier_wording import in_todays_words

_BOUNDS = {"30 s": 30.0, "1 min": 60.0, "5 min": 300.0, "10 min": 600.0, "15 min": 900.0}
"""In seconds. No wait is longer than the last one."""

_CLOSE = 2.0
"""Seconds by which two instants may differ that mean the same: each is computed from a clock's reading."""

_WORTH_TELLING = 60.0
"""Seconds from which the end of a pause is worth a message, although each one is a write."""

_TIME = re.compile(rf"\bdue within ({'|'.join(_BOUNDS)})\b|\b(\d{{4}}-\d\d-\d\dT\d\d:\d\d:\d\dZ)")
_ANSWERED = re.compile(r"(?:the endpoint|\S+) answered ([1-5]\d\d[^;]*)")


def due_within(seconds: float) -> str:
    """The smallest bound that covers this many seconds, such as "due within 5 min"."""
    return f"due within {next((text for text, bound in _BOUNDS.items() if seconds <= bound), '15 min')}"


def next_attempt(longest: float, pause: Instant | None, now: Instant) -> str:
    """When a failed request is repeated, for its message.

    :param longest: maximum seconds until the next attempt.
    :param pause: the end of the pause that the endpoint asked for, if it did.
    """
    if pause is not None and pause.seconds_from(now) >= _WORTH_TELLING:
        return f"the endpoint asked for a pause until {format_time(pause.wall)}"
    seconds = longest if pause is None else max(longest, pause.seconds_from(now))
    return f"the next attempt is {due_within(seconds)}"


def keep_wording(condition: Condition, status: Mapping[str, Any], *, same: bool | None = None) -> Condition:
    """The condition with the message that it has in the status, if that says the same: wording alone is no write.

    :param same: whether it does, if something else than the words shows that.
    """
    before = condition_of(status, condition.type)
    if (condition.status, condition.reason) != (before.get("status") == "True", before.get("reason")):
        return condition
    message = str(before.get("message", ""))
    if same is None:
        same = Trait.FIXED_MESSAGE in condition.reason.traits or says_same(message, condition.message)
    return replace(condition, message=message) if same else condition


def says_same(before: str, now: str) -> bool:
    """Whether the message `before` says all that `now` does. It may be in an earlier version's words, have a larger
    bound, which still holds, and differ in instants by a moment."""
    if before == now or _has_same_words(before, now):
        return True
    today = in_todays_words(before)
    return _has_same_words(today, now) or _is_same_answer(today, now)


def _has_same_words(before: str, now: str) -> bool:
    old, new = _TIME.split(before), _TIME.split(now)
    if old[::3] != new[::3]:
        return False
    times = zip(old[1::3], new[1::3], old[2::3], new[2::3], strict=True)
    return all(_still_holds(*each) for each in times)


def _still_holds(old_bound: str | None, bound: str | None, old_instant: str | None, instant: str | None) -> bool:
    if old_bound and bound:
        return _BOUNDS[old_bound] >= _BOUNDS[bound]
    return bool(old_instant and instant) and abs(_seconds(str(old_instant)) - _seconds(str(instant))) <= _CLOSE


def _is_same_answer(before: str, now: str) -> bool:
    """Whether a version that gave no times reported the same answer."""
    old, new = _ANSWERED.match(before), _ANSWERED.match(now)
    return not _TIME.search(before) and old is not None and new is not None and old[1] == new[1]


def _seconds(instant: str) -> float:
    try:
        return parse_time(instant)
    except ValueError:  # in a server's text
        return float("inf")
