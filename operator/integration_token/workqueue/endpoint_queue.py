"""How many requests an endpoint and a grant may cost in a minute: who may ask now, and who is next.

Pure: every method takes the time. Times are seconds of CLOCK_BOOTTIME, which nobody can step.
"""

import heapq
from collections import OrderedDict, deque
from collections.abc import Hashable
from dataclasses import dataclass, field
from enum import Enum, IntEnum, auto
from typing import Generic, NamedTuple, TypeVar

Key = TypeVar("Key", bound=Hashable)

MINUTE = 60.0

MAX_PER_GRANT = 12
"""Requests in a minute for one grant, errors included, whatever the lifetime of its tokens."""

MAX_PER_SHARE = 8
"""Of them for one of several namespaces that have the grant: some are left for the others, whatever it does."""

MAX_WISHES = 3
"""Requests of a grant in a minute that a person's annotation asks for: whoever may annotate could have all of them."""

SHORTEST_LIFETIME = 30.0
"""Seconds that a token must live for `MAX_PER_GRANT` to be enough."""

STARVED = 300.0
"""Seconds after which a namespace that waits has its turn whatever others wait for: no endless stream of renewals may
keep it from its first token."""
_STARVED_TURNS = 4
"""One turn of so many goes to such a namespace at most."""


