"""Finds the runs of eight bytes that a text shares with a long secret, at the speed of C.

Python cannot examine each byte of a 64 KiB secret in an acceptable time, but its integers, sets and `bytes.translate`
tables can. So the places where a secret may share a run are filtered out first, and only those are compared.
"""

import struct
from collections.abc import Collection, Iterable, Iterator
from itertools import chain, compress, islice
from typing import Literal

RUN = 8
"""Bytes of a run; a shorter one occurs by chance and reveals nothing."""

ABSENT = b"\xff"
"""Occurs in no UTF-8 text, so a run of a text across it is in no secret."""

_GAP = b"\xfe"
"""The same, between the parts cut out of a secret."""

_LANES = 8
"""Parts of a text that each byte of a table distinguishes."""

_LONG = 400
"""From this many bytes of text on, the lanes hold too many pairs to filter out much."""

_THINNED = 144 * 1024
"""Bytes of secrets that are filtered for such a text, which is slower: a token of 64 KiB as it is and squeezed."""

_MANY = 4 * 1024
_THINNED_FOR_MANY = 96 * 1024
"""The same for a text longer than any message, which is slower still: for many scopes that are not words."""

_CHUNK = 64 * 1024
"""Bytes of a secret that are filtered at once: what fits in the processor's cache."""

_SUSPECTS = 1024
"""Places that are cut out of a chunk to be compared; if there are more, the whole chunk is compared."""

_COMPARED = 24 * 1024
"""Bytes of secrets that are compared with one text. There are more suspects only if text and secrets were made for each
other."""

_SEARCHED = 2 * 1024 * 1024
"""Bytes of secrets that are searched for pieces, once for each piece."""

_MARK = bytes([0, *[1] * 255])


class TooMuch(Exception):
    """Finding what a text and secrets share would take longer than it is worth: assume that they share everything."""


def shared_runs(text: bytes, secrets: Collection[bytes]) -> list[int]:
    """The places in a text at which a run begins that also occurs in one of the secrets.

    :raises TooMuch: if the search would take too long.
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
    """Those of the pieces that occur in one of the secrets.

    :param pieces: of equal length, five bytes or more.
    :raises TooMuch: if the search would take too long.
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
    """The parts of the secrets that may share a run with the text."""
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
    """The secrets in overlapping parts, so that each run is within one of them."""
    for secret in secrets:
        for start in range(0, len(secret) - run + 1, _CHUNK):
            yield secret[start : start + _CHUNK + run - 1]


def _by_quads(quads: Collection[int], secret: bytes) -> bytes:
    """The parts of a secret around four bytes that also occur in a text. Multiples of four are enough, since every run
    contains one."""
    held = map(quads.__contains__, _aligned(secret, 0, 4).cast("I"))
    places = list(islice(compress(range(0, len(secret), 4), held), _SUSPECTS + 1))
    if len(places) > _SUSPECTS:
        return secret
    return _GAP.join(secret[max(0, place - 4) : place + 8] for place in places)


def _by_pairs(table: bytes, secret: bytes, run: int) -> bytes:
    """The parts of a secret where all pairs of bytes within a run are in one lane of a text."""
    lanes = int.from_bytes(_pairs(secret).translate(table), "little")
    # Each byte holds the lanes of the pair that begins there; then of two such pairs, of four, and of all in a run.
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
    """By the hash of a pair of bytes, a bit for each eighth of the text's runs that contains it."""
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
    """The numbers formed by four (`I`) or eight (`Q`) bytes at each place of the text, in no particular order."""
    size = struct.calcsize(kind)
    return chain.from_iterable(
        _aligned(text, offset, size).cast(kind) for offset in range(min(size, max(0, len(text) - size + 1)))
    )


def _aligned(text: bytes, offset: int, size: int) -> memoryview:
    """The text from there on, cut to a multiple of `size`."""
    return memoryview(text)[offset : offset + (len(text) - offset) // size * size]
