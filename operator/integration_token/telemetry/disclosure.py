"""Finds the parts of a text that belong to a known secret, in whatever form they come back."""

import base64
import re
from collections.abc import Iterable, Iterator
from functools import cached_property
from itertools import groupby
from urllib.parse import quote, quote_plus

from integration_token.telemetry.overlap import ABSENT, RUN, TooMuch, shared_pieces, shared_runs
from integration_token.telemetry.reading import SEPARATORS, Decoded, Joined, Text
from integration_token.telemetry.vocabulary import LONGEST

_ENCODED = 1024
"""Bytes of secrets, including an allowance for each, that are encoded in every form. For longer ones the text is
decoded instead."""
_EACH = 64

_HELD = 256 * 1024
"""Characters of secrets, including an allowance for each, beyond which every text counts as found entirely: more than
two of the longest tokens, and the credentials twice."""

_WRITTEN = 144 * 1024
"""Bytes of the secrets, including their form-encoded versions, that decoded text is compared with."""

_PACK = 32 * 1024
"""Bytes of secrets that are searched together, if there are many."""

_PIECE = 5
"""Bytes that eight characters of base64 hold at any offset."""

_TRIED = 256
"""Pieces of decoded text that are searched for; beyond that, everything that could be part of a secret counts as
found."""

_WORDY = 4 * LONGEST
"""Characters of a secret beyond which a few words cannot be most of it, whatever separates them."""

_MANY = 1024
"""Matches of one kind beyond which the whole text counts as found."""

_FEW = 2048
"""Bytes that are examined one by one to find which values occur."""

_LETTERS = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789"
_VISIBLE = bytes(range(0x20, 0x7F))
_GAP = b"\xfe"
"""Separates secrets that are searched together; occurs in no text."""

_UNQUOTED = _LETTERS + b"-._~" + _GAP
"""What is not percent-encoded (RFC 3986, 2.3)."""

_HEXADECIMAL = b"0123456789abcdef"
_DIGITS = bytes(byte if byte in _HEXADECIMAL else ord("f") for byte in range(256))
"""Reads everything that is not a hexadecimal digit as one that rarely makes a byte of a secret."""
_HALF_INSIDE = re.compile(rb"\x01{3,}")
_INSIDE = re.compile(rb"\x01{%d,}" % _PIECE)

Span = tuple[int, int]


