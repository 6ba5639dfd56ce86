"""How much of the work that may wait is done beside other work: pure. Times are seconds of one clock."""

SHARE = 32
"""Of so many pieces of work one may be such as may wait, while there is other work: few enough that this hardly feels
them, and enough that nobody's waits for ever, however long the other work goes on."""

TOGETHER = 24
"""Pieces of work that may wait, done at once where there is no other work, ..."""

BESIDE = 2
"""...or only some that waits itself, such as for an endpoint's answer, and of which none has ended..."""

_STILL = 0.05
"""...for so many seconds."""


class LatePace:
    """Counts both kinds of work."""

    def __init__(self) -> None:
        """There is none."""
        self.active = 0
        """Pieces of work that may wait that are being done."""
        self._ended = 0
        """Pieces of other work since the last of them was begun."""
        self._last_end = 0.0

    def on_begin(self) -> None:
        """A piece of work that may wait has begun."""
        self.active += 1
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

        :param alone: there is no other work.
        """
        if alone:
            return self.active < TOGETHER
        return self._ended >= SHARE or (not self.delay(now) and self.active < BESIDE)

    def delay(self, now: float) -> float:
        """Seconds until one may be begun, if by then nothing has happened; 0 where only the end of one lets it."""
        return max(0.0, self._last_end + _STILL - now)
