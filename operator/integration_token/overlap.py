"""Which runs of eight bytes a text shares with a long secret, told at the speed of C.

Python cannot look at each byte of a secret of 64 KiB within a bearable time, but its integers, its sets and the tables
of `bytes.translate` can. So a secret is first thinned out to the places where it may share a run, and only what is left
is compared.
"""

from collections.abc import Collection
from functools import reduce
from itertools import compress
from operator import or_

RUN = 8
"""Bytes of a run; a shorter one occurs by chance and gives nothing away."""

ABSENT = b"\xff"
"""Stands in no UTF-8, so a run of a text across it is shared with no secret."""

_GAP = b"\xfe"
"""The same, between what is cut out of a secret."""

_LANES = 8
"""Parts of a text that are told apart in each byte of a table."""

_LONG = 1536
"""Bytes of a text from which the lanes hold too many pairs to thin out much."""

_CHUNK = 64 * 1024
"""Bytes of a secret that are thinned out at once: what fits into the processor's cache."""

_SUSPECTS = 1024
"""Places that are cut out of a chunk to be compared; where there are more, all of it is."""

_COMPARED = 64 * 1024
"""Bytes of secrets that are compared with one text. More of them are suspect only where text and secret are made for
each other: then every run that may be shared counts as shared."""

_SEARCHED = 2 * 1024 * 1024
"""Bytes of one secret that are searched for pieces, once for each; where it takes more, all count as found."""

_MARK = bytes([0, *[1] * 255])


class Runs:
    """The runs of a text, to be looked for in one secret after the other."""

    def __init__(self, text: bytes) -> None:
        self._text = text
        self._left = _COMPARED
        self._words = _numbers(text, "Q", RUN)
        self._known = frozenset(self._words)
        self._quads = _numbers(text, "I", 4) if len(text) > _LONG else []
        self._known_quads = frozenset(self._quads)

    def found_in(self, secret: bytes) -> set[int]:
        """Where in the text a run begins that stands in the secret."""
        found: set[int] = set()
        if not self._words:
            return found
        for start in range(0, len(secret) - RUN + 1, _CHUNK):
            chunk = secret[start : start + _CHUNK + RUN - 1]
            if self._quads:
                suspects, possible = self._thinned_by_quads(chunk)
            else:
                suspects, possible = _thinned_by_pairs(self._text, chunk, RUN)
            if len(suspects) <= self._left:
                self._left -= len(suspects)
                found.update(self._compared(suspects))
            else:
                found.update(possible)
        return found

    def _thinned_by_quads(self, secret: bytes) -> tuple[bytes, list[int]]:
        """The same for a long text: around four bytes that stand in it too. Those at a multiple of four will do, since
        every run holds some."""
        quads = memoryview(secret)[: len(secret) // 4 * 4].cast("I")
        places = list(compress(range(0, len(secret), 4), map(self._known_quads.__contains__, quads)))
        if len(places) <= _SUSPECTS:
            return _GAP.join(secret[max(0, place - 4) : place + 8] for place in places), []
        shared = self._known_quads.intersection(quads)
        hits = compress(range(len(self._quads)), map(shared.__contains__, self._quads))
        near = {start for hit in hits for start in range(hit - 4, hit + 1)}
        return secret, [start for start in range(len(self._words)) if start in near]

    def _compared(self, secret: bytes) -> set[int]:
        shared: set[int] = set()
        for offset in range(min(RUN, len(secret) - RUN + 1)):
            shared |= self._known.intersection(_aligned(secret, offset, RUN).cast("Q"))
        return set(compress(range(len(self._words)), map(shared.__contains__, self._words))) if shared else shared


def pieces_in(pieces: Collection[bytes], secret: bytes) -> set[bytes]:
    """Those of some pieces of equal length, four bytes or more, that stand in the secret."""
    found: set[bytes] = set()
    if not pieces:
        return found
    text, size = ABSENT.join(pieces), len(next(iter(pieces)))
    left = _SEARCHED
    for start in range(0, len(secret), _CHUNK):
        suspects, _ = _thinned_by_pairs(text, secret[start : start + _CHUNK + size - 1], size)
        left -= len(suspects) * len(pieces)
        if left < 0:
            return set(pieces)
        found.update(piece for piece in pieces if piece in suspects)
    return found


def _thinned_by_pairs(text: bytes, secret: bytes, run: int) -> tuple[bytes, list[int]]:
    """What of the secret may share a run of this many bytes, and where in the text those begin that it may share: where
    all pairs of bytes within a run stand in one eighth of the text, by a hash of them."""
    pairs, starts = _pairs(text), len(text) - run + 1
    size = -(-starts // _LANES)
    table = bytearray(256)
    for lane in range(_LANES):
        for pair in set(pairs[lane * size : (lane + 1) * size + run - 2]):
            table[pair] |= 1 << lane
    # In each byte, the lanes that hold the pair which begins there; then all of two, of four, and of all such pairs.
    lanes = int.from_bytes(_pairs(secret).translate(table), "little")
    lanes &= lanes >> 8
    lanes &= lanes >> 16
    lanes &= lanes >> 8 * (run - 5)
    if not lanes:
        return b"", []
    places = lanes.to_bytes(len(secret), "little")
    used = reduce(or_, set(places.translate(None, b"\0")))
    possible = [start for start in range(starts) if used >> start // size & 1]
    marks = places.translate(_MARK)
    if marks.count(1) > _SUSPECTS:
        return secret, possible
    cut = []
    start = marks.find(1)
    while start >= 0:
        end = marks.find(0, start)
        end = len(marks) if end < 0 else end
        cut.append(secret[start : end + run - 1])
        start = marks.find(1, end)
    return _GAP.join(cut), possible


def _aligned(text: bytes, offset: int, size: int) -> memoryview:
    """As much of the text from there on as is a multiple of `size`."""
    return memoryview(text)[offset : offset + (len(text) - offset) // size * size]


def _numbers(text: bytes, kind: str, size: int) -> list[int]:
    """The number that `size` bytes make, from each place of the text on."""
    numbers = [0] * max(0, len(text) - size + 1)
    for offset in range(min(size, len(numbers))):
        numbers[offset::size] = _aligned(text, offset, size).cast(kind).tolist()  # type: ignore[call-overload]
    return numbers


def _pairs(text: bytes) -> bytes:
    """A byte for each byte of the text, of that and of half of the next."""
    number = int.from_bytes(text, "little")
    return (number ^ number >> 4).to_bytes(len(text), "little")
