"""How much deferrable work runs while there is other work: pure. Times are seconds of one clock."""

import math

SHARE = 32
"""One in this many pieces of work may be deferrable while there is other work: few enough not to slow that down."""

TOGETHER = 24
"""Deferrable pieces that run at once if there is no other work, ..."""

BESIDE = 2
"""...or if all other work waits itself, for example for an endpoint, or none has ended for a moment. So statuses follow
at once if the endpoint sets the pace, and Secrets take 5 % longer for it."""

_STILL = 0.05
"""Seconds of that moment."""

LONGEST = 10.0
"""Seconds that deferrable work has waited after which, in addition to any other work, ..."""

SPACING = 0.04
"""...one piece begins each this many seconds: other work may keep ending piece by piece for hours, perhaps because
someone wants exactly that."""


class LatePace:
    """Counts both kinds of work."""

    def __init__(self) -> None:
        """There is none."""
        self.active = 0
        """Deferrable pieces that are running."""
        self._ended = 0
        """Other pieces since the last deferrable one began."""
        self._last_end = 0.0
        self._since = math.inf
        self._last_begin = 0.0

    def on_wait(self, now: float) -> None:
        """Something waits now; nothing did before."""
        self._since = now

    def on_begin(self, now: float) -> None:
        """A deferrable piece has begun."""
        self.active += 1
        self._last_begin = now
        self._ended = 0

    def on_end(self) -> None:
        """It has ended."""
        self.active -= 1

    def on_other_end(self, now: float) -> None:
        """Another piece of work has ended."""
        self._ended += 1
        self._last_end = now

    def has_place(self, now: float, *, alone: bool, idle: bool) -> bool:
        """Whether one more deferrable piece may begin now.

        :param alone: there is no other work, or none that may begin.
        :param idle: all other work waits for something else, such as a response of an endpoint.
        """
        if alone:
            return self.active < TOGETHER
        return self._ended >= SHARE or ((idle or not self.delay(now)) and self.active < BESIDE)

    def delay(self, now: float) -> float:
        """Seconds until one may begin if nothing happens before; 0 if only the end of another one allows it."""
        paced = max(self._since + LONGEST, self._last_begin + SPACING)
        return max(0.0, min(self._last_end + _STILL, paced) - now)
