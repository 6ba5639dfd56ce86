"""The readings of a text: as it is, as it would be shown, with its escapes undone, and decoded from base64."""

import binascii
import html
import json
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from itertools import compress

_NESTING = 3
"""How many layers of escapes are undone: more than careless software puts on top of each other."""

_READINGS = 4
"""Times the text's own length that all readings may take, beyond a few short ones: a sentence has few escapes."""

_FEW = 4096
"""Bytes that all readings may take in any case."""

SEPARATORS = bytes({*range(0x80)} - {*b"abcdefghijklmnopqrstuvwxyz0123456789"})
"""All of ASCII but lower-case letters and digits: what may stand between the parts of a secret, or for a part of it."""

_BASE64 = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789"
_FOREIGN = tuple(bytes({*range(256)} - {*_BASE64, *marks}) for marks in (b"+/", b"-_", b""))
"""What may stand between the characters of the two alphabets of base64, and of what both have."""
_STANDARD = bytes.maketrans(b"-_", b"+/")


@dataclass(frozen=True, slots=True)
class Reading:
    """One reading of a text."""

    data: bytes
    starts: list[int]
    """Where in the text the source of each byte begins."""
    ends: list[int]
    """Where it ends."""

    def lower(self) -> "Reading":
        """In lower case, as far as ASCII knows any."""
        return Reading(self.data.lower(), self.starts, self.ends)

    def without(self, unwanted: bytes) -> "Reading":
        """Without these bytes."""
        kept = self.data.translate(bytes(byte not in unwanted for byte in range(256)))
        return Reading(
            self.data.translate(None, unwanted),
            list(compress(self.starts, kept)),
            list(compress(self.ends, kept)),
        )

    def squeezed(self) -> "Reading":
        """Without anything but letters and digits: hyphens, spaces or line breaks put into a secret don't hide it."""
        return self.lower().without(SEPARATORS)

    def decoded(self) -> Iterator["Decoded"]:
        """From base64, whatever stands between its characters, beginning at each of a group's four."""
        texts = {text.data: text for text in map(self.without, _FOREIGN)}
        for text in texts.values():
            letters = text.data.translate(_STANDARD)
            for missing in range(4):
                whole = b"A" * missing + letters
                data = binascii.a2b_base64(whole + b"A" * (-len(whole) % 4))
                # Of the first group and of the last, only the bytes that are all there.
                yield Decoded(data[: max(0, len(whole) * 3 // 4)], missing, text)


@dataclass(frozen=True, slots=True)
class Decoded:
    """What a text in base64 says, if it is one."""

    data: bytes
    first: int
    """Bytes at the beginning that say nothing, as characters of their group are missing."""
    source: Reading

    def span(self, start: int, end: int) -> tuple[int, int]:
        """Where in the text these bytes come from."""
        return self.source.starts[self._character(start)], self.source.ends[self._character(end - 1) + 1]

    def _character(self, byte: int) -> int:
        """The first of the two that make this byte."""
        return byte // 3 * 4 + byte % 3 - self.first


def plain(text: str, places: list[int] | None = None) -> Reading:
    """A text as it is, in UTF-8; `places`: where its characters really stand."""
    places = list(range(len(text))) if places is None else places
    if text.isascii():
        return Reading(text.encode(), places, [place + 1 for place in places])
    encoded = [character.encode(errors="replace") for character in text]
    starts = [place for place, data in zip(places, encoded, strict=True) for _ in data]
    return Reading(b"".join(encoded), starts, [start + 1 for start in starts])


def joined(readings: list[Reading], between: bytes) -> Reading:
    """One after the other, with a byte between them that comes from nowhere."""
    starts: list[int] = []
    ends: list[int] = []
    for reading in readings:
        starts += [*reading.starts, 0]
        ends += [*reading.ends, 0]
    return Reading(between.join(reading.data for reading in readings), starts[:-1], ends[:-1])


def undone(views: list[Reading]) -> tuple[list[Reading], bool]:
    """These and what is read in them with the escapes undone, layer by layer; and whether that is all of it, which it
    isn't where there is too much."""
    left = _FEW + _READINGS * sum(len(view.data) for view in views)
    found: dict[bytes, Reading] = {}
    for _ in range(_NESTING + 1):
        fresh: list[Reading] = []
        for view in views:
            if view.data not in found:
                left -= len(view.data)
                if left < 0:
                    return list(found.values()), False
                found[view.data] = view
                fresh.append(view)
        views = [
            _undone(view, pattern, decode)
            for view in fresh
            for mark, pattern, decode in _ESCAPES
            if mark in view.data
        ]
    return list(found.values()), True


def _undone(view: Reading, pattern: re.Pattern[bytes], decode: Callable[[re.Match[bytes]], bytes]) -> Reading:
    data, last = bytearray(), 0
    starts: list[int] = []
    ends: list[int] = []
    for found in pattern.finditer(view.data):
        start, end = found.span()
        decoded = decode(found)
        data += view.data[last:start]
        data += decoded
        starts += view.starts[last:start]
        starts += [view.starts[start]] * len(decoded)
        ends += view.ends[last:start]
        ends += [view.ends[end - 1]] * len(decoded)
        last = end
    return Reading(bytes(data + view.data[last:]), starts + view.starts[last:], ends + view.ends[last:])


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
