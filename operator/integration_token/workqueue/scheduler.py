"""Who works on what is due: a bounded pool of workers, one key never twice at once.

Beside that work there is some that may wait: a few pieces of it at a time while there is other work, all of it after.

Nothing here knows what the keys stand for.
"""

import asyncio
import math
from collections import Counter, deque
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager

from integration_token.clock import Clock, Instant
from integration_token.telemetry.logs import get_logger, raised_at
from integration_token.workqueue.due_queue import DueQueue
from integration_token.workqueue.key import Key
from integration_token.workqueue.late_pace import LatePace
from integration_token.workqueue.late_queue import LateQueue

log = get_logger(__name__)

Work = Callable[[Key], Awaitable[Instant | None]]

WORKERS = 128
"""Keys worked on at once. The work is mostly waiting for the API server."""

PER_NAMESPACE = 24
"""Of them in one namespace: enough to keep the API server busy, and few enough that another namespace's work, which
takes a handful of calls one after the other, isn't behind hundreds of calls each time."""

AWAY = 256
"""Keys that may wait for something else meanwhile, such as an endpoint's answer, and hold nobody's place."""

AWAY_PER_NAMESPACE = 24
"""Of them in one namespace: more than it has requests in flight."""

_GLANCE = 1.0
"""Seconds after which the clocks are looked at again at the latest: asyncio's own clock stands still in a suspend and
knows nothing of a wall clock that is stepped."""

_RETRY = 30.0
"""Seconds until a key comes back whose work raised what it shouldn't: a bug, and no reason to stop the others."""


