"""When the endpoint begins to answer with a new token: learned from each answer, and used to leave out useless polls.

The rollover lead is the time before a token's expiry from which on the next one is answered. A poll that is answered
the old token bounds it from above, one that is answered a new token bounds it from below. Seconds before expiry are
called `left`; after expiry they are negative.
"""

import math
from dataclasses import dataclass, replace

from integration_token.api.integration import DEFAULT_RENEW_BEFORE

MIN_STEP = 5.0
"""Seconds between two polls of an unexpired token at least: halving alone would never arrive."""

FIRST_LATE_STEP = 0.5
"""Seconds to the first poll after expiry, when consumers are failing; then the time since expiry doubles."""

LATE_STEP = 30.0
"""Seconds between two polls of an expired token at most."""

SAFE_LEAD = DEFAULT_RENEW_BEFORE
"""Seconds that a renewal should come before expiry: the kubelet brings a changed Secret into a mounted file within its
sync period and what its caches add, 60 to 90 s, and an outage or two should fit in as well. Consumers that go on with
an old token for a while need as much more."""

MOUNT_DELAY = 90.0
"""Seconds within which the kubelet brings a changed Secret into a mounted file."""

MOUNTED_LIFETIME = 2 * MOUNT_DELAY
"""Seconds that a token must live for the kubelet to bring the next one into a mounted file in time: half of that is the
widest window."""

OPENING = 0.9
"""Share of the widest window in which its first poll falls: a UID delays it by a twentieth, a queue by some seconds."""

TURNS = 16
"""Tokens among which one is polled early, to see whether the endpoint rolls over earlier than it did: 6 % more requests
where it does not, and a margin regained within weeks where it does."""

LATE_TURNS = 2
"""The same where it rolls over only after expiry, and consumers fail until it is noticed that it no longer does."""

_COARSE = 2 * MIN_STEP
"""Seconds to which a lead that is too late is narrowed down: two polls of an unexpired token fit in."""

_FINE = 1.0
"""Seconds to which a rollover after expiry is narrowed down: as much as whole seconds in `expires_in` allow."""

_LATEST = -900.0
"""Seconds before expiry, so after it, beyond which a rollover is no habit of the endpoint but an outage."""

_NEAR = 2.0
"""Seconds after expiry within which it says little when a rollover was met: that depends on how `expires_in` was
rounded, and on how long the requests took."""

_TICK = 0.002
"""Seconds within which two times are the same: a token's are cut to milliseconds."""

_SLACK = 0.1
"""Share of its step by which a poll may have come late and still count as the next one."""


def step(left: float, since: float = 0.0) -> float:
    """Seconds from a poll that was answered the old token to the next, where nothing is known of the rollover.

    The time left halves; one poll lands on expiry; then the time since expiry doubles.

    :param since: where that begins instead: the time left, below 0, at a rollover that came later than known.
    """
    if left > 0:
        return min(max(MIN_STEP, left / 2), left)
    return min(max(FIRST_LATE_STEP, since - left), LATE_STEP)


