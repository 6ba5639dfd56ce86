"""The table's figures, and the table as text."""

import logging
import multiprocessing
from collections.abc import Iterable
from dataclasses import dataclass, replace
from typing import Final

from tests.simulation import baseline, stage
from tests.simulation.chronicle import Chronicle, burst
from tests.simulation.model import LIFETIMES, MODELS
from tests.simulation.oracle import expired
from tests.simulation.story import Story

PLACE: Final = ("store", "shop")
PROCESSES: Final = 2


@dataclass(frozen=True, slots=True)
class Figures:
    """One client's year at one endpoint."""

    lifetimes: int
    """Tokens that were followed by another."""
    first: int
    """Requests for the first token's successor."""
    later: float
    """The same for all other tokens, on average."""
    expired: float
    """Seconds during which the Secret held an expired token, or none."""
    unavoidable: float
    """The part of them in which no request could have brought a better token."""
    burst: int
    """The most requests within 60 s."""
    writes: int


@dataclass(frozen=True, slots=True)
class Row:
    """One endpoint's row."""

    name: str
    operator: Figures
    interval: Figures
    share: Figures


def rows(names: Iterable[str] = MODELS) -> list[Row]:
    """The models' rows, computed by two processes."""
    with multiprocessing.get_context("spawn").Pool(PROCESSES) as pool:
        return pool.map(row, list(names), chunksize=1)


def row(name: str) -> Row:
    """A year at one endpoint, or as many lifetimes of shorter tokens."""
    logging.disable(logging.CRITICAL)
    story = MODELS[name][1]
    story = replace(story, seconds=LIFETIMES * story.policy.lifetime)
    return Row(
        name,
        figures(story, stage.simulate(story)),
        figures(story, baseline.simulate(story, baseline.every_hour)),
        figures(story, baseline.simulate(story, baseline.at_two_thirds)),
    )


def figures(story: Story, chronicle: Chronicle) -> Figures:
    """The figures of a simulation."""
    counts = [len(polls) for polls in chronicle.lifetimes(PLACE)]
    gaps = expired(story, chronicle, PLACE)
    return Figures(
        lifetimes=len(counts),
        first=counts[0] if counts else 0,
        later=sum(counts[1:]) / max(1, len(counts) - 1),
        expired=sum(gap.seconds for gap in gaps),
        unavoidable=sum(gap.unavoidable for gap in gaps),
        burst=burst(chronicle.times()),
        writes=chronicle.writes,
    )


def table(found: Iterable[Row]) -> str:
    """The table as text, at most 120 characters wide."""
    group = f"{'later':>6}{'expired s':>10}{'burst':>6}"
    own = f"{'tokens':>6}{'first':>6}{'later':>7}{'expired s':>10}{'unavoidable':>12}{'burst':>6}{'writes':>7}"
    lines = [
        f"{'':21}{'the operator':^57}{'every hour':^22}{'at two thirds':^20}".rstrip(),
        f"{'endpoint':21}{own}{group}{group}",
    ]
    for each in found:
        ours = each.operator
        lines.append(
            f"{each.name:21}{ours.lifetimes:>6}{ours.first:>6}{ours.later:>7.2f}{_seconds(ours.expired):>10}"
            f"{_seconds(ours.unavoidable):>12}{ours.burst:>6}{ours.writes:>7}{_group(each.interval)}{_group(each.share)}"
        )
    return "\n".join(lines)


def _group(found: Figures) -> str:
    return f"{found.later:>6.1f}{_seconds(found.expired):>10}{found.burst:>6}"


def _seconds(seconds: float) -> str:
    return f"{seconds:.1f}" if 0.05 <= seconds < 1000 else f"{seconds:.0f}"
