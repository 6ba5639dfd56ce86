"""What a comparison is held to: the tree's figures beside an older commit's."""

from dataclasses import dataclass
from enum import StrEnum
from typing import Final


class Scene(StrEnum):
    """What is run for both; each on a control plane of its own."""

    COLD_1000 = "cold-1000"
    COLD_10000 = "cold-10000"
    SHARERS = "sharers"
    RENEWALS = "renewals"


class Figure(StrEnum):
    """What a scene tells."""

    LAST_SECRET = "until the last Secret"
    LAST_STATUS = "until the last status"
    CPU = "the operator's CPU"
    MEMORY = "its peak memory"
    DELIVERY_P50 = "from the endpoint's answer to the Secret's write, p50"
    DELIVERY_P99 = "the same, p99"
    CALLS = "API calls for each"


@dataclass(frozen=True, slots=True)
class Target:
    """One row. What equals the limit keeps it."""

    scene: Scene
    figure: Figure
    limit: float
    """The tree's median divided by the commit's, at most."""
    unit: str = ""
    """Of the medians."""
    absolute: bool = False
    """The limit is for the tree's median itself, whatever the commit's is."""


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
