"""The budget's rows: measurements with their limit and a verdict."""

import statistics
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Any


class BenchError(Exception):
    """The bench can't go on; the text is for its user."""


class Judge(StrEnum):
    """Which of several measurements is compared with the limit."""

    MEDIAN = "median"
    """For whole runs: differences between them come from the machine."""
    MAX = "max"
    """For single events: the limit is a promise for each of them."""


@dataclass(frozen=True, slots=True)
class Row:
    """One line of the budget. A measurement equal to the limit keeps it."""

    what: str
    measured: tuple[float, ...]
    """At least one."""
    limit: float
    unit: str = ""
    judge: Judge = Judge.MAX

    @property
    def judged(self) -> float:
        """The measurement that counts."""
        return statistics.median(self.measured) if self.judge is Judge.MEDIAN else max(self.measured)

    @property
    def met(self) -> bool:
        """Whether the limit was kept."""
        return self.judged <= self.limit

    def document(self) -> dict[str, Any]:
        """The row for machines."""
        return {
            "what": self.what,
            "measured": self.measured,
            "limit": self.limit,
            "unit": self.unit,
            "judged": self.judged,
            "met": self.met,
        }

    def cells(self) -> tuple[str, str, str, str]:
        """The row of the table."""
        return self.what, self._found(), self._quantity(self.limit), "ok" if self.met else "MISSED"

    def _found(self) -> str:
        if len(self.measured) == 1:
            return self._quantity(self.measured[0])
        if min(self.measured) == max(self.measured):
            return f"{self._quantity(self.measured[0])} (each of {len(self.measured)})"
        median, most = self._quantity(statistics.median(self.measured)), self._quantity(max(self.measured))
        return f"median {median}, max {most} (of {len(self.measured)})"

    def _quantity(self, value: float) -> str:
        digits = 0 if value == int(value) else 2 if value >= 1 else 3
        return f"{value:.{digits}f}{f' {self.unit}' if self.unit else ''}"


def table(rows: Iterable[Row]) -> str:
    """All rows under a heading, in columns."""
    return columns([("what", "measured", "limit", "verdict"), *(row.cells() for row in rows)])


def columns(lines: Sequence[Sequence[str]]) -> str:
    """Lines of as many cells each, every column as wide as its widest cell."""
    widths = [max(map(len, column)) for column in zip(*lines, strict=True)]
    return "\n".join(
        "  ".join(cell.ljust(width) for cell, width in zip(line, widths, strict=True)).rstrip() for line in lines
    )
