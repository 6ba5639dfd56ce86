"""Two operators' figures side by side: pure functions."""

import statistics
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from enum import StrEnum
from math import ceil, inf
from typing import Any

from tests.bench.row import columns
from tests.bench.target import Target


class Side(StrEnum):
    """Which operator a run belongs to."""

    THEIRS = "theirs"
    OURS = "ours"


def order(pairs: int) -> list[Side]:
    """Whose turn it is: the order changes with each pair, so that a machine that warms up favours neither."""
    pair = [Side.THEIRS, Side.OURS]
    return [side for number in range(pairs) for side in (reversed(pair) if number % 2 else pair)]


def percentile(values: Sequence[float], share: float) -> float:
    """The smallest value that at least this share of them doesn't exceed (nearest rank)."""
    return sorted(values)[max(0, ceil(share * len(values)) - 1)]


@dataclass(frozen=True, slots=True)
class Comparison:
    """One target with at least one measurement on each side."""

    target: Target
    theirs: tuple[float, ...]
    ours: tuple[float, ...]

    @property
    def ratio(self) -> float:
        """Our median divided by theirs; infinite if only theirs is zero."""
        theirs, ours = statistics.median(self.theirs), statistics.median(self.ours)
        return ours / theirs if theirs else (inf if ours else 1.0)

    @property
    def met(self) -> bool:
        """Whether the target is reached."""
        return (statistics.median(self.ours) if self.target.absolute else self.ratio) <= self.target.limit

    @property
    def what(self) -> str:
        """Scene and figure."""
        return f"{self.target.scene}: {self.target.figure}"

    def document(self) -> dict[str, Any]:
        """The row for machines; no ratio if it is infinite, which JSON lacks."""
        return {
            "what": self.what,
            "theirs": self.theirs,
            "ours": self.ours,
            "ratio": None if self.ratio == inf else self.ratio,
            "limit": self.target.limit,
            "absolute": self.target.absolute,
            "unit": self.target.unit,
            "met": self.met,
        }

    def cells(self) -> tuple[str, ...]:
        """The row of the table."""
        target = f"at most {self.target.limit:g}" if self.target.absolute else f"{self.target.limit:.2f}"
        medians = (self._quantity(statistics.median(values)) for values in (self.theirs, self.ours))
        return self.what, *medians, f"{self.ratio:.2f}", target, "" if self.met else "missed"

    def _quantity(self, value: float) -> str:
        unit = f" {self.target.unit}" if self.target.unit else ""
        return f"{value:.{1 if value >= 10 else 2}f}{unit}"


def table(comparisons: Iterable[Comparison], commit: str) -> str:
    """All rows under a heading, in columns."""
    return columns([("medians", commit, "ours", "ratio", "target", ""), *(each.cells() for each in comparisons)])
