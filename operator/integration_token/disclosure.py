"""What of a text is a part of a known secret, in whatever form it comes back."""

import base64
import re
from collections.abc import Iterable, Iterator
from functools import cached_property
from urllib.parse import quote, quote_plus

from integration_token.overlap import ABSENT, RUN, Runs, pieces_in
from integration_token.reading import SEPARATORS, Reading, joined

_ENCODED = 4096
"""Bytes of secrets, with some for each, that are encoded in every form. For longer ones the text is decoded instead."""
_EACH = 64

_PACK = 32 * 1024
"""Bytes of secrets that are searched as one, if there are many."""

_PIECE = 5
"""Bytes that eight characters of base64 hold in any case."""

_TRIED = 256
"""Pieces of decoded text that are looked for; beyond, whatever could be a part of a secret counts as one."""

_MANY = 1024
"""Places of one kind beyond which all of the text counts as found."""

_LETTERS = b"abcdefghijklmnopqrstuvwxyz0123456789"
_VISIBLE = bytes(range(0x20, 0x7F))
_UNQUOTED = _LETTERS + b"-._~"
_QUOTES = [f"%{byte:02x}".encode() if byte not in _UNQUOTED else bytes([byte]) for byte in range(256)]

_HEX = re.compile(rb"[0-9a-f]{8,}")
_INSIDE = re.compile(rb"\x01{%d,}" % _PIECE)

Span = tuple[int, int]


class Secrets:
    """All that must not be shown."""

    def __init__(self, secrets: Iterable[str]) -> None:
        raw = {secret.encode(errors="replace"): secret for secret in secrets if secret}
        forms: set[bytes] = set()
        left = _ENCODED
        long: list[bytes] = []
        for data, secret in raw.items():
            if len(data) + _EACH <= left:
                left -= len(data) + _EACH
                forms.update(form.lower() for form in _forms(data, secret))
            else:
                long.append(data.lower())
        self._short = sorted({form for form in forms if len(form) < RUN} | {data for data in long if len(data) < RUN})
        self._long = list(_packed(long))
        exact = [*forms, *long, *(data.replace(b" ", b"+") for data in long if b" " in data)]
        squeezed = (data.translate(None, SEPARATORS) for data in exact)
        self._exact = list(_packed({data: None for data in (*exact, *squeezed) if len(data) >= RUN}))

    def __bool__(self) -> bool:
        """Whether there is anything to hide."""
        return bool(self._exact or self._short)

    def found_in(self, readings: list[Reading]) -> Iterator[Span]:
        """Where in a text, of which these are all readings, a part of a secret stands."""
        plain = joined([reading.lower() for reading in readings], ABSENT)
        squeezed = {view.data: view for view in (reading.squeezed() for reading in readings)}
        everything = joined([plain, *squeezed.values()], ABSENT)
        runs = Runs(everything.data)
        for secret in self._exact:
            for start, end in _merged(runs.found_in(secret)):
                yield everything.starts[start], everything.ends[end + RUN - 1]
        yield from self._short_in(plain)
        if self._long:
            for view in squeezed.values():
                yield from self._hex_in(view)
            yield from self._base64_in(readings)

    def _short_in(self, reading: Reading) -> Iterator[Span]:
        for secret in self._short:
            if reading.data.count(secret) > _MANY:
                yield _all(reading)
                return
            start = reading.data.find(secret)
            while start >= 0:
                yield reading.starts[start], reading.ends[start + len(secret) - 1]
                start = reading.data.find(secret, start + 1)

    def _hex_in(self, reading: Reading) -> Iterator[Span]:
        places: dict[bytes, list[int]] = {}
        for found in _HEX.finditer(reading.data):
            for start in range(found.start(), found.end() - RUN + 1):
                window = reading.data[start : start + RUN]
                whole, inner = bytes.fromhex(window.decode()), bytes.fromhex(window[1:-1].decode())
                if not whole.translate(None, self._alphabet) or not inner.translate(None, self._alphabet):
                    places.setdefault(window, []).append(start)
                    if len(places) > _TRIED:
                        yield _all(reading)
                        return
        for secret in self._written if places else ():
            for window in pieces_in(places, secret.hex().encode()):
                for start in places[window]:
                    yield reading.starts[start], reading.ends[start + RUN - 1]

    def _base64_in(self, readings: list[Reading]) -> Iterator[Span]:
        table = bytes(byte in self._alphabet for byte in range(256))
        places: dict[bytes, list[Span]] = {}
        many = 0
        for reading in readings:
            for decoded in reading.decoded():
                for found in _INSIDE.finditer(decoded.data[decoded.first :].translate(table)):
                    start, end = found.start() + decoded.first, found.end() + decoded.first
                    many += 1
                    if many > _MANY:
                        yield _all(reading)
                        return
                    if len(places) + end - start > _TRIED:
                        yield decoded.span(start, end)
                        continue
                    for place in range(start, end - _PIECE + 1):
                        piece = decoded.data[place : place + _PIECE].lower()
                        places.setdefault(piece, []).append(decoded.span(place, place + _PIECE))
        for secret in self._written if places else ():
            for piece in pieces_in(places, secret):
                yield from places[piece]

    @cached_property
    def _alphabet(self) -> bytes:
        """At least all bytes that the long secrets may hold, also when they are form-encoded."""
        used = {*_LETTERS, *_LETTERS.upper()}
        for secret in self._long:
            others = secret.translate(None, _LETTERS)
            if len(others) > _PACK // 16:
                used.update(_VISIBLE)
                others = others.translate(None, _VISIBLE)
            if len(others) > _PACK // 16:
                return bytes(range(256))
            used.update(others)
        return bytes(used if used <= {*_UNQUOTED, *_LETTERS.upper()} else used | {*b"%+"})

    @cached_property
    def _written(self) -> list[bytes]:
        """The long secrets as they are, and form-encoded in both ways."""
        return list({form: None for secret in self._long for form in (secret, *_quoted(secret))})


