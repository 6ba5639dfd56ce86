"""Lines about the progress of a long step, on stderr: stdout is for results."""

import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TextIO

INTERVAL = 15.0
"""Seconds between two lines of a meter if it can't stay in place."""


def say(line: str) -> None:
    """Prints one line of progress."""
    print(f"==> {line}", file=sys.stderr, flush=True)


@contextmanager
def step(what: str, usual: str) -> Iterator[None]:
    """Announces a step with its usual duration, and prints how long it took when it is done."""
    say(f"{what} ({usual})")
    start = time.monotonic()
    yield
    say(f"done in {time.monotonic() - start:.0f} s")


class Meter:
    """The progress of a step: on a terminal one changing line, in a log an occasional line."""

    def __init__(self, stream: TextIO | None = None, clock: Callable[[], float] = time.monotonic) -> None:
        """`stream` is stderr by default."""
        self._stream = stream or sys.stderr
        self._in_place = self._stream.isatty()
        self._clock = clock
        self._last = clock()

    def show(self, state: str) -> None:
        """Prints it, unless the last time was too recent; can be called often."""
        now = self._clock()
        if now < self._last + (0.1 if self._in_place else INTERVAL):
            return
        self._last = now
        # To the beginning of the line, and erase the rest: CR and ECMA-48's EL.
        before, after = ("\r", "\033[K") if self._in_place else ("", "\n")
        self._stream.write(f"{before}    {state}{after}")
        self._stream.flush()

    def clear(self) -> None:
        """Leaves a terminal's line to others."""
        if self._in_place:
            self._stream.write("\r\033[K")
            self._stream.flush()
