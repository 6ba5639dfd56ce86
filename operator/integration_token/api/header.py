"""Headers that a spec adds to the token request (RFC 9110, 5)."""

import re
from collections.abc import Iterable
from typing import Final

MAX_HEADER: Final = 2048
"""Characters of a value in a spec."""

_NAME = re.compile(r"[-A-Za-z0-9!#$%&'*+.^_`|~]{1,256}")
_VALUE = re.compile(r"[!-~]([ -~]*[!-~])?")
_NEVER = re.compile(
    r"host|authorization|transfer-encoding|connection|cookie|expect|accept-encoding|(content|proxy)-.*", re.IGNORECASE
)
"""Headers that decide whom the request is for, who sends it, where its body ends or how the response is encoded: a spec
may not set them."""


def check_names(names: Iterable[str]) -> None:
    """Checks that all these headers may be set.

    :raises ValueError: if one may not.
    """
    seen: set[str] = set()
    for name in names:
        if _NAME.fullmatch(name) is None:
            raise ValueError(f"{name[:64]!r} is not a header name")
        if _NEVER.fullmatch(name):
            raise ValueError(f"header {name[:64]} is set by the operator or the connection and cannot be replaced")
        if name.lower() in seen:
            raise ValueError(f"header {name[:64]} is set twice")
        seen.add(name.lower())


def fits(value: str) -> bool:
    """Whether a header can have this value: printable ASCII without a space at either end."""
    return _VALUE.fullmatch(value) is not None


def overlaid(headers: Iterable[tuple[str, str]], more: Iterable[tuple[str, str]]) -> dict[str, str]:
    """The headers with `more` added; each of those replaces a header of the same name in any case."""
    found = {name.lower(): (name, value) for name, value in (*headers, *more)}
    return dict(found.values())
