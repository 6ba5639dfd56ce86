"""Keys in the order in which they are due: pure."""

import heapq
import itertools

from integration_token.clock import Instant
from integration_token.workqueue.key import Key


class DueQueue:
    """Keys by the time at which they are due; a key's later entry replaces its earlier one."""

    def __init__(self) -> None:
        self._due: dict[Key, tuple[int, Instant]] = {}
        self._by_wall: list[tuple[float, int, Key]] = []
        self._by_boot: list[tuple[float, int, Key]] = []
        self._numbers = itertools.count()

    def __len__(self) -> int:
        return len(self._due)

    def put(self, key: Key, due: Instant) -> None:
        """The key is due at that time, instead of the one before."""
        number = next(self._numbers)
        self._due[key] = (number, due)
        heapq.heappush(self._by_wall, (due.wall, number, key))
        heapq.heappush(self._by_boot, (due.boot, number, key))
        if len(self._by_wall) > 2 * len(self._due) + 64:
            # Replaced entries stay in the heaps until they reach the top: rebuild the heaps now and then.
            self._by_wall = [(at.wall, count, name) for name, (count, at) in self._due.items()]
            self._by_boot = [(at.boot, count, name) for name, (count, at) in self._due.items()]
            heapq.heapify(self._by_wall)
            heapq.heapify(self._by_boot)

    def drop(self, key: Key) -> None:
        """The key is no longer due."""
        self._due.pop(key, None)

    def pop(self, now: Instant) -> Key | None:
        """Removes and returns a key that is due by either clock; None if there is none."""
        for heap, time in ((self._by_wall, now.wall), (self._by_boot, now.boot)):
            self._clean(heap)
            if heap and heap[0][0] <= time:
                key = heapq.heappop(heap)[2]
                del self._due[key]
                return key
        return None

    def delay(self, now: Instant) -> float | None:
        """Seconds until the next key is due; None if the queue is empty."""
        self._clean(self._by_wall)
        self._clean(self._by_boot)
        if not self._by_wall:
            return None
        return max(0.0, min(self._by_wall[0][0] - now.wall, self._by_boot[0][0] - now.boot))

    def _clean(self, heap: list[tuple[float, int, Key]]) -> None:
        """Drops replaced entries from the top of a heap."""
        while heap and self._due.get(heap[0][2], (None,))[0] != heap[0][1]:
            heapq.heappop(heap)
