"""Keys of which something is to be done that may wait: pure."""

from collections import deque
from collections.abc import Callable

from integration_token.workqueue.key import Key


class LateQueue:
    """Keys in the order of their turns: one namespace's after the other's."""

    def __init__(self) -> None:
        """None yet."""
        self._keys: dict[Key, bool] = {}
        """And whether each stands in its line: once, or what is worked on again and again would make that grow."""
        self._lines: dict[str, deque[Key]] = {}
        """By namespace."""

    def __len__(self) -> int:
        return len(self._keys)

    def __contains__(self, key: Key) -> bool:
        return key in self._keys

    def add(self, key: Key) -> None:
        """Something of the key may wait; its turn comes once it is lined up."""
        self._keys[key] = False

    def line_up(self, key: Key) -> None:
        """The key is behind those of its namespace that are here, if anything of it waits and it isn't here yet."""
        if self._keys.get(key) is False:
            self._keys[key] = True
            self._lines.setdefault(key.namespace, deque()).append(key)

    def pop(self, is_busy: Callable[[Key], bool]) -> Key | None:
        """The key whose turn it is; None where there is none. One that is busy loses its turn until it is lined up
        again."""
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
        """Every key's turn comes, whatever kept it from being lined up."""
        for key in self._keys:
            self.line_up(key)
