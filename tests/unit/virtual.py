"""Virtual time: an event loop whose waits cost nothing, and clocks that follow it and can be stepped."""

import asyncio
import selectors
from collections.abc import Callable, Coroutine
from typing import Any, TypeVar

from integration_token.clock import Instant

EPOCH = 1_800_000_000.0
"""The wall time at which virtual time begins."""

_TURNS = 1000
"""Loop turns after which time passes even if nothing waits.

Without them a task that a rounding error wakes too early would wake forever.
"""
_MOMENT = 1e-6
"""Seconds."""

Result = TypeVar("Result")


class FakeClock:
    """Two clocks that a test controls."""

    def __init__(self, boot: Callable[[], float] | None = None) -> None:
        """`boot` returns the time that passes by itself, if any does."""
        self._boot = boot or (lambda: 0.0)
        self._moved = 1000.0
        self._step = EPOCH - self._moved

    def now(self) -> Instant:
        """The current moment."""
        boot = self._boot() + self._moved
        return Instant(boot + self._step, boot)

    def advance(self, seconds: float) -> None:
        """Time passes on both clocks at once, as in a suspend."""
        self._moved += seconds

    def step(self, seconds: float) -> None:
        """Somebody sets the wall clock."""
        self._step += seconds


class _Selector(selectors.DefaultSelector):
    """Never waits: the time is added to the loop's clock instead."""

    passed = 0.0
    _turns = 0

    def select(self, timeout: float | None = None) -> list[tuple[selectors.SelectorKey, int]]:
        ready = super().select(0)
        if not ready and timeout is None:
            raise RuntimeError("everything waits for something that nobody will do")
        if not ready and timeout:
            self.passed += timeout
            self._turns = 0
        self._turns += 1
        if self._turns % _TURNS == 0:
            self.passed += _MOMENT
        return ready


class VirtualLoop(asyncio.SelectorEventLoop):
    """Its time passes only while all its tasks wait, and then jumps to what is due next."""

    def __init__(self) -> None:
        self._virtual = _Selector()
        super().__init__(self._virtual)

    def time(self) -> float:
        """Virtual seconds since the start."""
        return self._virtual.passed

    def stand_still(self, seconds: float) -> None:
        """Time passes while nothing runs: a computation, or a stopped process."""
        self._virtual.passed += seconds


def run(main: Callable[[FakeClock], Coroutine[Any, Any, Result]]) -> Result:
    """Runs a coroutine in virtual time."""
    with asyncio.Runner(loop_factory=VirtualLoop) as runner:
        return runner.run(main(FakeClock(runner.get_loop().time)))
