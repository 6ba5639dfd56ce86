"""What is due when, and who works on it: one queue of due times, a bounded pool of workers, one key never twice at
once.

Nothing here knows what the keys stand for.
"""

import asyncio
import heapq
import itertools
from collections import deque
from collections.abc import Awaitable, Callable
from typing import NamedTuple

from integration_token.clock import Clock, Instant
from integration_token.logs import get_logger

log = get_logger(__name__)

WORKERS = 128
"""Keys worked on at once. The work is mostly waiting; endpoints that hang hold a worker for their timeout."""

_GLANCE = 1.0
"""Seconds after which the clocks are looked at again at the latest: asyncio's own clock stands still in a suspend and
knows nothing of a wall clock that is stepped."""

_RETRY = 30.0
"""Seconds until a key comes back whose work raised what it shouldn't: a bug, and no reason to stop the others."""


class Key(NamedTuple):
    """What to work on."""

    work: str
    namespace: str
    name: str


class DueQueue:
    """Keys by the moment at which they are due, the later moment of a key replacing the earlier. Pure."""

    def __init__(self) -> None:
        self._due: dict[Key, tuple[int, Instant]] = {}
        self._by_wall: list[tuple[float, int, Key]] = []
        self._by_boot: list[tuple[float, int, Key]] = []
        self._numbers = itertools.count()

    def __len__(self) -> int:
        return len(self._due)

    def put(self, key: Key, due: Instant) -> None:
        """The key is due at that moment, and no longer at the one that was put before."""
        number = next(self._numbers)
        self._due[key] = (number, due)
        heapq.heappush(self._by_wall, (due.wall, number, key))
        heapq.heappush(self._by_boot, (due.boot, number, key))
        if len(self._by_wall) > 2 * len(self._due) + 64:
            # What was replaced before it came up still lies in the heaps: start them anew now and then.
            self._by_wall = [(at.wall, count, name) for name, (count, at) in self._due.items()]
            self._by_boot = [(at.boot, count, name) for name, (count, at) in self._due.items()]
            heapq.heapify(self._by_wall)
            heapq.heapify(self._by_boot)

    def drop(self, key: Key) -> None:
        """The key is not due any more."""
        self._due.pop(key, None)

    def pop(self, now: Instant) -> Key | None:
        """A key that is due by either clock, and no longer in the queue; None where there is none."""
        for heap, time in ((self._by_wall, now.wall), (self._by_boot, now.boot)):
            self._clean(heap)
            if heap and heap[0][0] <= time:
                key = heapq.heappop(heap)[2]
                del self._due[key]
                return key
        return None

    def wait(self, now: Instant) -> float | None:
        """Seconds until the next key is due; None where the queue is empty."""
        self._clean(self._by_wall)
        self._clean(self._by_boot)
        if not self._by_wall:
            return None
        return max(0.0, min(self._by_wall[0][0] - now.wall, self._by_boot[0][0] - now.boot))

    def _clean(self, heap: list[tuple[float, int, Key]]) -> None:
        """Drops what was replaced from the top of a heap."""
        while heap and self._due.get(heap[0][2], (None,))[0] != heap[0][1]:
            heapq.heappop(heap)


class Scheduler:
    """Calls `work` for every key when it is due or woken, and puts it back for the moment that `work` answers."""

    def __init__(self, clock: Clock, work: Callable[[Key], Awaitable[Instant | None]]) -> None:
        """`work` answers when the key is due again, None for when it is woken. It never sleeps itself."""
        self._clock = clock
        self._work = work
        self._queue = DueQueue()
        self._ready: deque[Key] = deque()
        self._waiting: set[Key] = set()
        self._running: set[Key] = set()
        self._again: set[Key] = set()
        self._changed = asyncio.Event()
        self._available = asyncio.Semaphore(0)
        self._stopping = False

    def wake(self, key: Key) -> None:
        """Works on the key as soon as a worker is free; after the work under way, where the key is being worked on."""
        if key in self._running:
            self._again.add(key)
        elif key not in self._waiting:
            self._queue.drop(key)
            self._waiting.add(key)
            self._ready.append(key)
            self._available.release()

    def at(self, key: Key, due: Instant) -> None:
        """Works on the key at that moment, unless it is woken before."""
        if key not in self._waiting and key not in self._running:
            if not self._queue or due.seconds_from(self._clock.now()) < _GLANCE:
                self._changed.set()  # else the next glance is early enough
            self._queue.put(key, due)

    async def run(self) -> None:
        """Works until :meth:`stop`, and returns when what was under way has ended."""
        async with asyncio.TaskGroup() as group:
            for number in range(WORKERS):
                group.create_task(self._worker(), name=f"worker {number}")
            while not self._stopping:
                now = self._clock.now()
                while (key := self._queue.pop(now)) is not None:
                    self.wake(key)
                wait = self._queue.wait(now)
                self._changed.clear()
                try:
                    async with asyncio.timeout(None if wait is None else min(wait, _GLANCE)):
                        await self._changed.wait()
                except TimeoutError:
                    pass
            for _ in range(WORKERS):
                self._available.release()

    def stop(self) -> None:
        """Begins no more work."""
        self._stopping = True
        self._changed.set()

    async def _worker(self) -> None:
        while True:
            await self._available.acquire()
            if self._stopping:
                return
            key = self._ready.popleft()
            self._waiting.discard(key)
            self._running.add(key)
            due: Instant | None = None
            try:
                due = await self._work(key)
            except asyncio.CancelledError:
                task = asyncio.current_task()
                if task is not None and task.cancelling():
                    raise
                # Somebody cancelled a task that the work waited for: of no concern to the other keys.
                due = self._clock.now().after(_RETRY)
            except Exception as error:  # noqa: BLE001  # one key's fault must not stop ten thousand others
                # Neither the exception's text nor its traceback is safe to log: they may hold what was worked on.
                log.error("work failed unexpectedly", work=key.work, namespace=key.namespace, name=key.name,
                          error=type(error).__name__, where=_place(error))  # fmt: skip
                due = self._clock.now().after(_RETRY)
            finally:
                self._running.discard(key)
            if key in self._again:
                self._again.discard(key)
                self.wake(key)
            elif due is not None:
                self.at(key, due)


def _place(error: BaseException) -> str:
    """File and line where an exception was raised."""
    trace = error.__traceback__
    while trace is not None and trace.tb_next is not None:
        trace = trace.tb_next
    if trace is None:
        return ""
    return f"{trace.tb_frame.f_code.co_filename.rsplit('/', 1)[-1]}:{trace.tb_lineno}"
