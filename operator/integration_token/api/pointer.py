"""JSON Pointers (RFC 6901), which a spec uses to say where a response holds a value."""

import re
from typing import Any, Final

MAX_POINTER: Final = 256
"""Characters: far more than any server's response needs."""

_POINTER = re.compile(r"(/([^~/]|~[01])*){0,8}")
"""At most eight steps: no response nests a token deeper."""

_INDEX = re.compile(r"0|[1-9][0-9]{0,5}")
"""RFC 6901, 4: no leading zeros. A response of 64 KiB has no longer arrays."""


def check_pointer(text: str) -> None:
    """Checks that it can be followed.

    :raises ValueError: if it cannot.
    """
    if len(text) > MAX_POINTER or _POINTER.fullmatch(text) is None:
        raise ValueError(
            f"{text[:64]!r} is not a JSON Pointer of at most 8 steps and {MAX_POINTER} characters,"
            " such as /data/access_token"
        )


def find(document: Any, pointer: str) -> Any:
    """The value that a checked pointer leads to in a document from `json.loads`; None if it leads nowhere."""
    value = document
    for step in pointer.split("/")[1:]:
        if isinstance(value, dict):
            value = value.get(step.replace("~1", "/").replace("~0", "~"))
        elif isinstance(value, list) and _INDEX.fullmatch(step) and int(step) < len(value):
            value = value[int(step)]
        else:
            return None
    return value
