"""What happens in a simulation, as plain values: their repr is all that is needed to play it again.

Times are in seconds since the story's beginning, by the endpoint's clock, which nobody steps.
"""

import random
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any

from tests.fakes.fault import (
    EXPIRES_EMPTY,
    EXPIRES_MISSING,
    EXPIRES_NULL,
    EXPIRES_ON,
    EXPIRES_TEXT,
    EXPIRES_ZERO,
    Fault,
)
from tests.fakes.issuer import Policy
from tests.simulation.disturbance import Disturbance

DAY = 86400.0
MAX_PAUSE = 900.0
"""Seconds that an endpoint can keep a client away (rule 7)."""


class Kind(StrEnum):
    """What is wrong with an endpoint for a while."""

    UNREACHABLE = "unreachable"
    """No connection."""
    HANG = "hang"
    """No answer within the client's timeout."""
    ERROR = "error"
    """500."""
    GARBAGE = "garbage"
    """200 with a page of HTML."""
    REFUSED = "refused"
    """401 `access_denied`: what a person has to mend."""
    SHORT = "short"
    """200 with a token, beside the cache, that lives a tenth as long."""
    LIMITED = "limited"
    """429 with Retry-After in seconds."""
    LIMITED_DATE = "limited, date"
    """429 with Retry-After as a date."""
    LIMITED_RESET = "limited, reset"
    """429 with `x-ratelimit-reset`."""


UNTOLD = (EXPIRES_MISSING, EXPIRES_NULL, EXPIRES_EMPTY, EXPIRES_ON, EXPIRES_TEXT, EXPIRES_ZERO)
"""What tells no expiry."""

PAUSING = frozenset({Kind.LIMITED, Kind.LIMITED_DATE, Kind.LIMITED_RESET})


@dataclass(frozen=True, slots=True)
class Trouble:
    """A time in which the endpoint answers no good token."""

    start: float
    end: float
    kind: Kind
    pause: int = 0
    """Seconds for which a limiting answer asks to stay away."""
    host: str = ""
    """The only host that has it; empty for all."""
    client: str = ""
    """The only client that meets it; empty for all."""


@dataclass(frozen=True, slots=True)
class Restart:
    """Another process takes over from the operator's."""

    at: float
    kill: bool = False
    """The old one ends in the middle of its work, else it finishes that."""
    answered: bool = False
    """Not at `at` but right after the endpoint has answered the first request since: a new token is lost with it."""


@dataclass(frozen=True, slots=True)
class Step:
    """Somebody sets the wall clock of the operator's machine."""

    at: float
    seconds: float


@dataclass(frozen=True, slots=True)
class Varying:
    """A lead that is anything between two bounds, from token to token."""

    low: float
    high: float
    seed: int

    def __call__(self, number: int) -> float:
        """The lead of the n-th token, in seconds."""
        return random.Random(f"{self.seed} {number}").uniform(self.low, self.high)  # noqa: S311  # not for secrets


@dataclass(frozen=True, slots=True)
class Drift:
    """A lead that changes once and for all."""

    before: float
    after: float
    at: int
    """The number of the first token that has the other lead."""

    def __call__(self, number: int) -> float:
        """The lead of the n-th token, in seconds."""
        return self.before if number < self.at else self.after


@dataclass(frozen=True, slots=True)
class Glitch:
    """A lead that is another for a single token."""

    usual: float
    once: float
    at: int

    def __call__(self, number: int) -> float:
        """The lead of the n-th token, in seconds."""
        return self.once if number == self.at else self.usual


@dataclass(frozen=True, slots=True)
class Member:
    """An IntegrationToken and what enters its grant."""

    name: str = "shop"
    namespace: str = "store"
    endpoint: str = "login"
    """A ClusterTokenEndpoint; one whose name begins with `own` is a TokenEndpoint of the namespace."""
    client: str = "shop"
    wrong: bool = False
    """The credentials Secret holds another secret than the endpoint knows."""
    audience: str = ""
    scopes: tuple[str, ...] = ()
    delay: float = 0.0
    """Seconds for which its consumers go on with an old token, as its resource says."""

    @property
    def namespaced(self) -> bool:
        """Whether the endpoint is a TokenEndpoint."""
        return self.endpoint.startswith("own")

    @property
    def host(self) -> str:
        """Of the token endpoint."""
        return f"{self.endpoint}.{self.namespace}.example" if self.namespaced else f"{self.endpoint}.example"

    @property
    def grant(self) -> tuple[Any, ...]:
        """What its token may be shared by."""
        return self.host, self.client, self.wrong, self.audience, self.scopes


@dataclass(frozen=True, slots=True)
class Story:
    """An endpoint, whoever gets tokens of it, and what goes wrong."""

    policy: Policy = field(default_factory=Policy)
    seconds: float = 10 * DAY
    """How long it is played."""
    dialect: Fault | None = None
    """What is peculiar about every good answer."""
    warmed: float | None = None
    """Seconds before the beginning at which the endpoint's cache was filled by somebody else."""
    latency: float = 0.0
    """Seconds from a request to its answer."""
    skew: float = 0.0
    """Seconds that the operator's clock is ahead of the endpoint's."""
    troubles: tuple[Trouble, ...] = ()
    """In the order of time; where two overlap, the first counts."""
    restarts: tuple[Restart, ...] = ()
    steps: tuple[Step, ...] = ()
    members: tuple[Member, ...] = (Member(),)
    renew_before: float | None = None
    """Seconds before expiry at which each resource wants its window to open; None for the default."""
    stated: float | None = None
    """The rollover lead that each endpoint's spec states."""
    disturbances: tuple[Disturbance, ...] = ()
    """What else happens in the cluster."""
    per_minute: int = 60000
    """Requests that each endpoint's spec allows in a minute."""

    @property
    def known_expiry(self) -> bool:
        """Whether the endpoint's answers tell when a token expires."""
        return self.policy.jwt or self.dialect not in UNTOLD
