"""How many requests one endpoint may get in a minute: which may begin now, and which is next.

Pure: every method takes the time. Times are seconds of CLOCK_BOOTTIME, which nobody can step.
"""

import heapq
from collections import OrderedDict, deque
from collections.abc import Hashable
from dataclasses import dataclass, field
from enum import Enum, IntEnum, auto
from typing import Generic, NamedTuple, TypeVar

from integration_token.workqueue.grant_rate import MINUTE

Key = TypeVar("Key", bound=Hashable)

STARVED = 300.0
"""Seconds after which a namespace that waits has its turn whatever others wait for: no endless stream of renewals may
keep it from its first token."""
_STARVED_TURNS = 4
"""One turn of so many goes to such a namespace at most."""


class WaitReason(Enum):
    """What a request waits for."""

    TURN = auto()
    """Others are in flight: a moment."""
    RATE = auto()
    """The endpoint's rate limit, or a pause that the endpoint asked for."""


class Urgency(IntEnum):
    """What becomes of a resource whose request waits, the worst first."""

    VALID = 0
    """Its valid token will expire."""
    NONE = 1
    """It goes on without a token."""
    PROBE = 2
    """The same, and most likely after the request too: only a person's change would let it succeed."""


class Rank(NamedTuple):
    """A request's place among those of its namespace."""

    urgency: Urgency
    by: float
    """Wall time by which it is wanted, the earliest first."""


@dataclass(slots=True)
class _NamespaceQueue(Generic[Key]):
    """The requests of one namespace that wait."""

    turn: int
    since: float
    """When it began to wait, or was served last."""
    waiting: dict[Key, tuple[Rank, int]] = field(default_factory=dict)
    heap: list[tuple[Rank, int, Key]] = field(default_factory=list)
    version: int = 0
    """Of its entry in the endpoint's heap: an older entry counts no more."""
    parked: bool = False
    """Its namespace has as many requests in flight as it may."""

    def put(self, key: Key, rank: Rank, number: int) -> None:
        """The key waits with this rank, and no longer with the one before; of the same rank by their numbers."""
        self.waiting[key] = (rank, number)
        heapq.heappush(self.heap, (rank, number, key))
        if len(self.heap) > 2 * len(self.waiting) + 64:
            self.heap = [(*place, waiting) for waiting, place in self.waiting.items()]
            heapq.heapify(self.heap)

    def head(self) -> tuple[Rank, int, Key]:
        """The first that waits; what was replaced or forgotten is dropped."""
        while self.waiting.get(self.heap[0][2]) != self.heap[0][:2]:
            heapq.heappop(self.heap)
        return self.heap[0]