class GrantRate:
    """The requests of one grant in the last minute."""

    __slots__ = ("_limit", "_times")

    def __init__(self, limit: int = MAX_PER_GRANT) -> None:
        """`limit`: requests in a minute."""
        self._limit = limit
        # Hardly ever more than one. A deque has room for 64, and every resource has such a pace.
        self._times: tuple[float, ...] = ()

    def note(self, now: float) -> None:
        """A request is over: the endpoint has seen it by now, however long it was on its way."""
        self._times = (*self._times, now)[-self._limit :]

    def wait(self, now: float) -> float:
        """Seconds until the grant may ask again; 0 where it may now."""
        if len(self._times) < self._limit:
            return 0.0
        return max(0.0, self._times[0] + MINUTE - now)

    def spacing(self, now: float) -> float:
        """Seconds that a further attempt after a fault should wait, so that some of the minute's requests are left for
        when the endpoint works again."""
        recent = sum(time > now - MINUTE for time in self._times)
        return MINUTE / self._limit if recent >= self._limit / 2 else 0.0


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
class _Line(Generic[Key]):
    """Those of one namespace that wait."""

    turn: int
    since: float
    """When it began to wait, or was served last."""
    waiting: dict[Key, tuple[Rank, int]] = field(default_factory=dict)
    heap: list[tuple[Rank, int, Key]] = field(default_factory=list)
    version: int = 0
    """Of its entry among the lines: an older entry counts no more."""
    parked: bool = False
    """Its namespace has as many requests under way as it may."""

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
    namespace by what is wanted first. How many requests may be under way is not its concern: whoever admits looks at
    :attr:`candidate` before.
    """

    def __init__(self, per_minute: int) -> None:
        """`per_minute`: requests that the endpoint admits in any minute."""
        self.per_minute = per_minute
        self.paused_until = 0.0
        self._told: dict[Hashable, float] = {}
        """Who was told to stay away, and until when: the two that were told the most."""
        self._sent: deque[float] = deque()
        """When each request of the last minute was over: the endpoint has seen it by then, however long it was on its
        way."""
        self._begun: set[Key] = set()
        self._lines: OrderedDict[str, _Line[Key]] = OrderedDict()
        """By namespace, in the order in which they were served last."""
        self._namespaces: dict[Key, str] = {}
        self._heap: list[tuple[Urgency, int, float, int, str, int]] = []
        self._served: dict[str, int] = {}
        """The turns of namespaces that wait no more, as long as others' turns have not come to them."""
        self._turn = 0
        self._count = 0
        self._unstarved = 0

    def ask(self, key: Key, namespace: str, rank: Rank, now: float) -> None:
        """Puts a request into the queue, or gives it another rank there."""
        if key in self._begun:
            return
        line = self._lines.get(namespace)
        if line is None:
            turn = max(self._served.pop(namespace, 0), self._turn)
            line = self._lines[namespace] = _Line(turn, now)
        if key not in line.waiting or line.waiting[key][0] != rank:
            head = line.head() if line.waiting else None
            self._count += 1
            self._namespaces[key] = namespace
            line.put(key, rank, self._count)
            if line.head() != head:
                self._enter(namespace, line)

    def holds(self, key: Key) -> bool:
        """Whether the request has begun: its turn has come, and it is not over."""
        return key in self._begun

    def waits(self, key: Key) -> bool:
        """Whether the request is in the queue."""
        return key in self._namespaces

    def waiting(self) -> list[Key]:
        """All that are in the queue."""
        return list(self._namespaces)

    def namespace_of(self, key: Key) -> str:
        """The namespace of a request in the queue."""
        return self._namespaces[key]

    def candidate(self, now: float) -> Key | None:
        """The request whose turn it is; None where there is none, or the rate or a pause doesn't let it begin."""
        if self.hold(now) is not None:
            return None
        namespace = self._next(now)
        return None if namespace is None else self._lines[namespace].head()[2]

    def begin(self, key: Key, now: float) -> None:
        """The request begins, out of the queue."""
        namespace = self._namespaces.pop(key)
        line = self._lines[namespace]
        del line.waiting[key]
        self._unstarved = 0 if self._heap[0][4] != namespace else self._unstarved + 1
        self._turn = max(self._turn, line.turn)
        line.turn, line.since = self._turn + 1, now
        self._lines.move_to_end(namespace)
        self._begun.add(key)
        self._settle(namespace, line)

    def done(self, key: Key, over: float | None) -> None:
        """The request was over at that time, answered or failed; None: it was not sent after all and costs nothing."""
        if key in self._begun and over is not None:
            self._sent.append(over)
        self._begun.discard(key)

    def forget(self, key: Key) -> None:
        """The request is not wanted any more."""
        namespace = self._namespaces.pop(key, None)
        if namespace is not None:
            line = self._lines[namespace]
            del line.waiting[key]
            self._settle(namespace, line)

    def park(self, namespace: str) -> None:
        """Those of the namespace wait until :meth:`unpark`, and others go before them."""
        line = self._lines[namespace]
        line.parked, line.version = True, line.version + 1

    def unpark(self, namespace: str) -> None:
        """They take their turns again."""
        line = self._lines.get(namespace)
        if line is not None and line.parked:
            line.parked = False
            self._enter(namespace, line)

    def pause(self, source: Hashable, until: float) -> None:
        """The endpoint told `source`, which is somebody whose word doesn't count for others, to stay away until then.

        All stay away once two were told, for as long as both were.
        """
        self._told[source] = max(until, self._told.get(source, 0.0))
        longest = sorted(self._told.items(), key=lambda each: each[1], reverse=True)[:2]
        self._told = dict(longest)
        if len(longest) > 1:
            self.paused_until = max(self.paused_until, longest[1][1])

    def hold(self, now: float) -> WaitReason | None:
        """What all that wait have to wait for, whoever's turn it is; None where it is only others in flight."""
        while self._sent and self._sent[0] + MINUTE <= now:
            self._sent.popleft()
        return WaitReason.RATE if now < self.paused_until or self._used_up() else None

    def wait(self, now: float) -> float | None:
        """Seconds until the next one's turn may come by the passing of time alone; None where nobody waits for
        that."""
        if not self._namespaces:
            return None
        if self.hold(now) is None:
            # Those that wait for a place, or would have been admitted: but for the namespace that waits for too long.
            return None
        if not self._used_up():
            return max(0.0, self.paused_until - now)
        # Where all that count are in flight, the first that is over lets time begin.
        return max(0.0, self._sent[0] + MINUTE - now, self.paused_until - now) if self._sent else None

    def warm_for(self, now: float) -> float:
        """Seconds for which what is remembered still matters, though nobody waits; 0 where it doesn't."""
        if self._namespaces or self._begun:
            return MINUTE
        last = self._sent[-1] + MINUTE if self._sent else 0.0
        return max(0.0, last - now, max(self._told.values(), default=0.0) - now)

    def _used_up(self) -> bool:
        return len(self._sent) + len(self._begun) >= self.per_minute

    def _enter(self, namespace: str, line: _Line[Key]) -> None:
        """Gives the line its place among the lines, by its head."""
        if line.parked:
            return
        line.version += 1
        self._count += 1
        rank = line.head()[0]
        heapq.heappush(self._heap, (rank.urgency, line.turn, rank.by, self._count, namespace, line.version))
        if len(self._heap) > 2 * len(self._lines) + 64:
            self._heap = [each for each in self._heap if self._counts(each[4], each[5])]
            heapq.heapify(self._heap)

    def _counts(self, namespace: str, version: int) -> bool:
        """Whether an entry among the lines is the namespace's latest."""
        line = self._lines.get(namespace)
        return line is not None and line.version == version

    def _settle(self, namespace: str, line: _Line[Key]) -> None:
        """One of the line waits no more."""
        if line.waiting:
            self._enter(namespace, line)
            return
        del self._lines[namespace]
        if not self._lines:
            self._heap.clear()
            self._served.clear()
            self._turn = 0
            return
        self._served[namespace] = line.turn
        if len(self._served) > 2 * len(self._lines) + 64:
            self._served = {name: turn for name, turn in self._served.items() if turn > self._turn}

    def _next(self, now: float) -> str | None:
        """The namespace whose turn it is; None where all that wait are parked."""
        while self._heap and not self._counts(*self._heap[0][4:]):
            heapq.heappop(self._heap)
        if not self._heap:
            return None
        oldest, waiting = next(iter(self._lines.items()))
        starved = not waiting.parked and now - waiting.since >= STARVED
        due = self._unstarved >= _STARVED_TURNS - 1 and self._heap[0][0] < waiting.head()[0].urgency
        return oldest if starved and due else self._heap[0][4]
