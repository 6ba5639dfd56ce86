"""How much memory a value takes, by and large."""

import sys
from collections.abc import Iterable, Mapping
from typing import Any


def fits(values: Iterable[Any], limit: int) -> bool:
    """Whether the values together take no more than `limit` bytes: texts, numbers, and mappings and sequences of them.

    Looks at no more of them than it needs to.
    """
    left = limit
    rest = list(values)
    while rest and left >= 0:
        value = rest.pop()
        left -= sys.getsizeof(value)
        if left < 0:
            return False
        if isinstance(value, Mapping):
            rest += value.keys()
            rest += value.values()
        elif isinstance(value, list | tuple):
            rest += value
    return left >= 0
