"""Values as the Kubernetes API writes them: Go durations, RFC 3339 times and the names of objects."""

import re
from datetime import UTC, datetime
from functools import lru_cache
from typing import Literal

import durationpy

_NAME = re.compile(r"[a-z0-9]([-a-z0-9.]*[a-z0-9])?")


def parse_duration(text: str) -> float:
    """Seconds of a Go duration such as `1h30m`.

    :raises ValueError: where the text is none.
    """
    try:
        return float(durationpy.from_str(text).total_seconds())
    except (durationpy.DurationError, OverflowError, AttributeError, TypeError):
        raise ValueError(f"{str(text)[:64]!r} is not a duration such as 30s, 15m or 1h30m") from None


def format_time(seconds: float) -> str:
    """RFC 3339 in UTC with whole seconds, rounded down, of seconds since the epoch."""
    return _format_second(int(seconds))


@lru_cache(maxsize=64)
def _format_second(second: int) -> str:
    """Of a few seconds over and over, where many resources are worked on at once."""
    return datetime.fromtimestamp(second, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def format_precise_time(seconds: float, digits: Literal["milliseconds", "microseconds"] = "milliseconds") -> str:
    """RFC 3339 in UTC with milliseconds or microseconds."""
    return datetime.fromtimestamp(seconds, UTC).isoformat(timespec=digits).replace("+00:00", "Z")


def parse_time(text: str) -> float:
    """Seconds since the epoch of an RFC 3339 time.

    :raises ValueError: where the text is none.
    """
    moment = datetime.fromisoformat(text)
    if moment.tzinfo is None:
        raise ValueError(f"{text!r} has no time zone")
    return moment.timestamp()


def is_name(text: str) -> bool:
    """Whether an object may be named so (RFC 1123), as all kinds here are. Whoever writes a reference chooses its text,
    and the HTTP library follows the `..` of a path: into another namespace, or to another kind."""
    return _NAME.fullmatch(text) is not None
