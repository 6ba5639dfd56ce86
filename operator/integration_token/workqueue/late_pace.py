"""How much of the work that may wait is done beside other work: pure. Times are seconds of one clock."""

import math

SHARE = 32
"""Of so many pieces of work one may be such as may wait, while there is other work: few enough that this hardly feels
them."""

TOGETHER = 24
"""Pieces of work that may wait, done at once where there is no other work, ..."""

BESIDE = 2
"""...or only some beside work of which none ends for a moment, since it waits itself, such as for an endpoint's
answer."""

_STILL = 0.05
"""Seconds of that moment."""

LONGEST = 10.0
"""Seconds since something began to wait after which, beside any other work, ..."""

SPACING = 0.04
"""...one begins each so many seconds: other work may end piece by piece for hours, be it that somebody wants just
that."""


class LatePace:
    """Counts both kinds of work."""

    def __init__(self) -> None:
        """There is none."""
        self.active = 0
        """Pieces of work that may wait that are being done."""
        self._ended = 0
        """Pieces of other work since the last of them was begun."""
        self._last_end = 0.0
        self._since = math.inf
        self._last_begin = 0.0

    def on_wait(self, now: float) -> None:
        """Something waits, and nothing did before."""
        self._since = now

    def on_begin(self, now: float) -> None:
        """A piece of work that may wait has begun."""
        self.active += 1
        self._last_begin = now
        self._ended = 0

    def on_end(self) -> None:
        """It is over."""
        self.active -= 1

    def on_other_end(self, now: float) -> None:
        """A piece of other work is over."""
        self._ended += 1
        self._last_end = now

    def has_place(self, now: float, *, alone: bool) -> bool:
        """Whether one more piece of work that may wait is to be begun now.

        :param alone: there is no other work, or none that is to begin.
        """
        if alone:
            return self.active < TOGETHER
        return self._ended >= SHARE or (not self.delay(now) and self.active < BESIDE)

    def delay(self, now: float) -> float:
        """Seconds until one may be begun, if by then nothing has happened; 0 where only the end of one lets it."""
        paced = max(self._since + LONGEST, self._last_begin + SPACING)
        return max(0.0, min(self._last_end + _STILL, paced) - now)
