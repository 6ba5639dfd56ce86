"""Injected time: everything that needs the time gets it from a :class:`Clock`.

Two clocks are read together. The wall clock is what `expires_in`, a JWT and an annotation are compared with, but it can
be stepped by hours. CLOCK_BOOTTIME is never stepped and, unlike CLOCK_MONOTONIC, continues during a suspend. Anything
planned is due when either clock says so: at worst a stepped clock costs an additional request, never a renewal.
"""

import time
from typing import NamedTuple, Protocol

_BOOT: int = getattr(time, "CLOCK_BOOTTIME", time.CLOCK_MONOTONIC)
"""The clock that continues during a suspend; if the machine has none, at least one that no one sets."""

_STEP = 1.0
"""Seconds by which the clocks must diverge to show that one of them was set."""


class Instant(NamedTuple):
    """One moment on both clocks, in seconds: since the UNIX epoch, and since some moment before the boot."""

    wall: float
    boot: float

    def after(self, seconds: float) -> "Instant":
        """The moment `seconds` later, if no clock is stepped."""
        return Instant(self.wall + seconds, self.boot + seconds)

    def is_due(self, now: "Instant") -> bool:
        """Whether this moment has come by either clock."""
        return now.wall >= self.wall or now.boot >= self.boot

    def seconds_from(self, now: "Instant") -> float:
        """Seconds from `now` to this moment, by the clock that reaches it first; negative if it is past."""
        return min(self.wall - now.wall, self.boot - now.boot)

    def clock_was_set(self, now: "Instant") -> bool:
        """Whether the wall clock has been set since this moment: time daemons slew both clocks alike."""
        return abs((now.wall - self.wall) - (now.boot - self.boot)) > _STEP

    def read_at(self, now: "Instant") -> float:
        """The wall time of `now` for someone who read this moment; a wall clock that was set back since is not
        believed.

        One that was set forward is: in both cases the later of the two readings counts, so that nothing planned by the
        wall clock is missed.
        """
        return max(now.wall, self.wall + (now.boot - self.boot))


class Clock(Protocol):
    """Tells the time."""

    def now(self) -> Instant:
        """The current moment."""


class SystemClock:
    """The machine's clocks."""

    def now(self) -> Instant:
        """The current moment, on a machine with CLOCK_BOOTTIME (Linux) or at least a monotonic clock."""
        return Instant(time.time(), time.clock_gettime(_BOOT))
