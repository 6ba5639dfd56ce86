"""The readings of a text: as it is, as it would be shown, with its escapes undone, and decoded from base64."""

import binascii
import html
import json
import re
from bisect import bisect_right
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import cache, cached_property
from itertools import accumulate, compress, islice, product
from typing import Protocol

_NESTING = 3
"""Layers of escapes that are undone: more than careless software nests."""

_ESCAPED = 512
"""Escapes that are undone in one text, and again in each of its layers: a sentence has few."""

_READ = 4 * 1024
"""Bytes that the readings may take beyond one and a half times the first ones."""

SEPARATORS = bytes({*range(0x80)} - {*b"abcdefghijklmnopqrstuvwxyz0123456789"})
"""All of ASCII except lower-case letters and digits: what may be inserted into a secret, or replace a part of it."""

_BASE64 = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789"
_FOREIGN = tuple(bytes({*range(256)} - {*_BASE64, *marks}) for marks in (b"+/", b"-_", b""))
"""What may occur between the characters of the two base64 alphabets, and of their common part."""
_STANDARD = bytes.maketrans(b"-_", b"+/")


class Reading(Protocol):
    """One reading of a text. Its origin is computed only on demand, which is rare."""

    @property
    def data(self) -> bytes:
        """The bytes that are read."""

    def span(self, start: int, end: int) -> tuple[int, int]:
        """The place in the text that these bytes come from."""


