"""Writes the Prometheus text format (exposition formats, version 0.0.4), some lines at a time.

The library creates an object for each sample and the whole text at once: for ten thousand resources that takes most of
a second, during which nothing else runs, and 50 MiB. Here a line is a string, and the sender may do other work between
two pieces.
"""

from collections.abc import Iterable, Iterator
from itertools import islice
from typing import Final

LINES: Final = 1000
"""Lines of a piece: about 100 KB, created in less than a millisecond."""

Sample = tuple[str, float]
"""Labels as written between the braces, and a value."""


def labels(**values: str) -> str:
    """Labels as written between the braces. Values may come from anyone, such as the name of an endpoint that does not
    exist."""
    return ",".join(f'{name}="{_escaped(value)}"' for name, value in values.items())


def _escaped(value: str) -> str:
    return value.replace("\\", r"\\").replace("\n", r"\n").replace('"', r"\"")


def pieces(name: str, kind: str, text: str, samples: Iterable[Sample]) -> Iterator[bytes]:
    """A metric family: its help text and its samples.

    :param kind: `gauge` or `counter`; the names of a counter's samples end in `_total`.
    """
    full = f"{name}_total" if kind == "counter" else name
    yield from _pieces(full, kind, text, (_line(full, each, value) for each, value in samples))


def histogram_pieces(
    name: str, text: str, bounds: tuple[float, ...], samples: Iterable[tuple[str, list[int], float]]
) -> Iterator[bytes]:
    """A family of histograms.

    :param bounds: of the buckets, ascending, without infinity.
    :param samples: labels, the counts for each bucket and for infinity, and the sum.
    """
    yield from _pieces(name, "histogram", text, _histogram_lines(name, bounds, samples))


def _histogram_lines(
    name: str, bounds: tuple[float, ...], samples: Iterable[tuple[str, list[int], float]]
) -> Iterator[str]:
    for each, counts, total in samples:
        count = 0
        for bound, more in zip((*map(str, bounds), "+Inf"), counts, strict=True):
            count += more
            yield _line(f"{name}_bucket", f'{each},le="{bound}"', count)
        yield _line(f"{name}_count", each, count)
        yield _line(f"{name}_sum", each, total)


def _pieces(name: str, kind: str, text: str, lines: Iterator[str]) -> Iterator[bytes]:
    piece = [f"# HELP {name} {text}\n# TYPE {name} {kind}\n"]
    while True:
        piece += islice(lines, LINES)
        if not piece:
            return
        yield "".join(piece).encode()
        piece = []


def _line(name: str, each: str, value: float) -> str:
    return f"{name}{{{each}}} {float(value)}\n" if each else f"{name} {float(value)}\n"