class Scheduler:
    """Calls `work` for every key when it is due or woken, and puts it back for the moment that `work` answers.

    Keys that are ready are taken from one namespace after the other, so none waits for what a neighbour has; and of no
    namespace more than `PER_NAMESPACE` are worked on at once, so that what is begun has the API server's ear.
    """

    def __init__(self, clock: Clock, work: Work, late_work: Work) -> None:
        """`work` answers when the key is due again, None for when it is woken. It sleeps in :meth:`away` alone.

        :param late_work: does what of a key may wait, and answers when the key is due instead, or None: as it was.
        """
        self._clock = clock
        self._work = work
        self._late_work = late_work
        self._queue = DueQueue()
        self._ready: dict[str, deque[Key]] = {}
        """By namespace, those of which one may begin now in the order of their turns, and apart from them..."""
        self._full: dict[str, deque[Key]] = {}
        """...those of which as many are worked on as may be."""
        self._waiting: dict[Key, float] = {}
        """And since when, by CLOCK_BOOTTIME, in that order."""
        self._late = LateQueue()
        self._pace = LatePace()
        self._late_timer: asyncio.TimerHandle | None = None
        self._away = 0
        self._running: set[Key] = set()
        self._again: set[Key] = set()
        self._changed = asyncio.Event()
        self._idle: deque[asyncio.Future[tuple[Key, Work] | None]] = deque()
        self._active = 0
        self._active_of: Counter[str] = Counter()
        self._away_of: Counter[str] = Counter()
        self._stopping = False

    def wake(self, key: Key) -> None:
        """Works on the key as soon as a worker is free; after the work under way, where the key is being worked on."""
        if self._stopping:
            return
        if key in self._running:
            self._again.add(key)
        elif key not in self._waiting:
            self._queue.drop(key)
            self._waiting[key] = self._clock.now().boot
            namespace = key.namespace
            full = self._active_of[namespace] >= PER_NAMESPACE
            (self._full if full else self._ready).setdefault(namespace, deque()).append(key)
            self._dispatch()

    def wake_at(self, key: Key, due: Instant) -> None:
        """Works on the key at that moment, unless it is woken before."""
        if key not in self._waiting and key not in self._running:
            if not self._queue or due.seconds_from(self._clock.now()) < _GLANCE:
                self._changed.set()  # else the next glance is early enough
            self._queue.put(key, due)

    def wake_late(self, key: Key) -> None:
        """Does what of the key may wait, as soon as other work leaves room for it: of one namespace after the other.

        Until then the key may be worked on as ever, which makes it wait longer. An orderly end does it before all is
        over.
        """
        if key not in self._late:
            if not self._late:
                self._pace.on_wait(self._clock.now().boot)
            self._late.add(key)
            if not self._is_busy(key):
                self._late.line_up(key)
                self._dispatch()

    def depth(self) -> int:
        """How many keys are due and not worked on yet."""
        return len(self._waiting)

    def oldest_age(self) -> float:
        """Seconds since the first of them was due; 0 where there is none."""
        return max(0.0, self._clock.now().boot - next(iter(self._waiting.values()), math.inf))

    def may_leave(self, namespace: str) -> bool:
        """Whether one more piece of work of the namespace may be :meth:`away`."""
        return self._away_of[namespace] < AWAY_PER_NAMESPACE

    @contextmanager
    def away(self, namespace: str) -> Iterator[None]:
        """Inside, the work on a key of the namespace waits for something and takes nobody's place; the key is still
        being worked on."""
        self._away += 1
        self._away_of[namespace] += 1
        self._release(namespace)
        try:
            yield
        finally:
            self._take(namespace)
            self._away -= 1
            self._away_of[namespace] -= 1
            if not self._away_of[namespace]:
                del self._away_of[namespace]

    async def run(self) -> None:
        """Works until :meth:`stop`, and returns when what was under way has ended, and all that may wait is done."""
        async with asyncio.TaskGroup() as group:
            # Of before kopf begins, which ends what began after it when it ends itself: so all of them exist from the
            # start, and none is made for a piece of work.
            for number in range(WORKERS + AWAY):
                group.create_task(self._worker(), name=f"worker {number}")
            while not self._stopping:
                now = self._clock.now()
                while (key := self._queue.pop(now)) is not None:
                    self.wake(key)
                delay = self._queue.delay(now)
                self._changed.clear()
                try:
                    async with asyncio.timeout(None if delay is None else min(delay, _GLANCE)):
                        await self._changed.wait()
                except TimeoutError:
                    pass
            while self._late or self._running:
                self._changed.clear()
                self._dispatch()
                await self._changed.wait()
            while self._idle:
                self._hand(self._idle.popleft(), None)

    def stop(self) -> None:
        """Begins no more work but what may wait."""
        self._stopping = True
        self._ready.clear()
        self._full.clear()
        self._waiting.clear()
        self._late.line_up_all()
        self._changed.set()

    def _dispatch(self) -> None:
        """Gives ready keys to idle workers, as long as more may be worked on."""
        while self._ready and self._idle and self._active < WORKERS:
            worker = self._idle.popleft()
            if worker.done():
                continue  # cancelled, and its worker with it
            namespace, keys = next(iter(self._ready.items()))
            del self._ready[namespace]
            key = keys.popleft()
            self._begin(worker, key, self._work)
            if keys:
                full = self._active_of[namespace] >= PER_NAMESPACE
                (self._full if full else self._ready)[namespace] = keys
            del self._waiting[key]
        while self._late and self._idle and self._has_place_for_late():
            if self._idle[0].done():
                self._idle.popleft()
                continue
            late = self._late.pop(self._is_busy)
            if late is None:
                return
            self._pace.on_begin(self._clock.now().boot)
            self._begin(self._idle.popleft(), late, self._late_work)

    def _begin(self, worker: "asyncio.Future[tuple[Key, Work] | None]", key: Key, work: Work) -> None:
        """Has the worker do that work on the key."""
        self._take(key.namespace)
        self._running.add(key)
        self._hand(worker, (key, work))

    def _has_place_for_late(self) -> bool:
        """Whether one more piece of work that may wait is to be begun now."""
        alone = self._stopping or (not self._ready and not self._away and self._active == self._pace.active)
        now = self._clock.now().boot
        if self._pace.has_place(now, alone=alone):
            return True
        if self._late_timer is None and (delay := self._pace.delay(now)):
            self._late_timer = asyncio.get_running_loop().call_later(delay, self._look_again)
        return False

    def _look_again(self) -> None:
        self._late_timer = None
        self._dispatch()

    def _is_busy(self, key: Key) -> bool:
        """Whether the key is worked on, or about to be: what of it may wait does."""
        return key in self._running or key in self._waiting

    @staticmethod
    def _hand(worker: "asyncio.Future[tuple[Key, Work] | None]", what: tuple[Key, Work] | None) -> None:
        if not worker.done():
            worker.set_result(what)

    def _take(self, namespace: str) -> None:
        self._active += 1
        self._active_of[namespace] += 1

    def _release(self, namespace: str) -> None:
        self._active -= 1
        self._active_of[namespace] -= 1
        if self._active_of[namespace] < PER_NAMESPACE and (keys := self._full.pop(namespace, None)):
            self._ready.setdefault(namespace, deque()).extend(keys)
        if not self._active_of[namespace]:
            del self._active_of[namespace]
        self._dispatch()

    async def _worker(self) -> None:
        while True:
            turn: asyncio.Future[tuple[Key, Work] | None] = asyncio.get_running_loop().create_future()
            self._idle.append(turn)
            self._dispatch()
            what = await turn
            if what is None:
                return
            key, work = what
            due: Instant | None = None
            try:
                due = await work(key)
            except asyncio.CancelledError:
                task = asyncio.current_task()
                if task is not None and task.cancelling():
                    raise
                # Somebody cancelled a task that the work waited for: of no concern to the other keys.
                due = self._clock.now().after(_RETRY)
            except Exception as error:  # noqa: BLE001  # one key's fault must not stop ten thousand others
                # Neither the exception's text nor its traceback is safe to log: they may hold what was worked on.
                log.error("work failed unexpectedly", work=key.work, namespace=key.namespace, name=key.name,
                          error=type(error).__name__, where=raised_at(error))  # fmt: skip
                due = self._clock.now().after(_RETRY)
            finally:
                self._running.discard(key)
                if work is self._late_work:
                    self._pace.on_end()
                else:
                    self._pace.on_other_end(self._clock.now().boot)
                # Before others begin: what of it may wait may be among them.
                self._put_back(key, due)
                self._release(key.namespace)

    def _put_back(self, key: Key, due: Instant | None) -> None:
        """The key was worked on."""
        if key in self._again:
            self._again.discard(key)
            self.wake(key)
        elif due is not None:
            self.wake_at(key, due)
        if not self._is_busy(key):
            self._late.line_up(key)
        if self._stopping:
            self._changed.set()