@dataclass(frozen=True, slots=True)
class Text:
    """A text, possibly with its escapes undone."""

    data: bytes
    starts: Sequence[int]
    """Where the source of each byte begins in the text."""
    ends: Sequence[int]
    """Where it ends."""

    def span(self, start: int, end: int) -> tuple[int, int]:
        """The place in the text that these bytes come from."""
        return self.starts[start], self.ends[end - 1]

    def lower(self) -> "Text":
        """With ASCII letters in lower case."""
        return Text(self.data.lower(), self.starts, self.ends)

    def squeezed(self) -> "Part":
        """Only letters and digits: hyphens, spaces or line breaks inserted into a secret do not hide it."""
        lower = self.lower()
        return Part(lower.data.translate(None, SEPARATORS), lower, SEPARATORS)

    def decoded(self) -> Iterator["Decoded"]:
        """Decoded from base64, ignoring anything between its characters, starting at each of a group's four
        positions."""
        for letters, foreign in {self.data.translate(None, foreign): foreign for foreign in _FOREIGN}.items():
            source = Part(letters, self, foreign)
            for missing in range(4):
                whole = b"A" * missing + letters.translate(_STANDARD)
                data = binascii.a2b_base64(whole + b"A" * (-len(whole) % 4))
                # Of the first and the last group, only the bytes that are complete.
                yield Decoded(data[missing : len(whole) * 3 // 4], missing, source)


@dataclass(frozen=True)
class Part:
    """A reading without some bytes."""

    data: bytes
    whole: Text
    unwanted: bytes

    def span(self, start: int, end: int) -> tuple[int, int]:
        """The place in the text that these bytes come from."""
        return self.whole.span(self._kept[start], self._kept[end - 1] + 1)

    @cached_property
    def _kept(self) -> list[int]:
        return list(compress(range(len(self.whole.data)), self.whole.data.translate(_table_of(self.unwanted))))


@dataclass(frozen=True, slots=True)
class Decoded:
    """A text decoded from base64, if it is base64."""

    data: bytes
    missing: int
    """Characters, and so bytes, of the first group that are missing."""
    source: Part

    def span(self, start: int, end: int) -> tuple[int, int]:
        """The place in the text that these bytes come from."""
        return self.source.span(self._character(start), self._character(end - 1) + 2)

    def _character(self, byte: int) -> int:
        """The first of the two characters that encode this byte."""
        byte += self.missing
        return byte // 3 * 4 + byte % 3 - self.missing


class Joined:
    """Several readings, joined by a byte that none of them contains."""

    def __init__(self, readings: Sequence[Reading], between: bytes) -> None:
        self.data = between.join(reading.data for reading in readings)
        self._readings = readings
        self._begins = list(accumulate((len(reading.data) + 1 for reading in readings), initial=0))

    def span(self, start: int, end: int) -> tuple[int, int]:
        """The place in the text that these bytes of one reading come from."""
        number = bisect_right(self._begins, start) - 1
        begin = self._begins[number]
        return self._readings[number].span(start - begin, end - begin)


@cache
def _table_of(unwanted: bytes) -> bytes:
    return bytes(byte not in unwanted for byte in range(256))


def plain(text: str, places: Sequence[int]) -> Text:
    """A text as it is, in UTF-8; `places` are the true positions of its characters."""
    if text.isascii():
        return Text(text.encode(), places, [place + 1 for place in places])
    encoded = [character.encode(errors="replace") for character in text]
    starts = [place for place, data in zip(places, encoded, strict=True) for _ in data]
    return Text(b"".join(encoded), starts, [start + 1 for start in starts])


def undone(views: list[Text]) -> tuple[list[Text], bool]:
    """These texts and their readings with escapes undone, layer by layer; and whether that is all, which it is not if
    there is too much."""
    space, escapes = _READ + sum(len(view.data) for view in views) * 3 // 2, _ESCAPED
    found: dict[bytes, Text] = {}
    for _ in range(_NESTING + 1):
        fresh: list[Text] = []
        for view in views:
            if view.data not in found:
                space -= len(view.data)
                if space < 0:
                    return list(found.values()), False
                found[view.data] = view
                fresh.append(view)
        views = []
        for view, (mark, pattern, decode) in product(fresh, _ESCAPES):
            if mark in view.data:
                matches = list(islice(pattern.finditer(view.data), escapes + 1))
                escapes -= len(matches)
                if escapes < 0:
                    return list(found.values()), False
                if matches:
                    views.append(_undone(view, matches, decode))
    return list(found.values()), True


def _undone(view: Text, matches: Iterable[re.Match[bytes]], decode: Callable[[re.Match[bytes]], bytes]) -> Text:
    data, last = bytearray(), 0
    starts: list[int] = []
    ends: list[int] = []
    for found in matches:
        start, end = found.span()
        decoded = decode(found)
        data += view.data[last:start]
        data += decoded
        starts += view.starts[last:start]
        starts += [view.starts[start]] * len(decoded)
        ends += view.ends[last:start]
        ends += [view.ends[end - 1]] * len(decoded)
        last = end
    return Text(bytes(data + view.data[last:]), [*starts, *view.starts[last:]], [*ends, *view.ends[last:]])


def _unbackslashed(found: re.Match[bytes]) -> bytes:
    if found[1] is not None:
        return bytes.fromhex(found[1].decode())
    if found[2] is not None:
        return bytes(found[2])
    return str(json.loads(f'"{found[0].decode()}"')).encode(errors="replace")


_ESCAPES: tuple[tuple[bytes, re.Pattern[bytes], Callable[[re.Match[bytes]], bytes]], ...] = (
    (b"%", re.compile(rb"%([0-9A-Fa-f]{2})"), lambda found: bytes.fromhex(found[1].decode())),
    (b"\\", re.compile(rb"\\x([0-9A-Fa-f]{2})|\\([\"'\\/])|(?:\\u[0-9A-Fa-f]{4})+|\\[bfnrt]"), _unbackslashed),
    (
        b"&",
        re.compile(rb"&(?:#[0-9]{1,7}|#[xX][0-9A-Fa-f]{1,6}|[A-Za-z]{2,8});"),
        lambda found: html.unescape(found[0].decode()).encode(errors="replace"),
    ),
)
"""Percent-encoding, the backslashes of JSON and programming languages, the entities of HTML."""
