"""The dashboard's panels as shown in operator/docs/operations.md, drawn from Prometheus' query results."""

import io
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import matplotlib as mpl
from matplotlib.figure import Figure

from tests.monitoring import rules
from tests.monitoring.prometheus import Prometheus

PANELS: Final = (
    "Refreshed, by reason",
    "Time left, the ten that expire first",
    "Token requests, by outcome",
    "Failed requests, by endpoint",
    "Request duration, 95th percentile",
    "Secrets written",
)
"""Titles of the panels shown."""
DRAWN: Final = Path(__file__).parents[2] / "operator" / "docs" / "operations-dashboard.svg"

_COLUMNS: Final = 2
_COLOURS: Final = ("#0b6e4f", "#b3261e", "#1f5fa8", "#a86b00", "#6b3fa0", "#5a5a5a")


@dataclass(frozen=True, slots=True)
class Line:
    """One series of a panel."""

    label: str
    points: tuple[tuple[float, float], ...]
    """Seconds since the beginning, and the value."""


def answered(prometheus: Prometheus, begin: float, end: float) -> dict[str, list[Line]]:
    """The lines of all panels shown, by title.

    :param begin: in seconds since the epoch, like `end`.
    """
    found: dict[str, list[Line]] = {}
    for query in rules.queries():
        if query.panel in PANELS:
            lines = found.setdefault(query.panel, [])
            for vector in prometheus.query_range(query.text, begin, end, 1):
                points = tuple((at - begin, float(value)) for at, value in vector["values"])
                lines.append(Line(rules.legend(query.legend, vector["metric"]), points))
    return found


def draw(panels: dict[str, list[Line]]) -> bytes:
    """The panels as SVG."""
    rows = -(-len(PANELS) // _COLUMNS)
    with mpl.rc_context({"svg.hashsalt": "panels", "svg.fonttype": "none", "font.size": 8}):
        figure = Figure(figsize=(9.6, 2.3 * rows), layout="constrained")
        plots: Sequence[mpl.axes.Axes] = figure.subplots(rows, _COLUMNS, squeeze=False, sharex=True).flatten().tolist()
        for axes, title in zip(plots, PANELS, strict=False):
            for number, line in enumerate(sorted(panels[title], key=lambda line: line.label)):
                colour = _COLOURS[number % len(_COLOURS)]
                axes.plot(*zip(*line.points, strict=True), label=line.label, color=colour, linewidth=1.2)
            axes.set_title(title, fontsize=9, loc="left", pad=14)
            axes.set_ylim(bottom=0)
            axes.grid(color="#e0e0e0")
            axes.legend(fontsize=7, loc="lower left", bbox_to_anchor=(0, 0.97), ncols=3, frameon=False)
            for side in ("top", "right"):
                axes.spines[side].set_visible(False)
        figure.supxlabel("seconds since the beginning", fontsize=8)
        drawn = io.BytesIO()
        figure.savefig(drawn, format="svg", metadata={"Date": None, "Creator": None})
    text = "\n".join(line.rstrip() for line in drawn.getvalue().decode().splitlines())
    return f"{text}\n".encode()


def write(panels: dict[str, list[Line]], tell: Callable[[str], None]) -> None:
    """Writes the document's picture."""
    DRAWN.write_bytes(draw(panels))
    tell(f"{DRAWN.name} shows {sum(map(len, panels.values()))} series in {len(panels)} panels")
