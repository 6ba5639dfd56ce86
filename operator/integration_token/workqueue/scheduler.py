"""Runs the work that is due: a bounded pool of workers, and never two of them on the same key.

In addition there is deferrable work: a few pieces at a time while there is other work, and all of it after that.

Nothing here knows what the keys refer to.
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
"""Keys worked on at once. The work mostly waits for the API server."""

PER_NAMESPACE = 24
"""Keys of one namespace worked on at once: enough to keep the API server busy, and few enough that another namespace's
work, which makes a handful of sequential calls, does not queue behind hundreds of calls each time."""

AWAY = 256
"""Keys that may meanwhile wait for something else, such as a response of an endpoint, without taking a place."""

AWAY_PER_NAMESPACE = 24
"""Such keys of one namespace: more than it has requests in flight."""

_GLANCE = 1.0
"""Maximum seconds until the clocks are read again: asyncio's own clock stops during a suspend and does not notice a
stepped wall clock."""

_RETRY = 30.0
"""Seconds until a key comes back whose work raised an unexpected error: a bug, but no reason to stop the others."""


class Scheduler:
    """Calls `work` for every key when it is due or woken, and queues it again for the time that `work` returns.

    Ready keys are taken from one namespace after the other, so that none waits for all of a neighbour's keys. At most
    `PER_NAMESPACE` of a namespace are worked on at once, so that work that has begun is not slowed down by its own
    siblings.
    """

    def __init__(self, clock: Clock, work: Work, late_work: Work) -> None:
        """`work` returns when the key is due again, or None if only a wake-up makes it due. It sleeps only in
        :meth:`away`.

        :param late_work: does a key's deferrable work, and returns when the key is due instead, or None for no change.
        """
        self._clock = clock
        self._work = work
        self._late_work = late_work
        self._queue = DueQueue()
        self._ready: dict[str, deque[Key]] = {}
        """By namespace: namespaces with a key that may begin now, in the order of their turns, and apart from
        them..."""
        self._full: dict[str, deque[Key]] = {}
        """...namespaces that have reached their limit of keys worked on."""
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
        """Works on the key as soon as a worker is free; if the key is being worked on, after that."""
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
        """Works on the key at that time, unless it is woken before."""
        if key not in self._waiting and key not in self._running:
            if not self._queue or due.seconds_from(self._clock.now()) < _GLANCE:
                self._changed.set()  # otherwise the next look is early enough
            self._queue.put(key, due)

    def wake_late(self, key: Key) -> None:
        """Does the key's deferrable work as soon as other work leaves room for it, one namespace after the other.

        Until then the key may be worked on as usual, which makes it wait longer. An orderly shutdown does it before the
        end.
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
        """Seconds since the first of them became due; 0 if there is none."""
        return max(0.0, self._clock.now().boot - next(iter(self._waiting.values()), math.inf))

    def may_leave(self, namespace: str) -> bool:
        """Whether one more piece of the namespace's work may be :meth:`away`."""
        return self._away_of[namespace] < AWAY_PER_NAMESPACE

    @contextmanager
    def away(self, namespace: str) -> Iterator[None]:
        """Inside, the work on a key of the namespace waits for something and takes no place; the key still counts as
        worked on."""
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
        """Runs until :meth:`stop`, and returns when the work in progress has ended and all deferrable work is done."""
        async with asyncio.TaskGroup() as group:
            # Created before kopf starts, which cancels tasks created after it when it ends: so all of them exist from
            # the start, and none is created for a piece of work.
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
        """Begins no more work except deferrable work."""
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
        """Lets the worker do that work on the key."""
        self._take(key.namespace)
        self._running.add(key)
        self._hand(worker, (key, work))

    def _has_place_for_late(self) -> bool:
        """Whether one more deferrable piece may begin now."""
        idle = not self._ready and self._active == self._pace.active
        alone = self._stopping or (idle and not self._away)
        now = self._clock.now().boot
        if self._pace.has_place(now, alone=alone, idle=idle):
            return True
        if self._late_timer is None and (delay := self._pace.delay(now)):
            self._late_timer = asyncio.get_running_loop().call_later(delay, self._look_again)
        return False

    def _look_again(self) -> None:
        self._late_timer = None
        self._dispatch()

    def _is_busy(self, key: Key) -> bool:
        """Whether the key is being worked on, or about to be: its deferrable work must wait."""
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
                # A task that the work waited for was cancelled: that does not concern the other keys.
                due = self._clock.now().after(_RETRY)
            except Exception as error:  # noqa: BLE001  # one key's fault must not stop ten thousand others
                # Neither the exception's text nor its traceback is safe to log: they may contain what was worked on.
                log.error("work failed unexpectedly", work=key.work, namespace=key.namespace, name=key.name,
                          error=type(error).__name__, where=raised_at(error))  # fmt: skip
                due = self._clock.now().after(_RETRY)
            finally:
                self._running.discard(key)
                if work is self._late_work:
                    self._pace.on_end()
                else:
                    self._pace.on_other_end(self._clock.now().boot)
                # Before others begin: the key's deferrable work may be among them.
                self._put_back(key, due)
                self._release(key.namespace)

    def _put_back(self, key: Key, due: Instant | None) -> None:
        """The key has been worked on."""
        if key in self._again:
            self._again.discard(key)
            self.wake(key)
        elif due is not None:
            self.wake_at(key, due)
        if not self._is_busy(key):
            self._late.line_up(key)
        if self._stopping:
            self._changed.set()
