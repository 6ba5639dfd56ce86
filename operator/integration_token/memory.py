"""How the process keeps its memory small, and flat for as long as it runs."""

import ctypes
import gc
from typing import Final

_GARBAGE: Final = 10_000
"""Objects made after which the youngest are looked through, instead of 700: a request makes as many, and hardly any of
them is a part of a cycle."""

_MMAP_THRESHOLD, _ARENA_MAX = -3, -8
"""Parameters of mallopt(3)."""

_LARGE: Final = 128 * 1024
"""Bytes from which on memory is taken from the system, and given back to it, piece by piece. Set, it stays; else it
grows with the first 256 KiB that a TLS connection gives back, and the buffers of all later ones leave holes among what
lives longer: every outage of the API server would then cost a few MiB for good."""


def settle() -> None:
    """Call it once, when everything is imported and no thread has begun."""
    # What the imports made stays: neither is it looked through at each collection, nor does it put one off.
    gc.freeze()
    gc.set_threshold(_GARBAGE, *gc.get_threshold()[1:])
    libc = ctypes.CDLL(None)
    if hasattr(libc, "mallopt"):  # not in musl, which does so by itself
        libc.mallopt(_MMAP_THRESHOLD, _LARGE)
        # The threads that look names up need no heaps of their own.
        libc.mallopt(_ARENA_MAX, 1)
