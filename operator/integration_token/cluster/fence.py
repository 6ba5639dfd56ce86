"""Whether this process may act: checked right before every write and every token request.

A process without leader election always may. Otherwise only while its lease is certain to be its own; see
:mod:`integration_token.cluster.lease`.
"""

import asyncio
import math

from integration_token.clock import Clock
from integration_token.errors import Fenced


class Fence:
    """The permission to act, for one term of one process.

    Guarantees: once closed or expired it never opens again, so that leftovers of an earlier term can do nothing in a
    later one. Depends only on CLOCK_BOOTTIME, which nobody can set and which continues during a suspend.

    Does not guarantee that what was sent before it closed arrives before: every write carries uid and resourceVersion
    for that.
    """

    def __init__(self, clock: Clock, until: float = math.inf) -> None:
        """`until`: when the permission ends, in seconds of `boot`, unless it is extended before."""
        self._clock = clock
        self._until = until
        self.closed = asyncio.Event()
        """Set once the fence is closed; it may have expired earlier."""

    def is_open(self) -> bool:
        """Whether this process may act now."""
        return self._left() > 0

    def extend(self, until: float) -> None:
        """Extends the permission; has no effect once it has ended."""
        if self.is_open():
            self._until = max(self._until, until)

    def close(self) -> None:
        """Ends the permission now."""
        self.closed.set()

    def check(self) -> float:
        """Seconds for which this process may act without checking again, always more than 0.

        :raises Fenced: if it may not act.
        """
        left = self._left()
        if left <= 0:
            raise Fenced("the lease is no longer held: writes and token requests are stopped")
        return left

    def _left(self) -> float:
        """Seconds for which this process may act; 0 once it may not."""
        if self.closed.is_set():
            return 0.0
        left = self._until - self._clock.now().boot
        if left <= 0:
            self.closed.set()
        return max(0.0, left)
