"""Decides when one candidate may take a lease, from what it has observed. Pure.

The rules are those of Kubernetes' leader election (client-go, tools/leaderelection). Times in a lease come from another
machine and are never compared with ours: the age of a record counts from when this candidate first saw it.
"""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Timing:
    """The durations of an election in seconds, named as in client-go. The defaults are those of Kubernetes' own
    components, except for `acquire_period`, which has no counterpart there."""

    lease_duration: float = 15.0
    """How long a record must stay unchanged before a candidate takes the lease over."""
    renew_deadline: float = 10.0
    """How long a leader may act after it sent the last successful renewal. It is shorter than `lease_duration` so that
    the leader's last writes can arrive, and to allow for clocks that run at different rates: up to the ratio of the
    two."""
    retry_period: float = 2.0
    """The longest a leader waits between two renewals. The wait is random, at least half of this, so that candidates
    that were started together drift apart."""
    acquire_period: float = 1.0
    """The same for a candidate between two reads of the lease: how long a released lease lies idle."""

    def __post_init__(self) -> None:
        """:raises ValueError: if two candidates could lead at once, or one failed renewal would end a term."""
        if not self.lease_duration > self.renew_deadline:
            raise ValueError(
                "the lease duration must exceed the renew deadline: otherwise two replicas may lead at once"
            )
        if not self.renew_deadline > 2 * self.retry_period > 0:
            raise ValueError("the renew deadline must leave time for more than one attempt")
        if not self.acquire_period > 0:
            raise ValueError("the acquire period must be positive")

    @property
    def attempt_timeout(self) -> float:
        """Seconds that one call may take: if a connection hangs, there must be time for another attempt."""
        return self.renew_deadline / 2


@dataclass(frozen=True, slots=True)
class LeaseRecord:
    """A lease as it was read."""

    version: str
    """Its resourceVersion: any change makes it another record."""
    holder: str
    """The holder's identity; empty if it was released."""
    duration: float
    """Seconds that its holder asks others to wait."""


class Election:
    """What one candidate knows of a lease."""

    def __init__(self, identity: str, timing: Timing) -> None:
        """`identity` must be unique to this process, even after a restart in the same pod."""
        self._identity = identity
        self._timing = timing
        self._record: LeaseRecord | None = None
        self._since: float | None = None
        self._vanished = False

    @property
    def holder(self) -> str:
        """The last known holder of the lease; empty for none."""
        return self._record.holder if self._record is not None else ""

    def on_record(self, record: LeaseRecord | None, now: float) -> None:
        """Records the lease as read, or as written by ourselves; None if it does not exist.

        :param now: seconds of `boot`.
        """
        if self._since is None or record != self._record:
            self._vanished = record is None and self._record is not None
            self._record, self._since = record, now

    def claimable_in(self, now: float) -> float:
        """Seconds until this candidate may take the lease; 0 if it may now.

        A deleted lease is not a released one: its holder may not know yet.
        """
        if self._since is None:
            return self._timing.lease_duration
        if self._record is None:
            duration = self._timing.lease_duration if self._vanished else 0.0
        elif self._record.holder in {"", self._identity}:
            duration = 0.0
        else:
            # The longer of both: the holder may run a version with other durations.
            duration = max(self._timing.lease_duration, self._record.duration)
        return max(0.0, self._since + duration - now)

    def delay(self, now: float, jitter: float) -> float:
        """Seconds until the next read of the lease.

        :param jitter: uniform in [0, 1).
        """
        look = self._timing.acquire_period * (1 + jitter) / 2
        claimable = self.claimable_in(now)
        return min(look, claimable) if claimable > 0 else look
