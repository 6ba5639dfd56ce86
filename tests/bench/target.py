"""The targets of a comparison: the tree's figures relative to an older commit's."""

from dataclasses import dataclass
from enum import StrEnum
from typing import Final


class Scene(StrEnum):
    """What is run for both, each time on a separate control plane."""

    COLD_1000 = "cold-1000"
    COLD_10000 = "cold-10000"
    SHARERS = "sharers"
    RENEWALS = "renewals"


class Figure(StrEnum):
    """What a scene measures."""

    LAST_SECRET = "until the last Secret"
    LAST_STATUS = "until the last status"
    CPU = "the operator's CPU"
    MEMORY = "its peak memory"
    DELIVERY_P50 = "from the endpoint's answer to the Secret's write, p50"
    DELIVERY_P99 = "the same, p99"
    CALLS = "API calls for each"


@dataclass(frozen=True, slots=True)
class Target:
    """One row. A value equal to the limit keeps it."""

    scene: Scene
    figure: Figure
    limit: float
    """Maximum of the tree's median divided by the commit's."""
    unit: str = ""
    """Of the medians."""
    absolute: bool = False
    """The limit applies to the tree's median itself, whatever the commit's is."""


TARGETS: Final = (
    Target(Scene.COLD_1000, Figure.LAST_SECRET, 0.5, "s"),
    Target(Scene.COLD_1000, Figure.LAST_STATUS, 0.6, "s"),
    Target(Scene.COLD_1000, Figure.CPU, 0.7, "s"),
    Target(Scene.COLD_1000, Figure.MEMORY, 1.0, "MiB"),
    Target(Scene.COLD_1000, Figure.CALLS, 4, absolute=True),
    Target(Scene.COLD_10000, Figure.LAST_SECRET, 0.5, "s"),
    Target(Scene.COLD_10000, Figure.LAST_STATUS, 0.6, "s"),
    Target(Scene.COLD_10000, Figure.CPU, 0.7, "s"),
    Target(Scene.COLD_10000, Figure.MEMORY, 1.0, "MiB"),
    Target(Scene.SHARERS, Figure.LAST_SECRET, 0.25, "s"),
    Target(Scene.SHARERS, Figure.CPU, 0.5, "s"),
    Target(Scene.RENEWALS, Figure.DELIVERY_P50, 0.7, "ms"),
    Target(Scene.RENEWALS, Figure.DELIVERY_P99, 0.7, "ms"),
    Target(Scene.RENEWALS, Figure.CALLS, 4, absolute=True),
)
