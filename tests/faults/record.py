"""What was seen from outside in one run: plain data, without tokens and secrets, for the oracle to judge.

All times are wall time in seconds, of one machine.
"""

from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass, field
from enum import StrEnum
from functools import cached_property
from http import HTTPStatus
from typing import Final

from tests.fakes.record import Record

Place = tuple[str, str]
"""Namespace and name, of a resource and of its target Secret, which has the same name."""


DENIALS: Final = {HTTPStatus.FORBIDDEN, HTTPStatus.UNPROCESSABLE_ENTITY}
"""What admission refuses a write with."""


class Reach(StrEnum):
    """What a fault takes away, and so what it excuses."""

    API = "the API server"
    LEADER = "the leader"
    ENDPOINT = "the token endpoint"
    CREDENTIALS = "the credentials"
    WRITE = "the leave to write"
    NOTHING = "nothing"


@dataclass(slots=True)
class Injection:
    """One fault, applied and mended."""

    kind: str
    reach: Reach
    start: float
    end: float = float("inf")
    places: frozenset[Place] | None = None
    """Whom it strikes; None: all."""
    pause: float = 0.0
    """Seconds for which the endpoint asked to stay away, with each answer."""
    logged: bool = True
    """Whether the endpoint's log has the requests that met it."""

    def strikes(self, place: Place) -> bool:
        """Whether it is that resource's."""
        return self.places is None or place in self.places


@dataclass(slots=True)
class Life:
    """A resource from its creation to its deletion. One of the same name that comes after it is another."""

    place: Place
    uid: str
    client_id: str
    created: float
    """Before it was asked for."""
    window: float
    """Seconds before expiry at which polls begin, by its spec."""
    lead: float
    """Seconds before expiry at which the endpoint rolls over."""
    deleted: float = float("inf")
    """Before that was asked for."""


@dataclass(frozen=True, slots=True)
class Sight:
    """A target Secret as a watch has shown it."""

    at: float
    uid: str
    """The Secret's; empty where it is gone."""
    owner: str = ""
    """The UID of its controller."""
    serial: int | None = None
    """Of its token at the endpoint; None where the endpoint never issued it."""
    client_id: str = ""
    """Whom the endpoint issued it for."""
    expires: float = 0.0
    """When the endpoint's token truly expires."""


@dataclass(frozen=True, slots=True)
class Write:
    """A request of an operator's that changes something, by the audit log."""

    at: float
    """When it was answered."""
    process: int
    resource: str
    place: Place
    code: int

    @property
    def succeeded(self) -> bool:
        """Whether it changed something."""
        return self.code < 300


@dataclass(frozen=True, slots=True)
class Term:
    """A process came to lead."""

    at: float
    """The answer to its first write of the Lease."""
    process: int


@dataclass
class History:
    """One run; once it is over, since what is derived from it is remembered."""

    start: float
    end: float
    lives: list[Life] = field(default_factory=list)
    sights: dict[Place, list[Sight]] = field(default_factory=lambda: defaultdict(list))
    gone: dict[str, float] = field(default_factory=dict)
    """When a watch showed the end of a resource, by its UID."""
    requests: tuple[Record, ...] = ()
    """The endpoint's log."""
    writes: list[Write] = field(default_factory=list)
    """Oldest first; those of Leases are in it."""
    injections: list[Injection] = field(default_factory=list)

    @cached_property
    def terms(self) -> list[Term]:
        """Who led and since when: who has written the Lease leads until another has."""
        found: list[Term] = []
        for write in self.writes:
            if write.resource == "leases" and write.succeeded and (not found or found[-1].process != write.process):
                found.append(Term(write.at, write.process))
        return found

    def requests_of(self, life: Life) -> list[Record]:
        """The token requests for a resource."""
        return self._requests[life.client_id]

    def denied(self, life: Life) -> list[float]:
        """When the API server refused a write of the resource's Secret."""
        return [at for at in self._denied[life.place] if life.created <= at <= life.deleted]

    @cached_property
    def _requests(self) -> defaultdict[str, list[Record]]:
        found = defaultdict(list)
        for record in sorted(self.requests, key=lambda record: record.received):
            found[record.client_id].append(record)
        return found

    @cached_property
    def _denied(self) -> defaultdict[Place, list[float]]:
        found = defaultdict(list)
        for write in self.writes:
            if write.resource == "secrets" and write.code in DENIALS:
                found[write.place].append(write.at)
        return found

    def held(self, life: Life) -> list[Sight]:
        """What the resource's Secret was seen to hold, oldest first; sights that hold nothing of it have no serial."""
        return [
            sight if sight.owner == life.uid else Sight(sight.at, "")
            for sight in self.sights.get(life.place, [])
            if life.created <= sight.at <= min(life.deleted, self.end)
        ]


@dataclass(frozen=True, slots=True)
class Violation:
    """A promise that was broken."""

    promise: str
    what: str

    def __str__(self) -> str:
        return f"{self.promise}: {self.what}"


def overlap(spans: Iterable[tuple[float, float]], start: float, end: float) -> float:
    """Seconds from `start` to `end` that lie in at least one of the spans."""
    total, at = 0.0, start
    for begin, until in sorted(spans):
        last = min(until, end)
        if last > max(begin, at):
            total += last - max(begin, at)
            at = last
    return total
