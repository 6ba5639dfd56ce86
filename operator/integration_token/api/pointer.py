"""JSON Pointers (RFC 6901), by which a spec says where an answer holds a value."""

import re
from typing import Any, Final

MAX_POINTER: Final = 256
"""Characters: far more than any server's answer takes."""

_POINTER = re.compile(r"(/([^~/]|~[01])*){0,8}")
"""At most eight steps: no answer nests a token deeper."""

_INDEX = re.compile(r"0|[1-9][0-9]{0,5}")
"""RFC 6901, 4: no leading zeros. An answer of 64 KiB has no longer arrays."""


def check_pointer(text: str) -> None:
    """Whether it can be followed.

    :raises ValueError: where not.
    """
    if len(text) > MAX_POINTER or _POINTER.fullmatch(text) is None:
        raise ValueError(
            f"{text[:64]!r} is not a JSON Pointer of at most 8 steps and {MAX_POINTER} characters,"
            " such as /data/access_token"
        )


def find(document: Any, pointer: str) -> Any:
    """The value that a checked pointer leads to in a document as `json.loads` has it; None where it leads nowhere."""
    value = document
    for step in pointer.split("/")[1:]:
        if isinstance(value, dict):
            value = value.get(step.replace("~1", "/").replace("~0", "~"))
        elif isinstance(value, list) and _INDEX.fullmatch(step) and int(step) < len(value):
            value = value[int(step)]
        else:
            return None
    return value
