"""Measures how long the event loop was blocked. Everything in the process runs on it, so everything was blocked as
long.

A blocked loop cannot report itself: a `/healthz` request then waits, and the kubelet counts that by its own timeout.
This module is for what falls between the kubelet's probes: stalls that recur, with pauses long enough to answer.

Uses the loop's own clock, CLOCK_MONOTONIC: it stops during a suspend, so a suspend is not a stall. A process that was
stopped, or got no CPU, was blocked, and cannot tell why. It need not: a single stall shows in the metric and fails one
probe, rarely two, and the container keeps running. Only a process that fails three probes in a row, with the chart's
settings, is restarted, which costs the endpoint nothing and lets another replica lead.
"""

import asyncio
import math
from collections.abc import Callable
from typing import Final

PERIOD: Final = 0.25
"""Seconds from one check to the next: the reported length is short by at most this, and four checks a second cost less
than a tenth of a percent of a core."""

UNHEALTHY: Final = 5.0
"""A stall of this many seconds is unhealthy: the timeout of the chart's probes, and half the time after which a leader
loses its Lease."""

REMEMBERED: Final = 10.0
"""Seconds for which a stall is reported after its end: the period of the chart's liveness probe, so that one probe sees
it, and three in a row never see the same single stall."""


class LoopWatch:
    """Checks the time at a fixed period; a late check is a stall."""

    def __init__(self, time: Callable[[], float]) -> None:
        """`time` of the loop, in seconds, which stops during a suspend."""
        self._time = time
        self._measured = time()
        self._longest = 0.0
        self._stalled_for = 0.0
        self._stall_ended = -math.inf
        self._next: asyncio.TimerHandle | None = None

    def start(self) -> None:
        """Starts checking, without a task: kopf cancels tasks that it finds."""
        self._measured = self._time()
        self._tick()

    def stop(self) -> None:
        """Stops checking."""
        if self._next is not None:
            self._next.cancel()

    def take_longest(self) -> float:
        """The longest stall since the last call, in seconds."""
        self._measure()
        longest, self._longest = self._longest, 0.0
        return longest

    def describe_stall(self) -> str:
        """Why the process is unhealthy; empty if it is not."""
        now = self._measure()
        return (
            f"the event loop was blocked for {self._stalled_for:.1f} s" if now < self._stall_ended + REMEMBERED else ""
        )

    def _tick(self) -> None:
        self._measure()
        self._next = asyncio.get_running_loop().call_later(PERIOD, self._tick)

    def _measure(self) -> float:
        """The current time. Every caller also measures: after a stall a request may be answered before the next
        tick."""
        now = self._time()
        gap = now - self._measured
        self._measured = now
        self._longest = max(self._longest, gap - PERIOD)
        if gap >= UNHEALTHY:
            self._stalled_for, self._stall_ended = gap, now
        return now
