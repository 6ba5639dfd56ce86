"""One look at a resource: what a reconcile finds, step by step, and what it makes of it."""

import math
from dataclasses import dataclass, replace

from integration_token.api.condition import ConditionType, condition_of
from integration_token.api.endpoint import Endpoint
from integration_token.api.integration import Integration, shortened
from integration_token.api.token import GrantIdentity, StoredToken
from integration_token.clock import Instant
from integration_token.cluster.gateway import Object
from integration_token.controller.target import Target
from integration_token.errors import Failure
from integration_token.renewal.rollover import Rollover
from integration_token.renewal.schedule import delayed, next_poll, stated, turn, window
from integration_token.state.failure import FailureState, Revisions
from integration_token.state.inventory import ResourceState
from integration_token.workqueue.endpoint_queue import WaitReason


@dataclass(slots=True)
class Look:
    """One look at a resource, filled as it goes on. Times are wall times in seconds."""

    integration: Integration
    entry: ResourceState
    now: Instant
    wall: float
    """The time by which the held token is judged: a wall clock set back since it was first seen is not believed."""
    predecessors: tuple[Object, ...] = ()
    """The target from before it was renamed, as long as it could not be moved."""
    target: Target | None = None
    endpoint: Endpoint | None = None
    identity: GrantIdentity | None = None
    inputs: Revisions | None = None
    settled: Revisions | None = None
    """What they were when the last look ended with nothing left to do."""
    stored: StoredToken | None = None
    failure: Failure | None = None
    wanted: Revisions | None = None
    """What a token was asked for, now or before, that is still to come."""
    unwritten: int = 0
    """Characters of a token that was issued, now or before, and could not be written."""
    hold: WaitReason | None = None
    why: str = ""
    """What the request waits for, for people."""
    wish_wait: float = 0.0
    """Seconds until a wish for a renewal may be followed, of which there were too many."""
    retry: Instant | None = None
    """When what failed may be tried again, where that is known."""
    disturbed: bool = False
    """Somebody else deleted or changed the target since we wrote it last."""
    contested: bool = False
    """Somebody keeps deleting or changing the target: it is left alone for a while."""
    waited: bool = False
    """The request waits for its turn, and so long that its user is told."""
    pace: float = 0.0
    """Seconds until the grant may ask again."""
    asked: bool = False
    copied: bool = False
    """The new token comes from another resource of the same grant."""
    renewed: bool = False
    replaced_left: float = 0.0
    """Seconds that the token before the new one had left when that came."""
    delivered: bool = False
    """The target holds what it should."""
    scopes_reduced: bool = False
    version: str = ""
    """The target's resourceVersion at the end."""

    @property
    def failing(self) -> FailureState:
        """What stood in the way at the end of the last pass."""
        return self.entry.failing

    @property
    def rollover(self) -> Rollover:
        """What is known of the rollover: what answers have taught, or what was known before as long as that is more."""
        taught, prior = self.entry.grant.rollover or Rollover(), self.entry.prior or Rollover()
        nothing_taught = taught.low == -math.inf and taught.doubted is None
        return prior if nothing_taught and prior.seen <= taught.seen and prior != Rollover() else taught

    @property
    def left(self) -> float:
        """Seconds that a token of the grant as now specified is still valid; 0 where there is none."""
        if self.stored is None or (self.identity is not None and self.stored.identity != self.identity):
            return 0.0
        return max(0.0, self.entry.expires - self.wall)

    @property
    def clock_set_back_by(self) -> float:
        """Seconds by which the wall clock was set back since the held token was first seen."""
        return self.entry.clock_set_back_by(self.now)

    @property
    def clock_was_set(self) -> bool:
        """Whether the wall clock was set since the held token was first seen, so that its time left is none to learn
        from."""
        return self.entry.anchor is not None and self.entry.anchor.clock_was_set(self.now)

    @property
    def held(self) -> StoredToken | None:
        """What is held, to be compared with an answer: expiring by the best that is known, as the wall clock reads
        now."""
        if self.stored is None:
            return None
        token = replace(self.stored.token, expires=self.entry.expires - self.clock_set_back_by)
        return replace(self.stored, token=token)

    @property
    def handled_renew_request(self) -> str:
        """The last wish for a renewal that was followed: the status may not tell yet."""
        told = shortened(str(self.integration.status.get("lastHandledRenewRequest", "")))
        return self.entry.handled_renew_request or told

    def read_clock(self, now: Instant) -> None:
        """Time has passed since the look began."""
        self.now = now
        self.wall = self.entry.anchor.read_at(now) if self.entry.anchor is not None else now.wall

    def take(self, stored: StoredToken) -> None:
        """The token is to be written in place of what is held."""
        before, self.renewed, self.entry.untold = self.stored, True, True
        self.replaced_left = self.entry.expires - self.wall
        self.scopes_reduced = before is not None and before.identity == stored.identity and (
            set(stored.token.scope) < set(before.token.scope)
        )  # fmt: skip
        self.stored = stored
        entry = self.entry
        entry.prior = entry.prior and entry.prior.apart()
        # Another token for sure, also where a wall clock that was set back makes its times those of the one before.
        entry.plan = (0.0, 0.0)
        self.plan()

    def plan(self) -> None:
        """Takes over the plan for the held token, or makes a new one where it is another token."""
        entry, stored = self.entry, self.stored
        if stored is None:
            entry.plan, entry.anchor, entry.expires, entry.renews, entry.poll_at = (0.0, 0.0), None, 0.0, 0.0, 0.0
            return
        taught, prior, token = entry.grant.rollover, entry.prior, stored.token
        if taught is not None and prior is not None and prior != Rollover() and taught.seen < prior.seen:
            entry.prior = prior.old(taught.seen)
        if entry.plan != (token.issued, token.expires) or entry.anchor is None:
            # A token from the future tells that the wall clock was set back, by that much at least.
            anchor = Instant(max(self.now.wall, token.issued), self.now.boot)
            entry.plan, entry.anchor, entry.expires, entry.poll_at = (
                (token.issued, token.expires), anchor, token.expires, 0.0
            )  # fmt: skip
        self.wall = entry.anchor.read_at(self.now)
        seconds = window(token.lifetime, self.integration.renew_before)
        entry.renews = token.expires - seconds
        self._plan_poll(delayed(entry.uid, seconds), turn(token.issued))

    def _plan_poll(self, first: float, number: int) -> None:
        """Plans the next poll, unless that was done by what is known now.

        :param first: seconds before expiry of the window's first poll.
        :param number: the token's turn.
        """
        entry, grant = self.entry, self.entry.grant
        if grant.seen_at is not None and grant.seen_at.clock_was_set(self.now):
            # What was measured by a clock that has been set since is no more than a guess.
            grant.seen_at, grant.rollover = None, grant.rollover and grant.rollover.apart()
        if entry.planned_at is not None and entry.planned_at.clock_was_set(self.now):
            entry.poll_at = 0.0
        known = self.rollover
        if entry.poll_at and (known is entry.planned or known.seen == math.inf):
            return
        entry.planned, entry.planned_at = known, self.now
        if known.seen < math.inf:
            entry.poll_at = entry.expires - known.next_left(first, number)
        elif entry.expires <= self.wall:
            entry.poll_at = self.wall  # found expired, after a restart: to be asked for at once
        else:
            entry.poll_at = next_poll(self.wall, entry.expires, first, known, number)

    def learn(self) -> None:
        """Begins with what the status remembers of the grant's rollover, or the endpoint's spec states."""
        integration, endpoint, entry = self.integration, self.endpoint, self.entry
        if endpoint is None or entry.prior not in (None, Rollover()):
            return
        before, prior = entry.prior, Rollover()
        known = integration.status.get("rolloverLeadSeconds")
        if before is None and isinstance(known, int) and self._of(endpoint):
            late = condition_of(integration.status, ConditionType.ROLLOVER_TOO_LATE).get("status") == "True"
            prior = Rollover.remembered(known, too_late=late)
        entry.prior = prior if prior != Rollover() else self.stated_rollover
        if entry.prior != before:
            entry.poll_at = 0.0
            self.plan()

    @property
    def stated_rollover(self) -> Rollover:
        """What the endpoint's spec says of the rollover."""
        lead = self.endpoint.rollover_lead if self.endpoint is not None else None
        return Rollover() if lead is None else stated(self.entry.uid, lead)

    def _of(self, endpoint: Endpoint) -> bool:
        """Whether the token that is held came from the endpoint."""
        return self.stored is not None and self.stored.identity.endpoint_uid == endpoint.uid

    def take_back(self) -> None:
        """The new token could not be written: what is held is what stood there before, and a token is still wanted."""
        if self.stored is not None and self.asked:
            self.unwritten = len(self.stored.token.access_token)
        self.wanted = self.inputs
        self.renewed = self.entry.untold = False
        self.stored = self.target.stored if self.target is not None else None
        self.plan()
