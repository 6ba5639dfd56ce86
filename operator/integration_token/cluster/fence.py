"""Who may act: asked right before every write and every token request.

A process that works alone always may. One of several may as long as its lease is sure to be its own, see
:mod:`integration_token.cluster.lease`.
"""

import asyncio
import math

from integration_token.clock import Clock
from integration_token.errors import Fenced


class Fence:
    """The leave to act, for one term of one process.

    Guarantees: once it is closed, or its time is over, it never opens again, so that whatever is left of a former term
    can do nothing in a later one. By CLOCK_BOOTTIME alone, which nobody can set and which goes on during a suspend.

    Does not guarantee that what was sent before it closed arrives before: that is what uid and resourceVersion in every
    write are for.
    """

    def __init__(self, clock: Clock, until: float = math.inf) -> None:
        """`until`: when the leave ends, in seconds of `boot`, unless it is extended before."""
        self._clock = clock
        self._until = until
        self.closed = asyncio.Event()
        """Set once the fence was closed; its time may be over before."""

    def is_open(self) -> bool:
        """Whether one may act now."""
        return self._left() > 0

    def extend(self, until: float) -> None:
        """The leave ends later than was known; of no effect once it has ended."""
        if self.is_open():
            self._until = max(self._until, until)

    def close(self) -> None:
        """The leave ends now."""
        self.closed.set()

    def check(self) -> float:
        """Seconds for which one may act without asking again, always more than 0.

        :raises Fenced: where one may not act.
        """
        left = self._left()
        if left <= 0:
            raise Fenced("the lease is no longer held: nothing is written and no token asked for")
        return left

    def _left(self) -> float:
        """Seconds for which one may act; 0 once one may not."""
        if self.closed.is_set():
            return 0.0
        left = self._until - self._clock.now().boot
        if left <= 0:
            self.closed.set()
        return max(0.0, left)
