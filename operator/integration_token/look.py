"""One look at a resource: what a reconcile finds, step by step, and what it makes of it."""

from dataclasses import dataclass, replace

from integration_token.api.endpoint import Endpoint
from integration_token.api.integration import Integration
from integration_token.api.token import Identity, StoredToken
from integration_token.clock import Instant
from integration_token.cluster.gateway import Object
from integration_token.delivery import Target
from integration_token.errors import Failure
from integration_token.inventory import Entry, Inputs
from integration_token.renewal.budget import Hold
from integration_token.renewal.schedule import first_poll, next_poll, window


@dataclass(slots=True)
class Look:
    """One look at a resource, filled as it goes on. Times are wall times in seconds."""

    integration: Integration
    entry: Entry
    now: Instant
    wall: float
    """The time by which the held token is judged: a wall clock set back since it was first seen is not believed."""
    predecessors: tuple[Object, ...] = ()
    """The target from before it was renamed, as long as it could not be moved."""
    target: Target | None = None
    endpoint: Endpoint | None = None
    identity: Identity | None = None
    inputs: Inputs | None = None
    stored: StoredToken | None = None
    failure: Failure | None = None
    hold: Hold | None = None
    waited: bool = False
    """The request waits for its turn, and so long that its user is told."""
    pace: float = 0.0
    """Seconds until the grant may ask again."""
    asked: bool = False
    renewed: bool = False
    delivered: bool = False
    """The target holds what it should."""
    scopes_reduced: bool = False
    version: str = ""
    """The target's resourceVersion at the end."""

    @property
    def left(self) -> float:
        """Seconds that a token of the grant as now specified is still valid; 0 where there is none."""
        if self.stored is None or (self.identity is not None and self.stored.identity != self.identity):
            return 0.0
        return max(0.0, self.entry.expires - self.wall)

    @property
    def set_back(self) -> float:
        """Seconds by which the wall clock was set back since the held token was first seen."""
        return self.wall - self.now.wall

    @property
    def held(self) -> StoredToken | None:
        """What is held, to be compared with an answer: expiring by the best that is known, as the wall clock reads
        now."""
        if self.stored is None:
            return None
        token = replace(self.stored.token, expires=self.entry.expires - self.set_back)
        return replace(self.stored, token=token)

    @property
    def handled_renew_request(self) -> str:
        """The last wish for a renewal that was followed: the status may not tell yet."""
        return self.entry.handled_renew_request or str(self.integration.status.get("lastHandledRenewRequest", ""))

    def plan(self) -> None:
        """Takes over the plan for the held token, or makes a new one where it is another token."""
        entry, stored = self.entry, self.stored
        if stored is None:
            entry.plan, entry.anchor, entry.expires, entry.renews, entry.poll_at = (0.0, 0.0), None, 0.0, 0.0, 0.0
            return
        token = stored.token
        if entry.plan != (token.issued, token.expires) or entry.anchor is None:
            entry.plan, entry.anchor, entry.expires, entry.poll_at = (
                (token.issued, token.expires), self.now, token.expires, 0.0
            )  # fmt: skip
        self.wall = entry.anchor.read_at(self.now)
        seconds = window(token.lifetime, self.integration.renew_before)
        entry.renews = token.expires - seconds
        if not entry.poll_at:
            first = first_poll(entry.uid, entry.expires, seconds)
            # After a restart an expired token is asked for at once, a valid one at the next instant of its plan.
            entry.poll_at = self.wall if entry.expires <= self.wall else next_poll(self.wall, entry.expires, first)

    def take_back(self) -> None:
        """The new token could not be written: what is held is what stood there before."""
        self.renewed = False
        self.stored = self.target.stored if self.target is not None else None
        self.plan()
