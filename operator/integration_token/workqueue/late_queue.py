"""Keys with deferrable work: pure."""

from collections import deque
from collections.abc import Callable

from integration_token.workqueue.key import Key


class LateQueue:
    """Keys in the order of their turns: one namespace after the other."""

    def __init__(self) -> None:
        """None yet."""
        self._keys: dict[Key, bool] = {}
        """With whether each is in its line. It is there at most once: otherwise keys with recurring work would make the
        line grow."""
        self._lines: dict[str, deque[Key]] = {}
        """By namespace."""

    def __len__(self) -> int:
        return len(self._keys)

    def __contains__(self, key: Key) -> bool:
        return key in self._keys

    def add(self, key: Key) -> None:
        """The key has deferrable work; its turn comes once it is lined up."""
        self._keys[key] = False

    def line_up(self, key: Key) -> None:
        """Lines the key up behind those of its namespace, if it has deferrable work and is not lined up yet."""
        if self._keys.get(key) is False:
            self._keys[key] = True
            self._lines.setdefault(key.namespace, deque()).append(key)

    def pop(self, is_busy: Callable[[Key], bool]) -> Key | None:
        """The key that is next; None if there is none. A busy key loses its turn until it is lined up again."""
        while self._lines:
            namespace, line = next(iter(self._lines.items()))
            del self._lines[namespace]
            key = line.popleft()
            if line:
                self._lines[namespace] = line
            if not is_busy(key):
                del self._keys[key]
                return key
            self._keys[key] = False
        return None

    def line_up_all(self) -> None:
        """Lines up every key, whatever kept it from being lined up."""
        for key in self._keys:
            self.line_up(key)
