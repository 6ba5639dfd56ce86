"""What was observed from outside in one run: plain data, without tokens and secrets, for the oracle to judge.

All times are wall times in seconds on one machine.
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
"""Namespace and name of a resource and of its target Secret, which has the same name."""


DENIALS: Final = {HTTPStatus.FORBIDDEN, HTTPStatus.UNPROCESSABLE_ENTITY}
"""The message with which admission refuses a write."""


class Reach(StrEnum):
    """What a fault takes away, and so what it excuses."""

    API = "the API server"
    LEADER = "the leader"
    ENDPOINT = "the token endpoint"
    CREDENTIALS = "the credentials"
    WRITE = "the permission to write"
    NOTHING = "nothing"


@dataclass(slots=True)
class Injection:
    """One fault, from start to end."""

    kind: str
    reach: Reach
    start: float
    end: float = float("inf")
    places: frozenset[Place] | None = None
    """The namespaces it affects; None for all."""
    pause: float = 0.0
    """Seconds for which the endpoint asks clients to stay away, with each response."""
    logged: bool = True
    """Whether the endpoint's log has the requests that met it."""

    def strikes(self, place: Place) -> bool:
        """Whether it affects that resource."""
        return self.places is None or place in self.places


@dataclass(slots=True)
class Life:
    """A resource from its creation to its deletion. A later one of the same name is another life."""

    place: Place
    uid: str
    client_id: str
    created: float
    """Just before its creation."""
    window: float
    """Seconds before expiry at which polls begin, from its spec."""
    lead: float
    """Seconds before expiry at which the endpoint rolls over."""
    deleted: float = float("inf")
    """Just before its deletion."""


@dataclass(frozen=True, slots=True)
class Sight:
    """A target Secret as a watch reported it."""

    at: float
    uid: str
    """The Secret's UID; empty if it is gone."""
    owner: str = ""
    """The UID of its controller."""
    serial: int | None = None
    """The serial of its token at the endpoint; None if the endpoint never issued it."""
    client_id: str = ""
    """The client that the endpoint issued it for."""
    expires: float = 0.0
    """When the endpoint's token really expires."""


@dataclass(frozen=True, slots=True)
class Write:
    """An operator's request that changes something, from the audit log."""

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
    """A process became leader."""

    at: float
    """When its first write of the Lease was answered."""
    process: int


@dataclass
class History:
    """One run, complete, since derived values are cached."""

    start: float
    end: float
    lives: list[Life] = field(default_factory=list)
    sights: dict[Place, list[Sight]] = field(default_factory=lambda: defaultdict(list))
    gone: dict[str, float] = field(default_factory=dict)
    """When a watch reported the deletion of a resource, by its UID."""
    requests: tuple[Record, ...] = ()
    """The endpoint's log."""
    writes: list[Write] = field(default_factory=list)
    """Oldest first, including those of Leases."""
    injections: list[Injection] = field(default_factory=list)

    @cached_property
    def terms(self) -> list[Term]:
        """Who led since when: the last process to write the Lease leads until another does."""
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
        """What the resource's Secret was seen to hold, oldest first; states without its token have no serial."""
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