class EndpointQueue(Generic[Key]):
    """The requests of one endpoint: a sliding minute, a pause, and a queue that is fair to namespaces.

    The queue serves what is most urgent first, of the same urgency one namespace after the other, and within a
    namespace by what is wanted first. How many requests may be in flight is not its concern: whoever admits looks at
    :meth:`candidate` first.
    """

    def __init__(self, per_minute: int) -> None:
        """`per_minute`: requests that the endpoint admits in any minute."""
        self.per_minute = per_minute
        self.paused_until = 0.0
        self._pauses: dict[Hashable, float] = {}
        """Who was told to stay away, and until when: the two with the longest pauses."""
        self._finished: deque[float] = deque()
        """When each request of the last minute was over: the endpoint has seen it by then, however long it was on its
        way."""
        self._begun: set[Key] = set()
        self._queues: OrderedDict[str, _NamespaceQueue[Key]] = OrderedDict()
        """By namespace, in the order in which they were served last."""
        self._namespace_of: dict[Key, str] = {}
        self._heap: list[tuple[Urgency, int, float, int, str, int]] = []
        self._served: dict[str, int] = {}
        """The turns of namespaces that wait no more, as long as others' turns have not come to them."""
        self._turn = 0
        self._count = 0
        self._unstarved = 0

    def put(self, key: Key, namespace: str, rank: Rank, now: float) -> None:
        """Puts a request into the queue, or gives it another rank there."""
        if key in self._begun:
            return
        queue = self._queues.get(namespace)
        if queue is None:
            turn = max(self._served.pop(namespace, 0), self._turn)
            queue = self._queues[namespace] = _NamespaceQueue(turn, now)
        if key not in queue.waiting or queue.waiting[key][0] != rank:
            head = queue.head() if queue.waiting else None
            self._count += 1
            self._namespace_of[key] = namespace
            queue.put(key, rank, self._count)
            if queue.head() != head:
                self._enter(namespace, queue)

    def has_begun(self, key: Key) -> bool:
        """Whether the request has begun: its turn has come, and it is not over."""
        return key in self._begun

    @property
    def waiting(self) -> int:
        """How many are in the queue."""
        return len(self._namespace_of)

    def waiting_keys(self) -> list[Key]:
        """All that are in the queue."""
        return list(self._namespace_of)

    def candidate(self, now: float) -> Key | None:
        """The request whose turn it is; None where there is none, or the rate or a pause doesn't let it begin."""
        if self.wait_reason(now) is not None:
            return None
        namespace = self._next(now)
        return None if namespace is None else self._queues[namespace].head()[2]

    def begin(self, key: Key, now: float) -> None:
        """The request begins, out of the queue."""
        namespace = self._namespace_of.pop(key)
        queue = self._queues[namespace]
        del queue.waiting[key]
        self._unstarved = 0 if self._heap[0][4] != namespace else self._unstarved + 1
        self._turn = max(self._turn, queue.turn)
        queue.turn, queue.since = self._turn + 1, now
        self._queues.move_to_end(namespace)
        self._begun.add(key)
        self._after_leaving(namespace, queue)

    def finish(self, key: Key, over: float | None) -> None:
        """The request was over at that time, answered or failed; None: it was not sent after all and costs nothing."""
        if key in self._begun and over is not None:
            self._finished.append(over)
        self._begun.discard(key)

    def forget(self, key: Key) -> None:
        """The request is not wanted any more."""
        namespace = self._namespace_of.pop(key, None)
        if namespace is not None:
            queue = self._queues[namespace]
            del queue.waiting[key]
            self._after_leaving(namespace, queue)

    def park(self, namespace: str) -> None:
        """Those of the namespace wait until :meth:`unpark`, and others go before them."""
        queue = self._queues[namespace]
        queue.parked, queue.version = True, queue.version + 1

    def unpark(self, namespace: str) -> None:
        """They take their turns again."""
        queue = self._queues.get(namespace)
        if queue is not None and queue.parked:
            queue.parked = False
            self._enter(namespace, queue)

    def pause(self, source: Hashable, until: float) -> None:
        """The endpoint told `source`, which is somebody whose word doesn't count for others, to stay away until then.

        All stay away once two were told, for as long as both were.
        """
        self._pauses[source] = max(until, self._pauses.get(source, 0.0))
        longest = sorted(self._pauses.items(), key=lambda each: each[1], reverse=True)[:2]
        self._pauses = dict(longest)
        if len(longest) > 1:
            self.paused_until = max(self.paused_until, longest[1][1])

    def wait_reason(self, now: float) -> WaitReason | None:
        """What all that wait have to wait for, whoever's turn it is; None where it is only others in flight."""
        while self._finished and self._finished[0] + MINUTE <= now:
            self._finished.popleft()
        return WaitReason.RATE if now < self.paused_until or self._used_up() else None

    def delay(self, now: float) -> float | None:
        """Seconds until the next one's turn may come by the passing of time alone; None where nobody waits for
        that."""
        if not self._namespace_of:
            return None
        if self.wait_reason(now) is None:
            # Those that wait for a place, or would have been admitted: but for the namespace that waits for too long.
            return None
        if not self._used_up():
            return max(0.0, self.paused_until - now)
        # Where all that count are in flight, the first that is over lets time begin.
        return max(0.0, self._finished[0] + MINUTE - now, self.paused_until - now) if self._finished else None

    def seconds_to_remember(self, now: float) -> float:
        """Seconds for which what is remembered still matters, though nobody waits; 0 where it doesn't."""
        if self._namespace_of or self._begun:
            return MINUTE
        last = self._finished[-1] + MINUTE if self._finished else 0.0
        return max(0.0, last - now, max(self._pauses.values(), default=0.0) - now)

    def _used_up(self) -> bool:
        return len(self._finished) + len(self._begun) >= self.per_minute

    def _enter(self, namespace: str, queue: _NamespaceQueue[Key]) -> None:
        """Puts the namespace's queue into the heap, by its head."""
        if queue.parked:
            return
        queue.version += 1
        self._count += 1
        rank = queue.head()[0]
        heapq.heappush(self._heap, (rank.urgency, queue.turn, rank.by, self._count, namespace, queue.version))
        if len(self._heap) > 2 * len(self._queues) + 64:
            self._heap = [each for each in self._heap if self._counts(each[4], each[5])]
            heapq.heapify(self._heap)

    def _counts(self, namespace: str, version: int) -> bool:
        """Whether an entry in the heap is the namespace's latest."""
        queue = self._queues.get(namespace)
        return queue is not None and queue.version == version

    def _after_leaving(self, namespace: str, queue: _NamespaceQueue[Key]) -> None:
        """One of the namespace's requests waits no more."""
        if queue.waiting:
            self._enter(namespace, queue)
            return
        del self._queues[namespace]
        if not self._queues:
            self._heap.clear()
            self._served.clear()
            self._turn = 0
            return
        self._served[namespace] = queue.turn
        if len(self._served) > 2 * len(self._queues) + 64:
            self._served = {name: turn for name, turn in self._served.items() if turn > self._turn}

    def _next(self, now: float) -> str | None:
        """The namespace whose turn it is; None where all that wait are parked."""
        while self._heap and not self._counts(*self._heap[0][4:]):
            heapq.heappop(self._heap)
        if not self._heap:
            return None
        oldest, waiting = next(iter(self._queues.items()))
        starved = not waiting.parked and now - waiting.since >= STARVED
        due = self._unstarved >= _STARVED_TURNS - 1 and self._heap[0][0] < waiting.head()[0].urgency
        return oldest if starved and due else self._heap[0][4]
