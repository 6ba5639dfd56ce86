"""What happened in a simulation, as the endpoint and the API server saw it. Times are the story's."""

from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any, NamedTuple

from tests.fakes.issuer import Grant, Minted
from tests.simulation.story import Kind
from tests.unit.virtual import EPOCH

Place = tuple[str, str]
"""Namespace and name of a resource."""


class Asked(NamedTuple):
    """A token request."""

    at: float
    """When it reached the endpoint."""
    host: str
    grant: Grant
    serial: int
    """Serial number of the returned token; 0 if there was none."""
    trouble: Kind | None = None
    rejected: bool = False
    """Number of earlier restarts."""
    process: int = 0
    """Restarts before it."""


class Written(NamedTuple):
    """A write of a target Secret that left it with a token."""

    at: float
    token: Minted
    host: str
    """The host of the endpoint that minted the token."""
    expires: float
    """As in the Secret."""
    assumed: bool
    """Whether the operator marks that expiry as assumed."""

    @property
    def expiry(self) -> float:
        """When the token really expires."""
        return self.token.expires - EPOCH

    @property
    def rollover(self) -> float:
        """From when on the endpoint returns a better one."""
        return self.token.rolls_over - EPOCH


class Pause(NamedTuple):
    """A time during which an endpoint asked clients to stay away."""

    start: float
    end: float
    process: int
    """Number of earlier restarts: a later process doesn't know about it."""
    host: str
    grant: Grant
    """The grant that was asked to."""


@dataclass(slots=True)
class Chronicle:
    """One simulation."""

    asked: list[Asked] = field(default_factory=list)
    seen: dict[tuple[str, int], float] = field(default_factory=dict)
    """When each token was first returned, by host and serial number."""
    written: defaultdict[Place, list[Written]] = field(default_factory=lambda: defaultdict(list))
    told: defaultdict[Place, list[tuple[float, dict[str, Any]]]] = field(default_factory=lambda: defaultdict(list))
    """Every status write: when, and what it said."""
    writes: int = 0
    """Writes of Secrets and statuses, including refused ones."""
    pauses: list[Pause] = field(default_factory=list)
    restarted: list[float] = field(default_factory=list)
    end: float = 0.0

    def times(self, grant: Grant | None = None) -> list[float]:
        """When requests arrived, for one grant or for all."""
        return [each.at for each in self.asked if grant in (None, each.grant)]

    def held(self, place: Place) -> Iterator[tuple[Written, float]]:
        """Each token that a resource's Secret held, with the time until which it did."""
        tokens: list[Written] = []
        for write in self.written[place]:
            if not tokens or tokens[-1].token is not write.token:
                tokens.append(write)
        ends = [write.at for write in tokens[1:]] + [self.end]
        yield from zip(tokens, ends, strict=False)

    def cost(self, number: int) -> int:
        """How many requests there were up to the one that returned the n-th token of a story's only resource."""
        (place,) = self.written
        tokens = [write for write, _ in self.held(place)]
        until = tokens[number - 1].at if number <= len(tokens) else self.end
        return sum(at <= until for at in self.times())

    def lifetimes(self, place: Place) -> list[list[Asked]]:
        """For each token of a resource, the requests after it, up to the one that returned the next.

        The last token is left out, as its successor never came.
        """
        spans = list(self.held(place))[:-1]
        if not spans:
            return []
        host, grant = spans[0][0].host, spans[0][0].token.grant
        asked = [each for each in self.asked if (each.host, each.grant, each.rejected) == (host, grant, False)]
        found, position = [], 0
        for write, end in spans:
            while position < len(asked) and asked[position].at <= write.at:
                position += 1
            start = position
            while position < len(asked) and asked[position].at <= end:
                position += 1
            found.append(asked[start:position])
        return found


def burst(times: list[float], seconds: float = 60.0) -> int:
    """The most requests within any period of this many seconds."""
    most = start = 0
    for end, time in enumerate(times):
        while time - times[start] >= seconds:
            start += 1
        most = max(most, end - start + 1)
    return most
