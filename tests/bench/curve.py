"""The plot of operator/docs/performance.md: what grows with the number of resources."""

import io
from collections.abc import Mapping

import matplotlib as mpl
from matplotlib.figure import Figure

from tests.bench.cold import Cold


def draw(colds: Mapping[int, Cold]) -> bytes:
    """As SVG, the same for the same figures."""
    sizes = list(colds)
    ticks = [0, max(sizes) // 2, max(sizes)]
    with mpl.rc_context({"svg.hashsalt": "growth", "svg.fonttype": "none", "font.size": 9}):
        figure = Figure(figsize=(8.4, 2.4), layout="constrained")
        time, memory, idle = figure.subplots(1, 3)
        time.plot(sizes, [run.seconds for run in colds.values()], "o-", color="#0b6e4f", label="time")
        time.plot(sizes, [run.cpu for run in colds.values()], "o--", color="#8a8a8a", label="the operator's CPU")
        time.legend(frameon=False)
        time.set_title("cold start, s", fontsize=9)
        memory.plot(sizes, [run.mebibytes for run in colds.values()], "o-", color="#0b6e4f")
        memory.set_title("peak memory, MiB", fontsize=9)
        idle.plot(sizes, [run.idle for run in colds.values()], "o-", color="#0b6e4f")
        idle.set_title("CPU at rest, % of a core", fontsize=9)
        for axes in (time, memory, idle):
            axes.set_xticks(ticks, [f"{tick:,}" for tick in ticks])
            axes.set_ylim(bottom=0)
            axes.set_xlabel("resources")
            axes.grid(color="#e0e0e0")
            for side in ("top", "right"):
                axes.spines[side].set_visible(False)
        idle.set_ylim(0, 1)
        drawn = io.BytesIO()
        figure.savefig(drawn, format="svg", metadata={"Date": None, "Creator": None})
    # matplotlib leaves blanks at the ends of some lines.
    text = "\n".join(line.rstrip() for line in drawn.getvalue().decode().splitlines())
    return f"{text}\n".encode()
