"""When the endpoint begins to issue a new token: learned from each response, and used to avoid useless polls.

The rollover lead is the time before a token's expiry from which the endpoint returns the next one. A poll that returns
the old token bounds it from above, one that returns a new token bounds it from below. Seconds before expiry are called
`left`; after expiry they are negative.
"""

import math
from dataclasses import dataclass, replace

from integration_token.api.integration import DEFAULT_RENEW_BEFORE

MIN_STEP = 5.0
"""Minimum seconds between two polls of an unexpired token: halving alone would never reach the expiry."""

FIRST_LATE_STEP = 0.5
"""Seconds to the first poll after expiry, when consumers are failing; then the time since expiry doubles."""

LATE_STEP = 30.0
"""Maximum seconds between two polls of an expired token."""

SAFE_LEAD = DEFAULT_RENEW_BEFORE
"""Seconds before expiry at which a renewal should arrive: the kubelet brings a changed Secret into a mounted file
within its sync period plus the delay of its caches, 60 to 90 s, and there should be time for an outage or two.
Consumers that keep using an old token need that much more."""

MOUNT_DELAY = 90.0
"""Seconds within which the kubelet brings a changed Secret into a mounted file."""

MOUNTED_LIFETIME = 2 * MOUNT_DELAY
"""The lifetime in seconds from which the kubelet brings the next token into a mounted file in time: half of it is the
widest window."""

OPENING = 0.9
"""Share of the widest window within which its first poll falls: a UID delays it by up to a twentieth, a queue by some
seconds."""

TURNS = 16
"""One of this many tokens is polled early, to see whether the endpoint rolls over earlier than before: 6 % more
requests if it does not, and a margin regained within weeks if it does."""

LATE_TURNS = 2
"""The same if it rolls over only after expiry, when consumers fail until we notice that it no longer does."""

_COARSE = 2 * MIN_STEP
"""Seconds to which a lead that is too late is narrowed down: two polls of an unexpired token fit in."""

_FINE = 1.0
"""Seconds to which a rollover after expiry is narrowed down: as precise as whole seconds in `expires_in` allow."""

_LATEST = -900.0
"""Seconds before expiry, so 15 min after it, beyond which a rollover is not the endpoint's habit but an outage."""

_NEAR = 2.0
"""Seconds after expiry within which the observed time of a rollover means little: it depends on how `expires_in` was
rounded, and on how long the requests took."""

_TICK = 0.002
"""Seconds within which two times are the same: a token's times are truncated to milliseconds."""

_SLACK = 0.1
"""Share of its step by which a poll may be late and still count as the next one."""


def step(left: float, since: float = 0.0) -> float:
    """Seconds from a poll that returned the old token to the next one, if nothing is known about the rollover.

    The time left halves; one poll falls on the expiry; then the time since expiry doubles.

    :param since: where the doubling begins instead: the time left, below 0, at a rollover that came later than known.
    """
    if left > 0:
        return min(max(MIN_STEP, left / 2), left)
    return min(max(FIRST_LATE_STEP, since - left), LATE_STEP)