def _forms(data: bytes, secret: str) -> set[bytes]:
    """The ways in which a secret is written that don't come off with the escapes: as it is, form-encoded, base64,
    hex."""
    forms = {data, data.replace(b" ", b"+")}
    for written in {data, quote(data, safe="").encode(), quote_plus(data).encode()}:
        forms.add(written.hex().encode())
        for offset in range(3):
            # Inside a longer base64 text, such as a Basic header, the secret begins at any of three offsets; the first
            # and the last group also hold bits of its neighbours and are left out.
            encoded = base64.b64encode(b"\0" * offset + written).rstrip(b"=")
            inner = encoded[4 if offset else 0 : len(encoded) // 4 * 4]
            forms |= {inner, inner.replace(b"+", b"-").replace(b"/", b"_")}
    return {form for form in forms if form}


def _quoted(data: bytes) -> tuple[bytes, ...]:
    """What is in lower case already, form-encoded."""
    special = data.translate(None, _UNQUOTED)
    if not special:
        return ()
    quoted = b"".join(map(_QUOTES.__getitem__, data))
    return (quoted, quoted.replace(b"%20", b"+")) if b" " in special else (quoted,)


def _packed(parts: Iterable[bytes]) -> Iterator[bytes]:
    """The same in fewer parts, with something between them that no text holds."""
    pack: list[bytes] = []
    size = 0
    for part in parts:
        if size + len(part) > _PACK and pack:
            yield b"\xfe".join(pack)
            pack, size = [], 0
        pack.append(part)
        size += len(part)
    if pack:
        yield b"\xfe".join(pack)


def _merged(starts: set[int]) -> Iterator[Span]:
    """The first and the last of each row of neighbours."""
    first = last = -2
    for start in sorted(starts):
        if start != last + 1:
            if first >= 0:
                yield first, last
            first = start
        last = start
    if first >= 0:
        yield first, last


def _all(reading: Reading) -> Span:
    return min(reading.starts), max(reading.ends)
