"""Values as the Kubernetes API writes them: Go durations, RFC 3339 times and object names."""

import re
from datetime import UTC, datetime
from functools import lru_cache
from typing import Literal

import durationpy

_NAME = re.compile(r"[a-z0-9]([-a-z0-9.]*[a-z0-9])?")


_LONGEST_CACHED = 32
"""Characters of a duration that is parsed only once: nobody writes longer ones."""


def parse_duration(text: str) -> float:
    """Seconds of a Go duration such as `1h30m`.

    :raises ValueError: if the text is not a duration.
    """
    try:
        if len(text) <= _LONGEST_CACHED:
            return _parse_short_duration(text)
        return float(durationpy.from_str(text).total_seconds())
    except (durationpy.DurationError, OverflowError, AttributeError, TypeError):
        raise ValueError(f"{str(text)[:64]!r} is not a duration such as 30s, 15m or 1h30m") from None


@lru_cache(maxsize=256)
def _parse_short_duration(text: str) -> float:
    """Cached: most resources have the same few, and parsing one takes as long as the rest of a spec."""
    return float(durationpy.from_str(text).total_seconds())


def format_time(seconds: float) -> str:
    """RFC 3339 in UTC with whole seconds, rounded down, from seconds since the epoch."""
    return _format_second(int(seconds))


@lru_cache(maxsize=64)
def _format_second(second: int) -> str:
    """Cached: the same few seconds occur repeatedly while many resources are processed."""
    return datetime.fromtimestamp(second, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def format_precise_time(seconds: float, digits: Literal["milliseconds", "microseconds"] = "milliseconds") -> str:
    """RFC 3339 in UTC with milliseconds or microseconds."""
    return datetime.fromtimestamp(seconds, UTC).isoformat(timespec=digits).replace("+00:00", "Z")


def parse_time(text: str) -> float:
    """Seconds since the epoch of an RFC 3339 time.

    :raises ValueError: if the text is not a time.
    """
    moment = datetime.fromisoformat(text)
    if moment.tzinfo is None:
        raise ValueError(f"{text!r} has no time zone")
    return moment.timestamp()


def is_name(text: str) -> bool:
    """Whether this is a valid object name (RFC 1123) for all kinds used here. The author of a reference chooses its
    text, and the HTTP library resolves `..` in a path: into another namespace, or to another kind."""
    return _NAME.fullmatch(text) is not None
