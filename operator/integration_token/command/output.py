"""Output of commands: tables and JSON of harmless text, and the exit codes. Pure."""

import json
from collections.abc import Iterable, Mapping, Sequence
from enum import IntEnum
from typing import Any, Final

_LONGEST: Final = 1024
"""Maximum characters shown of one text: anyone who can write a status could fill the screen."""


class ExitCode(IntEnum):
    """The result of a command."""

    GOOD = 0
    NOT_GOOD = 1
    """What was checked or requested is not as it should be."""
    WRONG_USE = 2
    NO_CLUSTER = 3
    """The API server cannot be reached, or refuses what the command needs."""
    INTERRUPTED = 130


def harmless(value: object, longest: int = _LONGEST) -> str:
    """Text from others, on one line and without terminal control characters."""
    text = "".join(character if character.isprintable() else " " for character in str(value)[: longest + 1])
    return text if len(text) <= longest else f"{text[:longest]}…"


def table(head: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """Columns as kubectl prints them; the last one is not padded."""
    lines = [tuple(head), *(tuple(harmless(cell) or "-" for cell in row) for row in rows)]
    widths = [max(map(len, column)) for column in zip(*lines, strict=True)]
    return "\n".join(
        "   ".join(cell.ljust(width) for cell, width in zip(line, widths, strict=True)).rstrip() for line in lines
    )


def document(content: Mapping[str, Any] | Sequence[Mapping[str, Any]]) -> str:
    """For programs: JSON with documented keys; non-ASCII characters are escaped."""
    return json.dumps(content, indent=2)


def span(seconds: float) -> str:
    """A time relative to now, such as `in 3h12m` or `5m ago`."""
    left = abs(int(seconds))
    days, hours, minutes = left // 86400, left // 3600 % 24, left // 60 % 60
    if days:
        text = f"{days}d{hours}h" if hours else f"{days}d"
    elif hours:
        text = f"{hours}h{minutes}m" if minutes else f"{hours}h"
    else:
        text = f"{minutes}m" if minutes else f"{left % 60}s"
    return f"in {text}" if seconds >= 0 else f"{text} ago"
