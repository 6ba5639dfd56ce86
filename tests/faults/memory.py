"""The resident size of the operators' processes, sampled while they run."""

import os
import statistics
import threading
import time
from collections import defaultdict
from collections.abc import Iterator
from pathlib import Path
from types import TracebackType
from typing import Final, Self

from tests.cluster.progress import say
from tests.faults.record import History, Violation
from tests.faults.world import World

EVERY: Final = 5.0
"""Seconds between two samples."""
TOLD: Final = 60.0
"""Seconds between two lines of progress."""
LONG: Final = 240.0
"""Seconds for which a process must have led: until all its resources were renewed, and broken, a few times."""
FLAT: Final = 0.05
"""Share by which the last quarter's median may exceed the second's."""

PAGE: Final = os.sysconf("SC_PAGE_SIZE")


class Memory(threading.Thread):
    """A context manager: inside, samples are taken, and progress is printed."""

    def __init__(self, world: World) -> None:
        super().__init__(name="memory", daemon=True)
        self._world = world
        self._ended = threading.Event()
        self.samples: dict[int, list[tuple[float, int]]] = defaultdict(list)
        """Wall time and bytes, by process."""

    def __enter__(self) -> Self:
        """Starts sampling."""
        self.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        """Stops sampling."""
        self._ended.set()
        self.join()

    def run(self) -> None:
        """Takes samples."""
        told = time.monotonic()
        while not self._ended.wait(EVERY):
            for number, pid in enumerate(self._world.pids):
                if (size := resident(pid)) is not None:
                    self.samples[number].append((time.time(), size))
            if time.monotonic() >= told + TOLD:
                told = time.monotonic()
                say(self._progress())

    def growth(self, history: History) -> Iterator[Violation]:
        """The processes that grew while they led."""
        ends = [term.at for term in history.terms[1:]] + [history.end]
        long = [(term, end) for term, end in zip(history.terms, ends, strict=True) if end - term.at >= LONG]
        say(f"{len(long)} of {len(history.terms)} leaders led for {LONG:.0f} s or longer: their memory is compared")
        for term, end in long:
            sizes = [size for at, size in self.samples[term.process] if term.at <= at <= end]
            before, after = growth(sizes)
            say(f"process {term.process} led for {end - term.at:.0f} s: {_mebibytes(before)}, then {_mebibytes(after)}")
            if after > before * (1 + FLAT):
                what = f"process {term.process} grew from {_mebibytes(before)} to {_mebibytes(after)}"
                yield Violation("memory", what)

    def _progress(self) -> str:
        world = self._world
        requests = sum(len(login.endpoint.log) for login in world.logins)
        sizes = ", ".join(_mebibytes(samples[-1][1]) for samples in self.samples.values())
        ongoing = sorted({each.kind for each in world.injections if each.end == float("inf")})
        what = f"{len(world.injections)} faults, {requests:,} requests, {len(world.unready())} not Ready, {sizes}"
        return f"{(time.time() - world.start) / 60:.1f} min: {what}; now: {', '.join(ongoing) or 'nothing'}"


def growth(sizes: list[int]) -> tuple[float, float]:
    """The medians of the second and the last quarter."""
    quarter = len(sizes) // 4
    return statistics.median(sizes[quarter : 2 * quarter]), statistics.median(sizes[-quarter:])


def resident(pid: int) -> int | None:
    """Bytes; None if the process has ended."""
    try:
        return int((Path("/proc") / str(pid) / "statm").read_text().split()[1]) * PAGE
    except OSError:
        return None


def _mebibytes(size: float) -> str:
    return f"{size / 2**20:.1f} MiB"
