"""Which runs of eight bytes a text shares with a long secret, told at the speed of C.

Python cannot look at each byte of a secret of 64 KiB within a bearable time, but its integers, its sets and the tables
of `bytes.translate` can. So a secret is first thinned out to the places where it may share a run, and only what is left
is compared.
"""

import struct
from collections.abc import Collection, Iterable, Iterator
from itertools import chain, compress, islice
from typing import Literal

RUN = 8
"""Bytes of a run; a shorter one occurs by chance and gives nothing away."""

ABSENT = b"\xff"
"""Stands in no UTF-8, so a run of a text across it is shared with no secret."""

_GAP = b"\xfe"
"""The same, between what is cut out of a secret."""

_LANES = 8
"""Parts of a text that are told apart in each byte of a table."""

_LONG = 400
"""Bytes of a text from which the lanes hold too many pairs to thin out much."""

_THINNED = 144 * 1024
"""Bytes of secrets that are thinned out for such a text, which is slower: a token of 64 KiB as it is and squeezed."""

_MANY = 4 * 1024
_THINNED_FOR_MANY = 96 * 1024
"""The same for a longer text than any message, which is slower again: for many scopes that are no words."""

_CHUNK = 64 * 1024
"""Bytes of a secret that are thinned out at once: what fits into the processor's cache."""

_SUSPECTS = 1024
"""Places that are cut out of a chunk to be compared; where there are more, all of it is."""

_COMPARED = 24 * 1024
"""Bytes of secrets that are compared with one text. More of them are suspect only where text and secrets were made for
each other."""

_SEARCHED = 2 * 1024 * 1024
"""Bytes of secrets that are searched for pieces, once for each."""

_MARK = bytes([0, *[1] * 255])


class TooMuch(Exception):
    """Telling what a text and secrets share would take longer than it is worth: take it that they share all."""


def shared_runs(text: bytes, secrets: Collection[bytes]) -> list[int]:
    """Where in a text a run begins that stands in one of the secrets too.

    :raises TooMuch: see there.
    """
    if len(text) < RUN:
        return []
    suspects = _suspects(text, secrets)
    few, many = sorted((text, suspects), key=len)
    shared = frozenset(_numbers(few, "Q")).intersection(_numbers(many, "Q"))
    if not shared:
        return []
    places = [0] * (len(text) - RUN + 1)
    for offset in range(min(RUN, len(places))):
        places[offset::RUN] = _aligned(text, offset, RUN).cast("Q").tolist()
    return [start for start, number in enumerate(places) if number in shared]


def shared_pieces(pieces: Collection[bytes], secrets: Iterable[bytes]) -> set[bytes]:
    """Those of some pieces of equal length, five bytes or more, that stand in one of the secrets.

    :raises TooMuch: see there.
    """
    if not pieces:
        return set()
    size = len(next(iter(pieces)))
    table = _lanes(ABSENT.join(pieces), size)
    suspects = _GAP.join(filter(None, (_by_pairs(table, chunk, size) for chunk in _chunks(secrets, size))))
    if len(suspects) * len(pieces) > _SEARCHED:
        raise TooMuch
    return {piece for piece in pieces if piece in suspects}


def _suspects(text: bytes, secrets: Collection[bytes]) -> bytes:
    """What of the secrets may share a run with the text."""
    chunks = _chunks(secrets, RUN)
    if len(text) <= _LONG:
        table = _lanes(text, RUN)
        found = (_by_pairs(table, chunk, RUN) for chunk in chunks)
    elif sum(map(len, secrets)) <= (_THINNED if len(text) <= _MANY else _THINNED_FOR_MANY):
        quads = frozenset(_numbers(text, "I"))
        found = (_by_quads(quads, chunk) for chunk in chunks)
    else:
        raise TooMuch
    kept: list[bytes] = []
    left = _COMPARED
    for suspects in filter(None, found):
        left -= len(suspects)
        if left < 0:
            raise TooMuch
        kept.append(suspects)
    return _GAP.join(kept)


def _chunks(secrets: Iterable[bytes], run: int) -> Iterator[bytes]:
    """The secrets in parts that overlap, so that each run is in one of them."""
    for secret in secrets:
        for start in range(0, len(secret) - run + 1, _CHUNK):
            yield secret[start : start + _CHUNK + run - 1]


def _by_quads(quads: Collection[int], secret: bytes) -> bytes:
    """What of a secret stands around four bytes that are in a text too. Those at a multiple of four will do, since
    every run holds some."""
    held = map(quads.__contains__, _aligned(secret, 0, 4).cast("I"))
    places = list(islice(compress(range(0, len(secret), 4), held), _SUSPECTS + 1))
    if len(places) > _SUSPECTS:
        return secret
    return _GAP.join(secret[max(0, place - 4) : place + 8] for place in places)


def _by_pairs(table: bytes, secret: bytes, run: int) -> bytes:
    """What of a secret stands where all pairs of bytes within a run are in one lane of a text."""
    lanes = int.from_bytes(_pairs(secret).translate(table), "little")
    # In each byte, the lanes of the pair that begins there; then of two such pairs, of four, and of all in a run.
    lanes &= lanes >> 8
    lanes &= lanes >> 16
    lanes &= lanes >> 8 * (run - 5)
    if not lanes:
        return b""
    marks = lanes.to_bytes(len(secret), "little").translate(_MARK)
    if marks.count(1) > _SUSPECTS:
        return secret
    cut = []
    start = marks.find(1)
    while start >= 0:
        end = marks.find(0, start)
        end = len(marks) if end < 0 else end
        cut.append(secret[start : end + run - 1])
        start = marks.find(1, end)
    return _GAP.join(cut)


def _lanes(text: bytes, run: int) -> bytes:
    """By the hash of a pair of bytes, a bit for each eighth of the text's runs that hold it."""
    pairs = _pairs(text)
    size = -(-(len(text) - run + 1) // _LANES)
    table = bytearray(256)
    for lane in range(_LANES):
        for pair in set(pairs[lane * size : (lane + 1) * size + run - 2]):
            table[pair] |= 1 << lane
    return bytes(table)


def _pairs(text: bytes) -> bytes:
    """A hash of each pair: of a byte and of half of the next."""
    number = int.from_bytes(text, "little")
    return (number ^ number >> 4).to_bytes(len(text), "little")


def _numbers(text: bytes, kind: Literal["I", "Q"]) -> Iterable[int]:
    """The numbers that four (`I`) or eight (`Q`) bytes make, from each place of the text on, in no order."""
    size = struct.calcsize(kind)
    return chain.from_iterable(
        _aligned(text, offset, size).cast(kind) for offset in range(min(size, max(0, len(text) - size + 1)))
    )


def _aligned(text: bytes, offset: int, size: int) -> memoryview:
    """As much of the text from there on as is a multiple of `size`."""
    return memoryview(text)[offset : offset + (len(text) - offset) // size * size]
