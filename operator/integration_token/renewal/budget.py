"""How many requests an endpoint and a grant may cost: who may ask now, and who is next.

Pure: every method takes the time. Times are seconds of CLOCK_BOOTTIME, which nobody can step.
"""

import heapq
import math
from collections import deque
from collections.abc import Hashable
from dataclasses import dataclass, field
from enum import Enum, auto
from typing import Generic, TypeVar

Key = TypeVar("Key", bound=Hashable)

IN_FLIGHT = 4
"""Requests at once to one ClusterTokenEndpoint, or to all TokenEndpoints of a namespace: one that hangs must not take
all workers, and more at once only cost CPU."""

MINUTE = 60.0

SLOW = 2.0
"""Seconds that the endpoint may take for a request before whoever waits for its turn waits for the endpoint. Where it
answers at once and many wait all the same, it is our own throughput that they wait for, or the API server's."""

MAX_PER_GRANT = 12
"""Requests in a minute for one grant, errors included, whatever the lifetime of its tokens."""

SHORTEST_LIFETIME = 30.0
"""Seconds that a token must live for `MAX_PER_GRANT` to be enough."""


class Pace:
    """The requests of one grant in the last minute."""

    __slots__ = ("_times",)

    def __init__(self) -> None:
        # Hardly ever more than one. A deque has room for 64, and every resource has such a pace.
        self._times: tuple[float, ...] = ()

    def note(self, now: float) -> None:
        """A request is over: the endpoint has seen it by now, however long it was on its way."""
        self._times = (*self._times, now)[-MAX_PER_GRANT:]

    def wait(self, now: float) -> float:
        """Seconds until the grant may ask again; 0 where it may now."""
        if len(self._times) < MAX_PER_GRANT:
            return 0.0
        return max(0.0, self._times[0] + MINUTE - now)

    def spacing(self, now: float) -> float:
        """Seconds that a further attempt after a fault should wait, so that some of the minute's requests are left for
        when the endpoint works again."""
        recent = sum(time > now - MINUTE for time in self._times)
        return MINUTE / MAX_PER_GRANT if recent >= MAX_PER_GRANT / 2 else 0.0


class Hold(Enum):
    """What a request waits for."""

    TURN = auto()
    """Others are in flight: a moment."""
    RATE = auto()
    """The endpoint's rate limit, or a pause that the endpoint asked for."""


@dataclass(slots=True)
class Budget(Generic[Key]):
    """The requests of one endpoint: a sliding minute, a bound on those in flight, a pause, and a fair queue.

    The queue serves the earliest expiry first and goes round among namespaces where that is equal: tokens that don't
    exist yet all count as expired.
    """

    per_minute: int
    flight: dict[Key, float] = field(default_factory=dict)
    """The requests in flight, and since when each is with the endpoint: infinite before that and after. Several
    budgets may share them."""
    paused_until: float = 0.0
    slow_until: float = 0.0
    """For how long an answer that came late is remembered."""
    _sent: deque[float] = field(default_factory=deque)
    """When each request of the last minute was over: the endpoint has seen it by then, however long it was on its
    way."""
    _begun: set[Key] = field(default_factory=set)
    _waiting: dict[Key, tuple[float, int]] = field(default_factory=dict)
    _heap: list[tuple[float, int, int, Key]] = field(default_factory=list)
    _turns: dict[str, int] = field(default_factory=dict)
    _turn: int = 0
    _count: int = 0

    def ask(self, key: Key, namespace: str, expires: float, now: float) -> Hold | None:
        """Begins a request, answering None, or puts it into the queue and says what it waits for.

        :param expires: wall time of expiry of the token that the request is to replace; 0 where none is valid.
        """
        if key in self._begun:
            return None
        hold = self._hold(now)
        if hold is None and not self._waiting:
            self._begin(key)
            return None
        if key not in self._waiting or self._waiting[key][0] != expires:
            self._turns[namespace] = turn = max(self._turns.get(namespace, -1) + 1, self._turn)
            self._waiting[key] = (expires, turn)
            self._count += 1
            heapq.heappush(self._heap, (expires, turn, self._count, key))
        return hold or Hold.TURN

    def done(self, key: Key, over: float | None) -> None:
        """The request was over at that time, answered or failed; None: it was not sent after all and costs nothing."""
        if key in self._begun and over is not None:
            self._sent.append(over)
        self._begun.discard(key)
        self.flight.pop(key, None)

    def sent(self, key: Key, now: float) -> None:
        """The request goes to the endpoint: what came before, such as reading its credentials, is over."""
        if key in self.flight:
            self.flight[key] = now

    def answered(self, key: Key, now: float) -> None:
        """The endpoint has answered, or failed to: what is left to do is our own work."""
        if now - self.flight.get(key, math.inf) >= SLOW:
            # Until the next one may be late: whoever looks now and then must not always find one just begun.
            self.slow_until = now + SLOW
        if key in self.flight:
            self.flight[key] = math.inf

    def forget(self, key: Key) -> None:
        """The key no longer waits for its turn."""
        self._waiting.pop(key, None)

    def pause(self, until: float) -> None:
        """The endpoint wants no request before `until`."""
        self.paused_until = max(self.paused_until, until)

    def admit(self, now: float) -> list[Key]:
        """Begins the requests whose turn has come and answers their keys."""
        admitted = []
        while self._waiting and self._hold(now) is None:
            expires, turn, _, key = heapq.heappop(self._heap)
            if self._waiting.get(key) != (expires, turn):
                continue
            del self._waiting[key]
            self._turn = max(self._turn, turn)
            self._begin(key)
            admitted.append(key)
        if not self._waiting:
            self._heap.clear()
            self._turns.clear()
            self._turn = 0
        return admitted

    def slow(self, now: float) -> bool:
        """Whether the endpoint takes long for one of the requests in flight, or has just done so."""
        return now < self.slow_until or any(now - since >= SLOW for since in self.flight.values())

    def wait(self, now: float) -> float | None:
        """Seconds until :meth:`admit` may admit somebody by the passing of time alone; None where nobody waits for
        it."""
        if not self._waiting or len(self.flight) >= IN_FLIGHT:
            return None
        if not self._used_up():
            return max(0.0, self.paused_until - now)
        # Where all that count are in flight, the first that is over lets time begin.
        return max(0.0, self._sent[0] + MINUTE - now, self.paused_until - now) if self._sent else None

    def _hold(self, now: float) -> Hold | None:
        while self._sent and self._sent[0] + MINUTE <= now:
            self._sent.popleft()
        if now < self.paused_until or self._used_up():
            return Hold.RATE
        return Hold.TURN if len(self.flight) >= IN_FLIGHT else None

    def _used_up(self) -> bool:
        return len(self._sent) + len(self._begun) >= self.per_minute

    def _begin(self, key: Key) -> None:
        self._begun.add(key)
        self.flight[key] = math.inf
