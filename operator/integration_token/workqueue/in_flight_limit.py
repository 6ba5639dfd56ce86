"""How many requests may be in flight at once, and who is next when one has ended: pure.

A request counts in several limits: with its namespace's, its endpoint's, its host's and with all others. It is admitted
if each has room, and then *expected*: its credentials are still to be read. It takes a place only when it is sent, and
gives it back as soon as nothing of it is in flight.
"""

from collections import deque
from collections.abc import Callable, Hashable
from typing import Generic, TypeVar

Queue = TypeVar("Queue", bound=Hashable)


class InFlightLimit(Generic[Queue]):
    """A limit on requests of one kind in flight at once."""

    __slots__ = ("_queues", "_waiters", "expected", "in_flight", "maximum", "name", "stuck")

    def __init__(self, name: Hashable, maximum: int) -> None:
        """`name` says of which requests; `maximum`: of them in flight at once."""
        self.name = name
        self.maximum = maximum
        self.in_flight = 0
        """Requests in flight."""
        self.expected = 0
        """Requests that were admitted and are not in flight yet."""
        self.stuck = False
        """Somebody waited in vain for one of those in flight to end."""
        self._queues: dict[str, dict[Queue, None]] = {}
        """Those that wait for room, by namespace, in the order of their turns."""
        self._waiters: deque[Callable[[], None]] = deque()

    @property
    def idle(self) -> bool:
        """Whether nothing counts in it and nobody waits for it."""
        return not (self.in_flight or self.expected or self._queues or self._waiters)

    @property
    def has_room(self) -> bool:
        """Whether one more request may be admitted: as many again as may be in flight, so that what comes before a
        request is done when its place is free; none where that would be in vain."""
        return self.in_flight + self.expected < self.maximum * (1 if self.stuck else 2)

    @property
    def has_place(self) -> bool:
        """Whether one more request may be sent."""
        return self.in_flight < self.maximum

    def add_queue(self, namespace: str, queue: Queue) -> None:
        """The queue waits for room."""
        self._queues.setdefault(namespace, {})[queue] = None

    def pop_queue(self) -> Queue | None:
        """The queue whose turn it is, taken from those that wait: namespaces take turns, and their queues do."""
        for namespace, queues in self._queues.items():
            queue = next(iter(queues))
            del queues[queue]
            del self._queues[namespace]
            if queues:
                self._queues[namespace] = queues
            return queue
        return None

    def add_waiter(self, wake: Callable[[], None]) -> None:
        """Somebody wants to send a request, and is woken when there may be a place."""
        self._waiters.append(wake)

    def remove_waiter(self, wake: Callable[[], None]) -> None:
        """Whoever was to be woken waits no longer."""
        if wake in self._waiters:
            self._waiters.remove(wake)

    def pop_waiter(self) -> Callable[[], None] | None:
        """Who is to be woken first; None where nobody is."""
        return self._waiters.popleft() if self._waiters else None
