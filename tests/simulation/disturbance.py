"""What happens in the cluster around the operator, as plain values. Times are the story's."""

from dataclasses import dataclass
from enum import StrEnum


class Weather(StrEnum):
    """What is wrong with the API server for a while."""

    AWAY = "away"
    """Nothing is answered."""
    LOST = "lost"
    """Writes are carried out, but their responses are lost."""
    CONFLICT = "conflict"
    """Somebody else's writes come first."""
    DENIED = "denied"
    """Writes are refused, as by a webhook or a quota."""
    SLOW = "slow"
    """Responses take two seconds, and the watch reports changes before them."""


@dataclass(frozen=True, slots=True)
class Storm:
    """A time during which calls fail."""

    start: float
    end: float
    weather: Weather
    plural: str = ""
    """The only kind of object whose calls fail; empty for all."""
    namespace: str = ""
    """The only namespace in which calls fail; empty for all."""

    def strikes(self, now: float, plural: str, namespace: str) -> bool:
        """Whether a call fails."""
        return self.start <= now < self.end and self.plural in {"", plural} and self.namespace in {"", namespace}


@dataclass(frozen=True, slots=True)
class Gap:
    """A time without watch events; at its end all objects are listed."""

    start: float
    end: float


class What(StrEnum):
    """What somebody deletes or changes."""

    RESOURCE = "resource"
    TARGET = "target"
    ENDPOINT = "endpoint"
    CREDENTIALS = "credentials"


@dataclass(frozen=True, slots=True)
class Deletion:
    """Somebody deletes an object that a resource owns or refers to, and recreates it."""

    at: float
    what: What
    namespace: str = "store"
    name: str = "shop"
    """The resource's namespace and name."""
    again: float = 10.0
    """Seconds until it is back; the operator recreates targets itself."""


class Manner(StrEnum):
    """How a rival undoes what the operator writes."""

    DELETES = "deletes"
    OVERWRITES = "overwrites"
    RELABELS = "relabels"
    FORGES = "forges"
    """It writes other times, in the operator's own name as field manager."""


@dataclass(frozen=True, slots=True)
class Rival:
    """Somebody who undoes each write of a target immediately."""

    start: float
    end: float
    manner: Manner
    namespace: str = "store"
    name: str = "shop"
    every: float = 0.1
    """Seconds between two of its checks."""


@dataclass(frozen=True, slots=True)
class Wishes:
    """Somebody requests a renewal again and again."""

    start: float
    end: float
    namespace: str = "store"
    name: str = "shop"
    every: float = 5.0


Disturbance = Storm | Gap | Deletion | Rival | Wishes


def over(disturbance: Disturbance) -> float:
    """When it ends."""
    return disturbance.at + disturbance.again if isinstance(disturbance, Deletion) else disturbance.end
