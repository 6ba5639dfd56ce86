"""Resources for the operator's pod, from the measured curve: pure functions."""

from collections.abc import Mapping
from dataclasses import dataclass
from math import ceil
from typing import Final

from tests.bench.cold import Cold

SPARE: Final = 0.75
"""The share of the memory limit that the measured peak may use."""
REQUEST_STEP: Final = 16
LIMIT_STEP: Final = 32
"""MiB to which requests and limits are rounded up."""
FROM: Final = 1000
"""Resources from which the curve is treated as linear: with fewer, starting the process costs most."""
RENEWED: Final = 0.8
"""The part of a lifetime after which a token is renewed by default."""
HOUR: Final = 3600.0


@dataclass(frozen=True, slots=True)
class Slope:
    """The cost of one more resource, between the smaller and the larger runs."""

    first: int
    last: int
    mebibytes: float
    cpu: float
    """Seconds, for its first token."""


def slope(colds: Mapping[int, Cold]) -> Slope:
    """:param colds: runs by number of resources, with at least two sizes."""
    sizes = sorted(colds)
    first = next((size for size in sizes[:-1] if size >= FROM), sizes[0])
    last = sizes[-1]
    return Slope(
        first,
        last,
        (colds[last].mebibytes - colds[first].mebibytes) / (last - first),
        (colds[last].cpu - colds[first].cpu) / (last - first),
    )


def request(mebibytes: float) -> int:
    """The memory request for a peak, both in MiB: just above it."""
    return _rounded(mebibytes, REQUEST_STEP)


def limit(mebibytes: float) -> int:
    """The memory limit for a peak, both in MiB: it leaves a quarter free."""
    return _rounded(mebibytes / SPARE, LIMIT_STEP)


def renewals(resources: int, lifetime: float, cpu: float) -> float:
    """The share of a core for renewals, averaged over time.

    :param lifetime: of each token, in seconds.
    :param cpu: seconds for each renewal.
    """
    return resources * cpu / (RENEWED * lifetime)


def capacity(colds: Mapping[int, Cold], mebibytes: float) -> int:
    """The number of resources, in thousands, whose peak leaves the spare part of such a limit."""
    line = slope(colds)
    more = (SPARE * mebibytes - colds[line.first].mebibytes) / line.mebibytes
    return int((line.first + more) // 1000 * 1000)


def text(colds: Mapping[int, Cold], limit_: int) -> str:
    """The document's generated part.

    :param limit_: the chart's memory limit, in MiB.
    """
    line = slope(colds)
    largest, enough = colds[line.last], capacity(colds, limit_)
    plane = largest.plane / largest.seconds
    rows = [
        f"| {size:,} | {request(run.mebibytes)}Mi | {limit(run.mebibytes)}Mi"
        f" | {_millicores(size, HOUR, line.cpu)} | {_millicores(size, 24 * HOUR, line.cpu)} | {run.writes:.0f} |"
        for size, run in colds.items()
    ]
    return "\n".join(
        [
            "| resources | memory: request | limit | CPU: tokens of 1 h | of 24 h | API writes a second, cold |",
            "|---:|---:|---:|---:|---:|---:|",
            *rows,
            "",
            f"The chart's limit of {limit_}Mi is enough, with a quarter to spare, for {enough:,} resources.",
            "",
            f"In the run of {line.last:,} the API server took {largest.writes:.0f} writes of Secrets and status a",
            f"second. The operator used {largest.cpu / largest.seconds:.2f} of a core meanwhile, etcd and the API",
            f"server {plane:.2f}. At {1000 * line.cpu:.1f} ms of CPU for each token, one core lets the operator issue",
            f"{1 / line.cpu:.0f} a second.",
            "",
        ]
    )


def _millicores(resources: int, lifetime: float, cpu: float) -> str:
    return f"{ceil(1000 * renewals(resources, lifetime, cpu))}m"


def _rounded(mebibytes: float, step: int) -> int:
    return step * ceil(mebibytes / step)
