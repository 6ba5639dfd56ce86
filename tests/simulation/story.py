"""What happens in a simulation, as plain values: their repr is enough to play it again.

Times are in seconds since the beginning of the story, by the endpoint's clock, which is never stepped.
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
"""Seconds for which an endpoint can keep a client away (rule 7)."""


class Kind(StrEnum):
    """What is wrong with an endpoint for a while."""

    UNREACHABLE = "unreachable"
    """No connection."""
    HANG = "hang"
    """No response within the client's timeout."""
    ERROR = "error"
    """500."""
    GARBAGE = "garbage"
    """200 with a page of HTML."""
    REFUSED = "refused"
    """401 `access_denied`: a person has to fix it."""
    SHORT = "short"
    """200 with an uncached token that lives a tenth as long."""
    LIMITED = "limited"
    """429 with Retry-After in seconds."""
    LIMITED_DATE = "limited, date"
    """429 with Retry-After as a date."""
    LIMITED_RESET = "limited, reset"
    """429 with `x-ratelimit-reset`."""


UNTOLD = (EXPIRES_MISSING, EXPIRES_NULL, EXPIRES_EMPTY, EXPIRES_ON, EXPIRES_TEXT, EXPIRES_ZERO)
"""The kinds of responses that state no expiry."""

PAUSING = frozenset({Kind.LIMITED, Kind.LIMITED_DATE, Kind.LIMITED_RESET})


@dataclass(frozen=True, slots=True)
class Trouble:
    """A time during which the endpoint returns no good token."""

    start: float
    end: float
    kind: Kind
    pause: int = 0
    """Seconds for which a limiting response asks clients to stay away."""
    host: str = ""
    """The only host affected; empty for all."""
    client: str = ""
    """The only client affected; empty for all."""


@dataclass(frozen=True, slots=True)
class Restart:
    """Another process takes over from the operator's."""

    at: float
    kill: bool = False
    """The old one is killed in the middle of its work, rather than finishing it."""
    answered: bool = False
    """Right after the endpoint's first response since `at`, so that a new token is lost."""


@dataclass(frozen=True, slots=True)
class Step:
    """Somebody sets the wall clock of the operator's machine."""

    at: float
    seconds: float


@dataclass(frozen=True, slots=True)
class Varying:
    """A lead that varies between two bounds from token to token."""

    low: float
    high: float
    seed: int

    def __call__(self, number: int) -> float:
        """The lead of the n-th token, in seconds."""
        return random.Random(f"{self.seed} {number}").uniform(self.low, self.high)  # noqa: S311  # not for secrets


@dataclass(frozen=True, slots=True)
class Drift:
    """A lead that changes permanently."""

    before: float
    after: float
    at: int
    """The number of the first token that has the other lead."""

    def __call__(self, number: int) -> float:
        """The lead of the n-th token, in seconds."""
        return self.before if number < self.at else self.after


@dataclass(frozen=True, slots=True)
class Glitch:
    """A lead that differs for a single token."""

    usual: float
    once: float
    at: int

    def __call__(self, number: int) -> float:
        """The lead of the n-th token, in seconds."""
        return self.once if number == self.at else self.usual


@dataclass(frozen=True, slots=True)
class Member:
    """An IntegrationToken and the inputs of its grant."""

    name: str = "shop"
    namespace: str = "store"
    endpoint: str = "login"
    """A ClusterTokenEndpoint; if its name begins with `own`, a TokenEndpoint of the namespace."""
    client: str = "shop"
    wrong: bool = False
    """Whether the credentials Secret holds a secret that the endpoint doesn't know."""
    audience: str = ""
    scopes: tuple[str, ...] = ()
    delay: float = 0.0
    """Seconds for which its consumers keep using an old token, according to its spec."""

    @property
    def namespaced(self) -> bool:
        """Whether the endpoint is a TokenEndpoint."""
        return self.endpoint.startswith("own")

    @property
    def host(self) -> str:
        """The token endpoint's host."""
        return f"{self.endpoint}.{self.namespace}.example" if self.namespaced else f"{self.endpoint}.example"

    @property
    def grant(self) -> tuple[Any, ...]:
        """What its token may be shared by."""
        return self.host, self.client, self.wrong, self.audience, self.scopes


@dataclass(frozen=True, slots=True)
class Story:
    """An endpoint, the resources that get tokens from it, and what goes wrong."""

    policy: Policy = field(default_factory=Policy)
    seconds: float = 10 * DAY
    """How long it lasts."""
    dialect: Fault | None = None
    """The peculiarity of every good response."""
    warmed: float | None = None
    """Seconds before the beginning at which somebody else filled the endpoint's cache."""
    latency: float = 0.0
    """Seconds from a request to its response."""
    skew: float = 0.0
    """Seconds by which the operator's clock is ahead of the endpoint's."""
    troubles: tuple[Trouble, ...] = ()
    """In order of time; if two overlap, the first counts."""
    restarts: tuple[Restart, ...] = ()
    steps: tuple[Step, ...] = ()
    members: tuple[Member, ...] = (Member(),)
    renew_before: float | None = None
    """Seconds before expiry at which each resource's window opens; None for the default."""
    stated: float | None = None
    """The rollover lead that each endpoint's spec states."""
    disturbances: tuple[Disturbance, ...] = ()
    """What else happens in the cluster."""
    per_minute: int = 60000
    """Requests per minute that each endpoint's spec allows."""

    @property
    def known_expiry(self) -> bool:
        """Whether the endpoint's responses say when a token expires."""
        return self.policy.jwt or self.dialect not in UNTOLD
