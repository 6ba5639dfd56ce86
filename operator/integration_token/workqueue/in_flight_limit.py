"""How many requests may be in flight at once, and which is next when one has ended: pure.

A request counts against several limits: its namespace's, its endpoint's, its host's and the global one. It is admitted
if each has room, and is then *expected*: its credentials still have to be read. It takes a place only when it is sent,
and returns it as soon as nothing of it is in flight.
"""

from collections import deque
from collections.abc import Callable, Hashable
from typing import Generic, TypeVar

Queue = TypeVar("Queue", bound=Hashable)


class InFlightLimit(Generic[Queue]):
    """A limit on requests of one kind in flight at once."""

    __slots__ = ("_queues", "_waiters", "expected", "in_flight", "maximum", "name", "stuck")

    def __init__(self, name: Hashable, maximum: int) -> None:
        """`name`: which requests; `maximum`: how many of them in flight at once."""
        self.name = name
        self.maximum = maximum
        self.in_flight = 0
        """Requests in flight."""
        self.expected = 0
        """Requests that were admitted and are not in flight yet."""
        self.stuck = False
        """Whether a request waited in vain for one of those in flight to end."""
        self._queues: dict[str, dict[Queue, None]] = {}
        """Those waiting for room, by namespace, in the order of their turns."""
        self._waiters: deque[Callable[[], None]] = deque()

    @property
    def idle(self) -> bool:
        """Whether nothing counts against it or waits for it."""
        return not (self.in_flight or self.expected or self._queues or self._waiters)

    @property
    def has_room(self) -> bool:
        """Whether one more request may be admitted: as many again as may be in flight, so that the preparation of a
        request is done when its place becomes free; none if that would be in vain."""
        return self.in_flight + self.expected < self.maximum * (1 if self.stuck else 2)

    @property
    def has_place(self) -> bool:
        """Whether one more request may be sent."""
        return self.in_flight < self.maximum

    def add_queue(self, namespace: str, queue: Queue) -> None:
        """The queue waits for room."""
        self._queues.setdefault(namespace, {})[queue] = None

    def pop_queue(self) -> Queue | None:
        """Removes and returns the queue that is next: namespaces take turns, and so do their queues."""
        for namespace, queues in self._queues.items():
            queue = next(iter(queues))
            del queues[queue]
            del self._queues[namespace]
            if queues:
                self._queues[namespace] = queues
            return queue
        return None

    def add_waiter(self, wake: Callable[[], None]) -> None:
        """A request is to be sent; `wake` is called when there may be a place."""
        self._waiters.append(wake)

    def remove_waiter(self, wake: Callable[[], None]) -> None:
        """That request no longer waits."""
        if wake in self._waiters:
            self._waiters.remove(wake)

    def pop_waiter(self) -> Callable[[], None] | None:
        """The first to be woken; None if there is none."""
        return self._waiters.popleft() if self._waiters else None