class Secrets:
    """Everything that must not be shown."""

    def __init__(self, secrets: Iterable[str]) -> None:
        forms: set[bytes] = set()
        long: list[bytes] = []
        left = _ENCODED
        secrets = tuple(filter(None, secrets))
        self.too_many = sum(len(secret) + _EACH for secret in secrets) > _HELD
        """Whether there is more than any text is searched for."""
        for secret in () if self.too_many else dict.fromkeys(secrets):
            data = secret.encode(errors="replace")
            if len(data) + _EACH <= left:
                left -= len(data) + _EACH
                forms.update(form.lower() for form in _forms(data))
            else:
                long.append(data)
        self._long = list(_packed(long))
        lower = [data.lower() for data in long]
        exact = [*forms, *lower, *(data.replace(b" ", b"+") for data in lower if b" " in data)]
        squeezed = ((data, data.translate(None, SEPARATORS)) for data in exact)
        runs = [*exact, *(less for data, less in squeezed if len(less) < len(data))]
        self._exact = list(_packed(data for data in runs if len(data) >= RUN))
        self._short = {data for data in exact if len(data) < RUN}
        letters = (secret.encode(errors="replace").lower() for secret in secrets if len(secret) <= _WORDY)
        self._wordy = {data.translate(None, SEPARATORS) for data in letters} - {b""}

    def __bool__(self) -> bool:
        """Whether there is anything to hide."""
        return bool(self._exact or self._short or self.too_many)

    def is_mostly(self, words: str) -> bool:
        """Whether the letters and digits of a text are more than three quarters of those of a secret."""
        found = words.lower().encode(errors="replace").translate(None, SEPARATORS)
        return any(secret in found or (found in secret and 4 * len(found) > 3 * len(secret)) for secret in self._wordy)

    def found_in(self, readings: list[Text]) -> Iterator[Span]:
        """The places in a text that hold part of a secret.

        :param readings: all readings of that text.
        :raises TooMuch: if the search would take too long: assume that the secret is everywhere.
        """
        if not any(reading.data for reading in readings):
            return
        if self.too_many:
            raise TooMuch
        lower = [reading.lower() for reading in readings]
        squeezed = list({part.data: part for part in (reading.squeezed() for reading in lower)}.values())
        everything = Joined([*lower, *squeezed], ABSENT)
        for start, end in _rows(shared_runs(everything.data, self._exact)):
            yield everything.span(start, end + RUN)
        for reading in lower:
            yield from self._short_in(reading)
        if self._long:
            yield from self._hex_in(Joined(squeezed, ABSENT))
            yield from self._base64_in(readings)

    def _short_in(self, reading: Text) -> Iterator[Span]:
        for secret in self._short:
            if reading.data.count(secret) > _MANY:
                raise TooMuch
            start = reading.data.find(secret)
            while start >= 0:
                yield reading.span(start, start + len(secret))
                start = reading.data.find(secret, start + 1)

    def _hex_in(self, reading: Joined) -> Iterator[Span]:
        digits = reading.data.translate(_DIGITS)
        places: dict[bytes, list[int]] = {}
        for begin in (0, 1):
            decoded = bytes.fromhex(digits[begin : len(digits) - (len(digits) - begin) % 2].decode())
            for found in _HALF_INSIDE.finditer(decoded.translate(self._table)):
                # Starting one digit before these bytes: eight digits hold three bytes at any offset.
                first, last = begin + 2 * found.start() - 1, begin + 2 * found.end() + 1 - RUN
                for start in range(max(0, first), last + 1):
                    window = reading.data[start : start + RUN]
                    if len(window) == RUN and not window.translate(None, _HEXADECIMAL):
                        places.setdefault(window, []).append(start)
                if len(places) > _TRIED:
                    raise TooMuch
        secrets = (secret.hex().encode() for secret in self._written) if places else ()
        for window in shared_pieces(places, secrets):
            for start in places[window]:
                yield reading.span(start, start + RUN)

    def _base64_in(self, readings: list[Text]) -> Iterator[Span]:
        places: dict[bytes, list[tuple[Decoded, int]]] = {}
        many = 0
        for decoded in (decoded for reading in readings for decoded in reading.decoded()):
            for found in _INSIDE.finditer(decoded.data.translate(self._table)):
                start, end = found.span()
                many += 1
                if many > _MANY:
                    raise TooMuch
                if len(places) + end - start > _TRIED:
                    yield decoded.span(start, end)
                    continue
                for place in range(start, end - _PIECE + 1):
                    piece = decoded.data[place : place + _PIECE]
                    places.setdefault(piece, []).append((decoded, place))
        for piece in shared_pieces(places, self._written if places else ()):
            for decoded, place in places[piece]:
                yield decoded.span(place, place + _PIECE)

    @cached_property
    def _table(self) -> bytes:
        """1 for at least all bytes that may occur in the long secrets, including form-encoded; else 0."""
        used = {*_LETTERS}
        for secret in self._long:
            others = secret.translate(None, _LETTERS)
            if len(others) > _FEW:
                used.update(_VISIBLE)
                others = others.translate(None, _VISIBLE)
            if len(others) > _FEW:
                return b"\1" * 256
            used.update(others)
        if not used <= {*_UNQUOTED}:
            used.update(b"%+")
        return bytes(byte in used for byte in range(256))

    @cached_property
    def _written(self) -> list[bytes]:
        """The long secrets as they are, and form-encoded in both ways."""
        marks = [len(secret.translate(None, _UNQUOTED)) for secret in self._long]
        special = [secret for secret, count in zip(self._long, marks, strict=True) if count]
        if sum(map(len, (*self._long, *special))) + 2 * sum(marks) > _WRITTEN:
            raise TooMuch
        quoted = [_quoted(secret) for secret in special]
        return [*self._long, *quoted, *(secret.replace(b"%20", b"+") for secret in quoted if b"%20" in secret)]


def _forms(data: bytes) -> set[bytes]:
    """The forms of a secret that undoing escapes does not reveal: as it is, form-encoded, base64, hex."""
    forms = {data, data.replace(b" ", b"+")}
    for written in {data, quote(data, safe="").encode(), quote_plus(data).encode()}:
        forms.add(written.hex().encode())
        for offset in range(3):
            # Inside a longer base64 text, such as a Basic header, the secret begins at any of three offsets. The first
            # and the last group also hold bits of its neighbours and are left out.
            encoded = base64.b64encode(b"\0" * offset + written).rstrip(b"=")
            inner = encoded[4 if offset else 0 : len(encoded) // 4 * 4]
            forms |= {inner, inner.replace(b"+", b"-").replace(b"/", b"_")}
    return {form for form in forms if form}


def _quoted(data: bytes) -> bytes:
    """Percent-encodes (RFC 3986, 2.1) one byte value after the other: there are few, and each runs at the speed of
    C."""
    others = {*data.translate(None, _UNQUOTED)}
    for byte in sorted(others, key=lambda byte: byte != ord("%")):
        data = data.replace(bytes([byte]), f"%{byte:02X}".encode())
    return data


def _packed(parts: Iterable[bytes]) -> Iterator[bytes]:
    """The same in fewer parts, joined by a separator that occurs in no text."""
    pack: list[bytes] = []
    size = 0
    for part in parts:
        if size + len(part) > _PACK and pack:
            yield _GAP.join(pack)
            pack, size = [], 0
        pack.append(part)
        size += len(part)
    if pack:
        yield _GAP.join(pack)


def _rows(starts: list[int]) -> Iterator[Span]:
    """The first and the last number of each consecutive run."""
    for _, row in groupby(enumerate(starts), lambda numbered: numbered[1] - numbered[0]):
        neighbours = [start for _, start in row]
        yield neighbours[0], neighbours[-1]
