"""Roughly how much memory a value takes."""

from collections.abc import Iterable, Mapping
from sys import getsizeof
from typing import Any

_NUMBER = 32
"""Bytes of anything but a text, mapping or sequence."""


def fits(values: Iterable[Any], limit: int) -> bool:
    """Whether the values together take at most `limit` bytes: texts, numbers, and mappings and sequences of them.

    Stops as soon as the answer is known.
    """
    return _left(values, limit, set()) >= 0


def _left(values: Iterable[Any], left: int, seen: set[int]) -> int:
    """What remains of that many bytes; below 0 if they are too few.

    :param seen: mapping keys already counted, by identity: the JSON parser shares equal keys.
    """
    for value in values:
        kind = type(value)
        if kind is str:
            left -= getsizeof(value)
        elif kind is dict or isinstance(value, Mapping):
            left -= getsizeof(value)
            for key in value:
                if id(key) not in seen:
                    seen.add(id(key))
                    left -= getsizeof(key)
            if left >= 0:
                left = _left(value.values(), left, seen)
        elif kind is list or kind is tuple:
            left = _left(value, left - getsizeof(value), seen)
        else:
            left -= _NUMBER
        if left < 0:
            break
    return left
