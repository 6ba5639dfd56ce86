"""The plots in operator/docs/renewal.md: when a token is polled, by its remaining time."""

import io
from dataclasses import dataclass, replace
from typing import Final

import matplotlib as mpl
from matplotlib.figure import Figure

from tests.simulation import baseline, stage
from tests.simulation.chronicle import Chronicle
from tests.simulation.figure import PLACE
from tests.simulation.model import MODELS
from tests.simulation.story import DAY

PLOTS: Final = {"lead-1h": "lead 1 h", "lead-5min": "lead 5 min", "lead-0": "lead 0", "uncached": "uncached"}
"""File names, and the models that they show."""

_FIRST, _LEARNED = 0, 20
"""Which of a client's tokens are shown."""
_TICKS: Final = {-86400: "24 h", -17280: "4.8 h", -3600: "1 h", -300: "5 min", -60: "1 min", -10: "10 s", 0: "expiry"}


@dataclass(frozen=True, slots=True)
class Line:
    """The polls of one token."""

    label: str
    polls: tuple[float, ...]
    """Seconds to expiry, negative before it. The last one brought the next token."""


def lines(name: str) -> list[Line]:
    """What a plot shows of a model."""
    story = replace(MODELS[name][1], seconds=(_LEARNED + 3) * DAY)
    operator = stage.simulate(story)
    interval = baseline.simulate(story, baseline.every_hour)
    margin = baseline.simulate(story, baseline.ten_minutes_before)
    return [
        _line("operator, first token", operator, _FIRST),
        _line("operator, later", operator, _LEARNED),
        _line("every hour", interval, _LEARNED),
        _line("10 min before expiry", margin, _LEARNED),
    ]


def _line(label: str, chronicle: Chronicle, number: int) -> Line:
    held = [write for write, _ in chronicle.held(PLACE)][number]
    polls = tuple(round(poll.at - held.expiry, 3) for poll in chronicle.lifetimes(PLACE)[number])
    return Line(f"{label}: {len(polls)}", polls)


def draw(name: str) -> bytes:
    """A plot as SVG, the same in each run."""
    found = lines(name)
    with mpl.rc_context({"svg.hashsalt": name, "svg.fonttype": "none", "font.size": 9}):
        figure = Figure(figsize=(8.4, 2.1), layout="constrained")
        axes = figure.subplots()
        for height, line in enumerate(reversed(found)):
            axes.plot(line.polls[:-1], [height] * (len(line.polls) - 1), "o", color="#8a8a8a", markersize=5)
            axes.plot(line.polls[-1:], [height], "o", color="#0b6e4f", markersize=7)
        axes.axvline(0, color="#b3261e", linewidth=1, zorder=1)
        axes.set_xscale("symlog", linthresh=5)
        axes.set_xlim(-DAY * 1.3, 15)
        axes.set_xticks(list(_TICKS), list(_TICKS.values()))
        axes.minorticks_off()
        axes.set_yticks(range(len(found)), [line.label for line in reversed(found)])
        axes.set_ylim(-0.6, len(found) - 0.4)
        axes.set_title(f"{name}: polls of a token of 24 h by the time left; the green one brought the next", fontsize=9)
        axes.grid(axis="x", color="#e0e0e0")
        for side in ("top", "right", "left"):
            axes.spines[side].set_visible(False)
        drawn = io.BytesIO()
        figure.savefig(drawn, format="svg", metadata={"Date": None, "Creator": None})
    # matplotlib leaves blanks at the ends of some lines.
    text = "\n".join(line.rstrip() for line in drawn.getvalue().decode().splitlines())
    return f"{text}\n".encode()