@dataclass(frozen=True, slots=True)
class Rollover:
    """What is known about one grant's rollover: its lead is at least `low` and less than `high`."""

    low: float = -math.inf
    high: float = math.inf
    seen: float = math.inf
    """The least time left at which the endpoint returned the current token."""
    doubted: float | None = None
    """The value of `low` until a response with the current token proved it wrong."""
    chance: float | None = None
    """The value that the previous token proved wrong: one late rollover must not make all later renewals late."""
    presumed: float = math.inf
    """The presumed upper bound of the lead if only a sufficient `low` was remembered: no response has shown it."""

    @classmethod
    def remembered(cls, low: float, *, too_late: bool) -> "Rollover":
        """From a status, or from the endpoint's spec.

        :param low: seconds.
        :param too_late: whether the lead is known to be below `SAFE_LEAD`.
        """
        if low < _LATEST:
            return cls()
        if low >= SAFE_LEAD:
            return cls(low, presumed=2 * low)
        return cls(low, low + _width(low, SAFE_LEAD) if too_late else math.inf)

    def apart(self) -> "Rollover":
        """What was known before the current token: without anything that this token showed."""
        if self.doubted is not None:
            return Rollover.remembered(self.doubted, too_late=True)
        return replace(self, seen=math.inf)

    @property
    def lead(self) -> int | None:
        """The lower bound of the lead in whole seconds, to be remembered; None if nothing is known.

        A value that was proved wrong once is remembered until that is confirmed.
        """
        known = self.low if self.chance is None else self.chance
        return None if known == -math.inf else math.floor(known)

    def too_late(self, lifetime: float, safe: float) -> bool | None:
        """Whether the endpoint is known to return the old token less than `safe` before its expiry; None if that is
        unknown.

        Only a response with the old token proves it. If a token's lifetime is too short for a window of `safe`, a new
        token is in time if it is returned when the widest window opens.

        :param lifetime: seconds.
        :param safe: seconds before expiry at which a renewal is in time: `SAFE_LEAD` plus the consumers' delay.
        """
        if self.low >= min(safe, lifetime / 2 * OPENING):
            return False
        if self.chance is None and self._bound(safe) <= safe and self.low > -math.inf:
            return True
        return None

    def next_left(self, first: float, turn: int, safe: float) -> float:
        """The time left at the next poll.

        :param first: the time left at the window's first poll: knowledge never opens the window earlier.
        :param turn: a number from 0 to `TURNS` - 1 that differs from token to token, and decides whether this poll
            looks for an earlier rollover than the known one.
        :param safe: seconds before expiry at which a renewal is in time: `SAFE_LEAD` plus the consumers' delay.
        """
        left = min(self._wanted(first, turn, safe), first)
        if self.seen < math.inf:
            left = min(left, max(0.0, self.seen - MIN_STEP) if self.seen > 0 else self.seen - FIRST_LATE_STEP)
        if left >= 0 or self.seen <= 0:
            return left
        # A rollover that was late before may be in time now, so the expiry itself is polled; or, if it came just after
        # the expiry, half a second later.
        return -FIRST_LATE_STEP if -_NEAR <= self.low < -FIRST_LATE_STEP - _TICK else 0.0

    def old(self, left: float) -> "Rollover":
        """The endpoint returned the current token."""
        seen = min(self.seen, left)
        if self.chance is not None and left <= self.chance + _TICK:
            return Rollover(seen=seen)
        if left <= self.low + _TICK:
            return Rollover(seen=seen, doubted=self.low)
        return replace(self, seen=seen)

    def new(self, left: float) -> "Rollover":
        """The endpoint returned another token of the same grant."""
        if self.low == -math.inf:
            return replace(self._learned(left), chance=self.doubted if self._outlier(left) else None)
        if self.chance is not None and left > self.low:
            return Rollover.remembered(min(left, self.chance), too_late=True)
        if left < min(self.high, self.presumed):
            # A late poll, after an outage or in a queue, says nothing about a lead that is known to be longer.
            low = max(left, self.low)
            return Rollover(low, _rounded(low, min(self.high, self.seen)), presumed=self.presumed)
        if self.low < 0:
            return Rollover(left, _rounded(left, self.seen))
        # Earlier than seemed possible: not relied on before it has happened twice.
        return Rollover(self.low)

    def _wanted(self, first: float, turn: int, safe: float) -> float:
        if self.chance is not None and self.chance <= self.seen - (MIN_STEP if self.chance > 0 else FIRST_LATE_STEP):
            return self.chance
        bound = self._bound(safe)
        high = min(bound, self.seen)
        if self.low == -math.inf:
            return first if high == math.inf else self._stepped(high, safe)
        earlier = max(safe, 2 * self.low)
        if earlier <= self.seen - MIN_STEP and (bound == math.inf or (turn == 0 and self.low >= -_FINE - _TICK)):
            return earlier
        if self.low < -_NEAR and turn % LATE_TURNS == 0 and self.low / 2 + FIRST_LATE_STEP <= self.seen <= 0:
            return self.low / 2
        target = self._target(high, safe)
        return target if high > 0 else max(target, high - self._step(high))

    def _bound(self, safe: float) -> float:
        """The upper bound of the lead: from responses, and if `low` is not sufficient, only from these."""
        return self.high if self.low < safe else min(self.high, self.presumed)

    def _stepped(self, high: float, safe: float) -> float:
        """If only an upper bound `high` is known: half of it, but no step passes the last moment that is in time for
        consumers that keep using an old token. If there are none, half is soon enough."""
        left, latest = high - self._step(high), safe - SAFE_LEAD / 2
        return latest if safe > SAFE_LEAD and left < latest < high else left

    def _outlier(self, left: float) -> bool:
        """Whether the rollover came so much later than known that it may have been an exception."""
        doubted = self.doubted
        return doubted is not None and (doubted > 0 or left < 2 * doubted - _NEAR)

    def _step(self, left: float) -> float:
        return step(left, 0.0 if self.doubted is None else min(self.doubted, 0.0))

    def _target(self, high: float, safe: float) -> float:
        """The time left at which one request returns the new token, or narrows the lead down if that is still worth a
        request."""
        low = self.low
        if low < safe < high:
            return safe
        if low < 0 < high:
            return low
        # Before expiry one such request per token is enough; after it, consumers are failing.
        narrowed = low >= 0 and self.seen < self._bound(safe)
        return low if narrowed or high - low <= _width(low, safe) else (low + high) / 2

    def _learned(self, left: float) -> "Rollover":
        """What the first new token shows: nothing if polls failed before it, or began only after expiry."""
        if self.seen == math.inf:
            return Rollover(left) if left > 0 else Rollover()
        if left < _LATEST or self.seen - left > self._step(self.seen) * (1 + _SLACK) + _FINE:
            return Rollover()
        return Rollover(left, _rounded(left, self.seen))


def _width(low: float, safe: float) -> float:
    """Seconds to which a lead of at least `low` is narrowed down."""
    if low >= safe:
        return low
    return _COARSE if low >= 0 else _FINE


def _rounded(low: float, high: float) -> float:
    """The upper bound, less sharp if the rollover came around the expiry."""
    return max(high, _FINE) if -_NEAR <= low < _FINE else high