@dataclass(frozen=True, slots=True)
class Rollover:
    """What is known of one grant's rollover: its lead is at least `low` and less than `high`."""

    low: float = -math.inf
    high: float = math.inf
    seen: float = math.inf
    """The least time left at which the token that is held was answered."""
    doubted: float | None = None
    """What `low` was until an answer to the token that is held proved it wrong."""
    chance: float | None = None
    """What was proved wrong by the token before: one late rollover must not make all later renewals late."""
    presumed: float = math.inf
    """What the lead is presumed to be less than where only `low` was remembered, and is enough: no answer's word."""

    @classmethod
    def remembered(cls, low: float, *, too_late: bool) -> "Rollover":
        """What a status, or the endpoint's spec, tells.

        :param low: seconds.
        :param too_late: whether it is known that the lead is below `SAFE_LEAD`.
        """
        if low < _LATEST:
            return cls()
        if low >= SAFE_LEAD:
            return cls(low, presumed=2 * low)
        return cls(low, low + _width(low, SAFE_LEAD) if too_late else math.inf)

    def apart(self) -> "Rollover":
        """What was known before the token that is held: nothing that it showed counts."""
        if self.doubted is not None:
            return Rollover.remembered(self.doubted, too_late=True)
        return replace(self, seen=math.inf)

    @property
    def lead(self) -> int | None:
        """Whole seconds that the lead is at least, to be remembered; None where nothing is known.

        What was proved wrong once is remembered until that is confirmed.
        """
        known = self.low if self.chance is None else self.chance
        return None if known == -math.inf else math.floor(known)

    def too_late(self, lifetime: float, safe: float) -> bool | None:
        """Whether the endpoint is known to answer the old token less than `safe` before its expiry; None where that is
        not known.

        Only an answer with the old token proves it. Of a token that lives too short for a window of `safe`, a new one
        is in time if it is answered when the widest window opens.

        :param lifetime: seconds.
        :param safe: seconds before expiry at which a renewal comes in time: `SAFE_LEAD` and what consumers need.
        """
        if self.low >= min(safe, lifetime / 2 * OPENING):
            return False
        if self.chance is None and self._bound(safe) <= safe and self.low > -math.inf:
            return True
        return None

    def next_left(self, first: float, turn: int, safe: float) -> float:
        """The time left at the next poll.

        :param first: the time left at the window's first poll: what is known never opens the window earlier.
        :param turn: a number from 0 to `TURNS` - 1 that differs from token to token, and decides whether an earlier
            rollover than the known one is looked for.
        :param safe: seconds before expiry at which a renewal comes in time: `SAFE_LEAD` and what consumers need.
        """
        left = min(self._wanted(first, turn, safe), first)
        if self.seen < math.inf:
            left = min(left, max(0.0, self.seen - MIN_STEP) if self.seen > 0 else self.seen - FIRST_LATE_STEP)
        if left >= 0 or self.seen <= 0:
            return left
        # A rollover that came late before may come in time now, so expiry itself is polled; or, where it has come just
        # after it, half a second later.
        return -FIRST_LATE_STEP if -_NEAR <= self.low < -FIRST_LATE_STEP - _TICK else 0.0

    def old(self, left: float) -> "Rollover":
        """The endpoint answered the token that is held."""
        seen = min(self.seen, left)
        if self.chance is not None and left <= self.chance + _TICK:
            return Rollover(seen=seen)
        if left <= self.low + _TICK:
            return Rollover(seen=seen, doubted=self.low)
        return replace(self, seen=seen)

    def new(self, left: float) -> "Rollover":
        """The endpoint answered another token of the same grant."""
        if self.low == -math.inf:
            return replace(self._learned(left), chance=self.doubted if self._outlier(left) else None)
        if self.chance is not None and left > self.low:
            return Rollover.remembered(min(left, self.chance), too_late=True)
        if left < min(self.high, self.presumed):
            # A late poll, after an outage or in a queue, tells nothing of a lead that is known to be longer.
            low = max(left, self.low)
            return Rollover(low, _rounded(low, min(self.high, self.seen)), presumed=self.presumed)
        if self.low < 0:
            return Rollover(left, _rounded(left, self.seen))
        # Earlier than was thought to be possible: not relied on before it has happened twice.
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
        """What the lead is less than: by answers, and where `low` is not enough by these alone."""
        return self.high if self.low < safe else min(self.high, self.presumed)

    def _stepped(self, high: float, safe: float) -> float:
        """Where nothing is known but that the lead is less than `high`: half of that, but no step passes by the last
        moment that is in time for consumers that go on with an old token. Where none do, half is soon enough."""
        left, latest = high - self._step(high), safe - SAFE_LEAD / 2
        return latest if safe > SAFE_LEAD and left < latest < high else left

    def _outlier(self, left: float) -> bool:
        """Whether the rollover came so much later than known that it may have been for once."""
        doubted = self.doubted
        return doubted is not None and (doubted > 0 or left < 2 * doubted - _NEAR)

    def _step(self, left: float) -> float:
        return step(left, 0.0 if self.doubted is None else min(self.doubted, 0.0))

    def _target(self, high: float, safe: float) -> float:
        """Where one request brings the new token, or narrows the lead down if that is still worth a request."""
        low = self.low
        if low < safe < high:
            return safe
        if low < 0 < high:
            return low
        # Before expiry one such request for a token is enough; after it, consumers are failing.
        narrowed = low >= 0 and self.seen < self._bound(safe)
        return low if narrowed or high - low <= _width(low, safe) else (low + high) / 2

    def _learned(self, left: float) -> "Rollover":
        """What the first new token tells: nothing where polls failed before it, or began only after expiry."""
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
    """The upper bound, less sharp where the rollover came about expiry."""
    return max(high, _FINE) if -_NEAR <= low < _FINE else high
