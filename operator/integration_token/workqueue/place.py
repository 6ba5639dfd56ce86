"""How many requests may be under way at once, and who is next where one more has ended: pure.

A request counts in several bounds: with its namespace's, its endpoint's, its host's and with all others. It is admitted
where each has room, and then *expected*: its credentials are still to be read. Its place it takes only when it is sent,
and gives back as soon as nothing of it is under way.
"""

from collections import deque
from collections.abc import Callable, Hashable
from typing import Generic, TypeVar

Queue = TypeVar("Queue", bound=Hashable)


class Bound(Generic[Queue]):
    """A bound on requests of one kind under way at once."""

    __slots__ = ("_queues", "_takers", "expected", "limit", "name", "stuck", "used")

    def __init__(self, name: Hashable, limit: int) -> None:
        """`name` says of which requests; `limit`: of them under way at once."""
        self.name = name
        self.limit = limit
        self.used = 0
        """Requests under way."""
        self.expected = 0
        """Requests that were admitted and are not under way yet."""
        self.stuck = False
        """Somebody waited in vain for one of those under way to end."""
        self._queues: dict[str, dict[Queue, None]] = {}
        """Those that wait for room, by namespace, in the order of their turns."""
        self._takers: deque[Callable[[], None]] = deque()

    @property
    def idle(self) -> bool:
        """Whether nothing counts in it and nobody waits for it."""
        return not (self.used or self.expected or self._queues or self._takers)

    @property
    def has_room(self) -> bool:
        """Whether one more request may be admitted: as many again as may be under way, so that what comes before a
        request is done when its place is free; none where that would be in vain."""
        return self.used + self.expected < self.limit * (1 if self.stuck else 2)

    @property
    def has_place(self) -> bool:
        """Whether one more request may be sent."""
        return self.used < self.limit

    def block(self, namespace: str, queue: Queue) -> None:
        """The queue waits for room."""
        self._queues.setdefault(namespace, {})[queue] = None

    def next_queue(self) -> Queue | None:
        """The queue whose turn it is, taken from those that wait: namespaces take turns, and their queues do."""
        for namespace, queues in self._queues.items():
            queue = next(iter(queues))
            del queues[queue]
            del self._queues[namespace]
            if queues:
                self._queues[namespace] = queues
            return queue
        return None

    def suspend(self, taker: Callable[[], None]) -> None:
        """Somebody wants to send a request, and is called when there may be a place."""
        self._takers.append(taker)

    def resume(self, taker: Callable[[], None]) -> None:
        """Whoever was suspended waits no longer."""
        if taker in self._takers:
            self._takers.remove(taker)

    def next_taker(self) -> Callable[[], None] | None:
        """Who is to be called first; None where nobody is."""
        return self._takers.popleft() if self._takers else None
