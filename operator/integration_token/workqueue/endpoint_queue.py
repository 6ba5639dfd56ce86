"""How many requests one endpoint may receive in a minute: which may begin now, and which is next.

Pure: every method takes the time. Times are seconds of CLOCK_BOOTTIME, which cannot be set.
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
"""Seconds after which a waiting namespace gets its turn regardless of the others: an endless stream of renewals must
not keep it from its first token."""
_STARVED_TURNS = 4
"""At most one turn in this many goes to such a namespace."""


class WaitReason(Enum):
    """What a request waits for."""

    TURN = auto()
    """Other requests in flight: a moment."""
    RATE = auto()
    """The endpoint's rate limit, or a pause that the endpoint asked for."""


class Urgency(IntEnum):
    """What happens to a resource while its request waits, the worst first."""

    VALID = 0
    """Its valid token expires."""
    NONE = 1
    """It stays without a token."""
    PROBE = 2
    """The same, and probably after the request too: only a person's change would let it succeed."""


class Rank(NamedTuple):
    """A request's place among those of its namespace."""

    urgency: Urgency
    by: float
    """Wall time by which it is wanted, the earliest first."""


@dataclass(slots=True)
class _NamespaceQueue(Generic[Key]):
    """The waiting requests of one namespace."""

    turn: int
    since: float
    """When it began to wait, or was last served."""
    waiting: dict[Key, tuple[Rank, int]] = field(default_factory=dict)
    heap: list[tuple[Rank, int, Key]] = field(default_factory=list)
    version: int = 0
    """The number of its entry in the endpoint's heap: older entries no longer count."""
    parked: bool = False
    """Its namespace has reached its limit of requests in flight."""

    def put(self, key: Key, rank: Rank, number: int) -> None:
        """The key waits with this rank instead of the one before; keys of the same rank are ordered by their
        numbers."""
        self.waiting[key] = (rank, number)
        heapq.heappush(self.heap, (rank, number, key))
        if len(self.heap) > 2 * len(self.waiting) + 64:
            self.heap = [(*place, waiting) for waiting, place in self.waiting.items()]
            heapq.heapify(self.heap)

    def head(self) -> tuple[Rank, int, Key]:
        """The first waiting key; replaced or forgotten ones are dropped."""
        while self.waiting.get(self.heap[0][2]) != self.heap[0][:2]:
            heapq.heappop(self.heap)
        return self.heap[0]


class EndpointQueue(Generic[Key]):
    """The requests of one endpoint: a sliding minute, a pause, and a queue that is fair to namespaces.

    The queue serves the most urgent requests first, those of equal urgency namespace by namespace, and within a
    namespace the earliest wanted. It does not limit requests in flight: the caller checks :meth:`candidate` first.
    """

    def __init__(self, per_minute: int) -> None:
        """`per_minute`: requests that the endpoint accepts in any minute."""
        self.per_minute = per_minute
        self.paused_until = 0.0
        self._pauses: dict[Hashable, float] = {}
        """The sources that were asked to pause, and until when: the two with the longest pauses."""
        self._finished: deque[float] = deque()
        """When each request of the last minute ended: the endpoint has received it by then, even if it was slow to
        arrive."""
        self._begun: set[Key] = set()
        self._queues: OrderedDict[str, _NamespaceQueue[Key]] = OrderedDict()
        """By namespace, in the order in which they were last served."""
        self._namespace_of: dict[Key, str] = {}
        self._heap: list[tuple[Urgency, int, float, int, str, int]] = []
        self._served: dict[str, int] = {}
        """The turns of namespaces that no longer wait, until others' turns have caught up with them."""
        self._turn = 0
        self._count = 0
        self._unstarved = 0

    def put(self, key: Key, namespace: str, rank: Rank, now: float) -> None:
        """Adds a request to the queue, or changes its rank."""
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
        """Whether the request has begun: its turn has come, and it has not ended."""
        return key in self._begun

    @property
    def waiting(self) -> int:
        """How many are in the queue."""
        return len(self._namespace_of)

    def waiting_keys(self) -> list[Key]:
        """All that are in the queue."""
        return list(self._namespace_of)

    def candidate(self, now: float) -> Key | None:
        """The request that is next; None if there is none, or if the rate or a pause does not let it begin."""
        if self.wait_reason(now) is not None:
            return None
        namespace = self._next(now)
        return None if namespace is None else self._queues[namespace].head()[2]

    def begin(self, key: Key, now: float) -> None:
        """Removes the request from the queue: it begins."""
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
        """The request ended at that time, with or without a response; None if it was not sent after all and costs
        nothing."""
        if key in self._begun and over is not None:
            self._finished.append(over)
        self._begun.discard(key)

    def forget(self, key: Key) -> None:
        """The request is no longer wanted."""
        namespace = self._namespace_of.pop(key, None)
        if namespace is not None:
            queue = self._queues[namespace]
            del queue.waiting[key]
            self._after_leaving(namespace, queue)

    def park(self, namespace: str) -> None:
        """The namespace's requests wait until :meth:`unpark`, and others go first."""
        queue = self._queues[namespace]
        queue.parked, queue.version = True, queue.version + 1

    def unpark(self, namespace: str) -> None:
        """They take their turns again."""
        queue = self._queues.get(namespace)
        if queue is not None and queue.parked:
            queue.parked = False
            self._enter(namespace, queue)

    def pause(self, source: Hashable, until: float) -> None:
        """The endpoint asked `source` to pause until then; a single source may be a stranger, and does not count for
        others.

        All pause once two sources were asked to, for as long as both were.
        """
        self._pauses[source] = max(until, self._pauses.get(source, 0.0))
        longest = sorted(self._pauses.items(), key=lambda each: each[1], reverse=True)[:2]
        self._pauses = dict(longest)
        if len(longest) > 1:
            self.paused_until = max(self.paused_until, longest[1][1])

    def wait_reason(self, now: float) -> WaitReason | None:
        """What all waiting requests have to wait for, whichever is next; None if it is only others in flight."""
        while self._finished and self._finished[0] + MINUTE <= now:
            self._finished.popleft()
        return WaitReason.RATE if now < self.paused_until or self._used_up() else None

    def delay(self, now: float) -> float | None:
        """Seconds until the next request may begin merely because time passes; None if none waits for that."""
        if not self._namespace_of:
            return None
        if self.wait_reason(now) is None:
            # The requests that wait for a place, or would have been admitted but for the namespace that has waited too
            # long.
            return None
        if not self._used_up():
            return max(0.0, self.paused_until - now)
        # If all that count are in flight, the first one to end starts the clock.
        return max(0.0, self._finished[0] + MINUTE - now, self.paused_until - now) if self._finished else None

    def seconds_to_remember(self, now: float) -> float:
        """Seconds for which the remembered state still matters although none waits; 0 if it does not."""
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
        """Whether a heap entry is the namespace's latest."""
        queue = self._queues.get(namespace)
        return queue is not None and queue.version == version

    def _after_leaving(self, namespace: str, queue: _NamespaceQueue[Key]) -> None:
        """One of the namespace's requests no longer waits."""
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
        """The namespace that is next; None if all waiting ones are parked."""
        while self._heap and not self._counts(*self._heap[0][4:]):
            heapq.heappop(self._heap)
        if not self._heap:
            return None
        oldest, waiting = next(iter(self._queues.items()))
        starved = not waiting.parked and now - waiting.since >= STARVED
        due = self._unstarved >= _STARVED_TURNS - 1 and self._heap[0][0] < waiting.head()[0].urgency
        return oldest if starved and due else self._heap[0][4]
