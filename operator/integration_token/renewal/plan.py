"""The plan for one token: when it expires to the best of our knowledge, and when it is polled next. Pure."""

import math
from dataclasses import dataclass, replace

from integration_token.api.integration import RenewBefore
from integration_token.api.token import Token
from integration_token.clock import Instant
from integration_token.renewal.rollover import SAFE_LEAD, Rollover
from integration_token.renewal.schedule import first_left, next_poll, turn, window


@dataclass(frozen=True, slots=True)
class TokenPlan:
    """The plan for the current token. Times are wall times in seconds, 0 without a token."""

    issued: float = 0.0
    """Its issue time as stored."""
    stored_expiry: float = 0.0
    """Its expiry as stored: if either changes, it is another token."""
    first_seen: Instant | None = None
    """When this process first saw it."""
    expires: float = 0.0
    """Its expiry to the best of our knowledge, which may be earlier than stored."""
    renews: float = 0.0
    """When its window opens."""
    poll_at: float = 0.0
    """When it is polled next."""
    prior: Rollover | None = None
    """What is assumed about the rollover before a response has taught anything; None before it was looked up."""
    planned_by: Rollover | None = None
    """What was known about the rollover when the next poll was planned."""
    planned_at: Instant | None = None
    assumed: bool = False
    """Whether its expiry is only a date to ask again."""
    consumer_delay: float = 0.0
    """Seconds for which consumers may keep using it after the next one is there."""

    def read_clock(self, now: Instant) -> float:
        """The wall time by which the token is judged: a wall clock that was set back since the token was first seen is
        not believed."""
        return now.wall if self.first_seen is None else self.first_seen.read_at(now)

    def clock_set_back_by(self, now: Instant) -> float:
        """Seconds by which the wall clock was set back since the token was first seen."""
        return self.read_clock(now) - now.wall

    def clock_was_set(self, now: Instant) -> bool:
        """Whether the wall clock was set since the token was first seen: its remaining lifetime then teaches
        nothing."""
        return self.first_seen is not None and self.first_seen.clock_was_set(now)

    def is_of(self, issued: float, expires: float) -> bool:
        """Whether this is the plan of the token with these times."""
        return (self.issued, self.stored_expiry) == (issued, expires)

    def rollover(self, taught: Rollover | None) -> Rollover:
        """What is known about the rollover: what responses have taught, or what was known before as long as that is
        more."""
        known, prior = taught or Rollover(), self.prior or Rollover()
        nothing_taught = known.low == -math.inf and known.doubted is None
        return prior if nothing_taught and prior.seen <= known.seen and prior != Rollover() else known

    def expected(self, taught: Rollover | None) -> float:
        """When the next token is expected: when the endpoint is known to issue it, or when the window opens if that is
        unknown or would be earlier; 0 without a token.

        :param taught: what responses have taught about the rollover.
        """
        known = self.rollover(taught).low
        return self.renews if known == -math.inf else max(self.renews, self.expires - known)

    def with_prior(self, prior: Rollover | None) -> "TokenPlan":
        """With another assumption about the rollover, for which the next poll must be planned again."""
        return self if prior == self.prior else replace(self, prior=prior, poll_at=0.0)

    def put_off(self, expires: float, now: Instant) -> "TokenPlan":
        """With another assumed expiry, by the current wall clock; the next poll must be planned again."""
        return replace(self, expires=expires + self.clock_set_back_by(now), poll_at=0.0)

    def for_another(self) -> "TokenPlan":
        """For what is certainly another token, even if a wall clock that was set back gives it the times of the
        previous one."""
        return replace(self, issued=0.0, stored_expiry=0.0, prior=self.prior and self.prior.apart())


NO_TOKEN = TokenPlan()
"""No token and no knowledge: one object for all resources that have not been observed yet."""


def plan(
    before: TokenPlan,
    token: Token | None,
    now: Instant,
    *,
    taught: Rollover | None,
    renew_before: RenewBefore,
    consumer_delay: float,
    uid: str,
    assumed_until: float = 0.0,
) -> TokenPlan:
    """The plan for the current token: the previous one, unless the token, its window or the knowledge has changed.

    :param taught: what responses have taught about the rollover.
    :param consumer_delay: seconds for which consumers may keep using an old token.
    :param uid: the resource's: tokens issued together are not polled together.
    :param assumed_until: the expiry that an earlier process assumed, if responses put it off; 0 if they did not.
    """
    if token is None:
        return TokenPlan(prior=before.prior, planned_by=before.planned_by, planned_at=before.planned_at)
    prior = before.prior
    if taught is not None and prior is not None and prior != Rollover() and taught.seen < prior.seen:
        prior = prior.old(taught.seen)
    seconds = window(token.lifetime, renew_before)
    same = before.first_seen is not None and before.is_of(token.issued, token.expires)
    expires = before.expires if same else token.expires
    if token.assumed and not same:
        # No later than a response received now would put it: anyone with write access can write to a status.
        expires = max(expires, min(assumed_until, now.wall + token.lifetime))
    renews = (expires if token.assumed else token.expires) - seconds
    same_plan = same and (before.renews, before.consumer_delay) == (renews, consumer_delay)
    plan = TokenPlan(
        token.issued,
        token.expires,
        # An issue time in the future shows that the wall clock was set back, by at least that much.
        before.first_seen if same else Instant(max(now.wall, token.issued), now.boot),
        expires,
        renews,
        before.poll_at if same_plan else 0.0,
        prior,
        before.planned_by,
        before.planned_at,
        token.assumed,
        consumer_delay,
    )
    return _with_next_poll(plan, now, taught, first_left(uid, seconds, consumer_delay), turn(token.issued))


def _with_next_poll(plan: TokenPlan, now: Instant, taught: Rollover | None, first: float, number: int) -> TokenPlan:
    """With the next poll planned, unless it was planned with the current knowledge.

    :param first: seconds before expiry of the window's first poll.
    :param number: the token's turn.
    """
    known, wall, safe = plan.rollover(taught), plan.read_clock(now), SAFE_LEAD + plan.consumer_delay
    reread = plan.planned_at is not None and plan.planned_at.clock_was_set(now)
    if plan.poll_at and not reread and (known is plan.planned_by or known.seen == math.inf):
        return plan
    if known.seen < math.inf:
        poll_at = plan.expires - known.next_left(first, number, safe)
    elif plan.expires <= wall:
        poll_at = wall  # found expired after a restart: request a new one at once
    else:
        poll_at = next_poll(wall, plan.expires, first, known, number, safe)
    return replace(plan, poll_at=poll_at, planned_by=known, planned_at=now)
