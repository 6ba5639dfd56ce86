"""What happens in the cluster beside the operator, as plain values. Times as in a story."""

from dataclasses import dataclass
from enum import StrEnum


class Weather(StrEnum):
    """What is wrong with the API server for a while."""

    AWAY = "away"
    """Nothing is answered."""
    LOST = "lost"
    """Writes are carried out, and their answers get lost."""
    CONFLICT = "conflict"
    """Writes are overtaken by somebody else's."""
    DENIED = "denied"
    """Writes are refused, as by a webhook or a quota."""
    SLOW = "slow"
    """Answers take two seconds, and what the watch tells comes before them."""


@dataclass(frozen=True, slots=True)
class Storm:
    """A time in which calls fail."""

    start: float
    end: float
    weather: Weather
    plural: str = ""
    """Of the only objects whose calls do; empty for all."""
    namespace: str = ""
    """The only one in which they do; empty for all."""

    def strikes(self, now: float, plural: str, namespace: str) -> bool:
        """Whether a call fails."""
        return self.start <= now < self.end and self.plural in {"", plural} and self.namespace in {"", namespace}


@dataclass(frozen=True, slots=True)
class Gap:
    """A time in which no watch tells anything; what has become of all objects is listed at its end."""

    start: float
    end: float


class What(StrEnum):
    """What somebody deletes, or changes."""

    RESOURCE = "resource"
    TARGET = "target"
    ENDPOINT = "endpoint"
    CREDENTIALS = "credentials"


@dataclass(frozen=True, slots=True)
class Deletion:
    """Somebody deletes an object that a resource consists of or refers to, and creates it again."""

    at: float
    what: What
    namespace: str = "store"
    name: str = "shop"
    """The resource's."""
    again: float = 10.0
    """Seconds until it is there again; a target the operator makes."""


class Manner(StrEnum):
    """How a rival undoes what the operator writes."""

    DELETES = "deletes"
    OVERWRITES = "overwrites"
    RELABELS = "relabels"
    FORGES = "forges"
    """It writes other times, under the operator's own name as field manager."""


@dataclass(frozen=True, slots=True)
class Rival:
    """Somebody who undoes each write of a target at once."""

    start: float
    end: float
    manner: Manner
    namespace: str = "store"
    name: str = "shop"
    every: float = 0.1
    """Seconds between two looks of theirs."""


@dataclass(frozen=True, slots=True)
class Wishes:
    """Somebody asks for a renewal again and again."""

    start: float
    end: float
    namespace: str = "store"
    name: str = "shop"
    every: float = 5.0


Disturbance = Storm | Gap | Deletion | Rival | Wishes


def over(disturbance: Disturbance) -> float:
    """When it is over."""
    return disturbance.at + disturbance.again if isinstance(disturbance, Deletion) else disturbance.end
