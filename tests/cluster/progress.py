"""Lines that say what a long step is doing, on stderr: stdout is kept for what a command answers."""

import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TextIO

INTERVAL = 15.0
"""Seconds from one line of a meter to the next, where it can't stay in place."""


def say(line: str) -> None:
    """Print one line of progress."""
    print(f"==> {line}", file=sys.stderr, flush=True)


@contextmanager
def step(what: str, usual: str) -> Iterator[None]:
    """Announce a step with the time it usually takes, and how long it took when it is done."""
    say(f"{what} ({usual})")
    start = time.monotonic()
    yield
    say(f"done in {time.monotonic() - start:.0f} s")


class Meter:
    """How far a step is: at a terminal one line that changes, in a log a line now and then."""

    def __init__(self, stream: TextIO | None = None, clock: Callable[[], float] = time.monotonic) -> None:
        """`stream` is stderr unless given."""
        self._stream = stream or sys.stderr
        self._in_place = self._stream.isatty()
        self._clock = clock
        self._last = clock()

    def show(self, state: str) -> None:
        """Say it, if that isn't too soon after the last time; as often as one likes."""
        now = self._clock()
        if now < self._last + (0.1 if self._in_place else INTERVAL):
            return
        self._last = now
        # To the line's beginning, and what is left of the last state away: ECMA-48's CR and EL.
        before, after = ("\r", "\033[K") if self._in_place else ("", "\n")
        self._stream.write(f"{before}    {state}{after}")
        self._stream.flush()

    def clear(self) -> None:
        """Leave a terminal's line to others."""
        if self._in_place:
            self._stream.write("\r\033[K")
            self._stream.flush()
