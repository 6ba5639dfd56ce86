"""How long the event loop stood still: everything of the process runs on it, so everything stood still as long.

While it stands nobody can say so: who asks `/healthz` then waits, and the kubelet counts that by its own timeout. This
is for what the kubelet's questions fall between: stalls that come again and again, with breath enough to answer.

By the loop's own time, CLOCK_MONOTONIC: a suspend is no stall, since that clock stands still with the machine. A
process that was stopped, or got no CPU, did stand still, and cannot tell why. It need not: one stall alone is told by
the metric and fails one question of the kubelet, seldom two, and the container goes on; only who is found so three
times in a row, as the chart has it, is started anew, which costs the endpoint nothing and lets another replica lead.
"""

import asyncio
import math
from collections.abc import Callable
from typing import Final

PERIOD: Final = 0.25
"""Seconds from one look to the next: a stall is told shorter than it was by at most as much, and four looks a second
cost less than a tenth of a percent of a core."""

UNHEALTHY: Final = 5.0
"""Seconds of standing still that are not healthy: as many as the kubelet waits for an answer by the chart's values,
and half of those after which a leader loses its Lease."""

REMEMBERED: Final = 10.0
"""Seconds after its end for which such a stall is told: the period of the chart's liveness probe, so that one question
finds it, and three in a row find no stall that stays the only one."""


class LoopWatch:
    """Looks at the time at a fixed period, and takes what it comes late for a stall."""

    def __init__(self, time: Callable[[], float]) -> None:
        """`time`: of the loop, in seconds, which doesn't go on during a suspend."""
        self._time = time
        self._measured = time()
        self._longest = 0.0
        self._stalled_for = 0.0
        self._stall_ended = -math.inf
        self._next: asyncio.TimerHandle | None = None

    def start(self) -> None:
        """Looks from now on, without a task: kopf ends those that it finds."""
        self._measured = self._time()
        self._tick()

    def stop(self) -> None:
        """Looks no more."""
        if self._next is not None:
            self._next.cancel()

    def take_longest(self) -> float:
        """The longest stall since the last call, in seconds."""
        self._measure()
        longest, self._longest = self._longest, 0.0
        return longest

    def describe_stall(self) -> str:
        """Why the process isn't healthy; empty where it is."""
        now = self._measure()
        return (
            f"the event loop stood still for {self._stalled_for:.1f} s" if now < self._stall_ended + REMEMBERED else ""
        )

    def _tick(self) -> None:
        self._measure()
        self._next = asyncio.get_running_loop().call_later(PERIOD, self._tick)

    def _measure(self) -> float:
        """The time now. Whoever asks looks too: after a stall a question may be answered before the next tick."""
        now = self._time()
        gap = now - self._measured
        self._measured = now
        self._longest = max(self._longest, gap - PERIOD)
        if gap >= UNHEALTHY:
            self._stalled_for, self._stall_ended = gap, now
        return now
