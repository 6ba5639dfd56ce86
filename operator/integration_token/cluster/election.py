"""Who may hold a lease: what one candidate concludes from what it has seen of it. Pure.

The rules are those of Kubernetes' own leader election (client-go, tools/leaderelection). Times that stand in a lease
are another machine's and never compared with ours: how old a record is counts from when this candidate saw it first.
"""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Timing:
    """The durations of an election in seconds, named as client-go names them. The defaults are those of Kubernetes' own
    components, but for `acquire_period`, which these have no name for."""

    lease_duration: float = 15.0
    """How long a candidate lets a record stand that doesn't change, before it takes the lease over."""
    renew_deadline: float = 10.0
    """How long a leader may act after it sent the last renewal that succeeded. By how much it is shorter than
    `lease_duration` is for what the leader sent last to arrive, and for clocks that don't run alike: up to the ratio of
    the two."""
    retry_period: float = 2.0
    """How long a leader waits at most between two renewals; half of it at least, by chance, so that candidates which
    were started together don't stay together."""
    acquire_period: float = 1.0
    """How long a candidate waits between two looks, likewise: what a released lease lies idle."""

    def __post_init__(self) -> None:
        """:raises ValueError: where two candidates could lead at once, or one failed renewal would end a term."""
        if not self.lease_duration > self.renew_deadline:
            raise ValueError("the lease must outlast the renew deadline: else two may lead at once")
        if not self.renew_deadline > 2 * self.retry_period > 0:
            raise ValueError("the renew deadline must leave time for more than one attempt")
        if not self.acquire_period > 0:
            raise ValueError("the time between two looks must be positive")

    @property
    def attempt_timeout(self) -> float:
        """Seconds that one call may take: a connection that hangs must leave time for another attempt."""
        return self.renew_deadline / 2


@dataclass(frozen=True, slots=True)
class LeaseRecord:
    """A lease as it was read."""

    version: str
    """Its resourceVersion: another one is another record, whatever was changed."""
    holder: str
    """The holder's identity; empty where it was released."""
    duration: float
    """Seconds that its holder asks others to wait."""


class Election:
    """What one candidate knows of a lease."""

    def __init__(self, identity: str, timing: Timing) -> None:
        """`identity` is this process's alone, also after a restart in the same pod."""
        self._identity = identity
        self._timing = timing
        self._record: LeaseRecord | None = None
        self._since: float | None = None
        self._vanished = False

    @property
    def holder(self) -> str:
        """Who held the lease when it was last seen; empty for nobody."""
        return self._record.holder if self._record is not None else ""

    def on_record(self, record: LeaseRecord | None, now: float) -> None:
        """The lease was read, or written by ourselves; None where there is none.

        :param now: seconds of `boot`.
        """
        if self._since is None or record != self._record:
            self._vanished = record is None and self._record is not None
            self._record, self._since = record, now

    def claimable_in(self, now: float) -> float:
        """Seconds until this candidate may write itself into the lease, 0 where it may now.

        A lease that somebody deletes is no lease that was released: its holder may not know yet.
        """
        if self._since is None:
            return self._timing.lease_duration
        if self._record is None:
            duration = self._timing.lease_duration if self._vanished else 0.0
        elif self._record.holder in {"", self._identity}:
            duration = 0.0
        else:
            # The longer of both: the holder may be of a version with other durations.
            duration = max(self._timing.lease_duration, self._record.duration)
        return max(0.0, self._since + duration - now)

    def delay(self, now: float, jitter: float) -> float:
        """Seconds until the next look.

        :param jitter: uniform in [0, 1).
        """
        look = self._timing.acquire_period * (1 + jitter) / 2
        claimable = self.claimable_in(now)
        return min(look, claimable) if claimable > 0 else look
