"""How many requests one grant may make in a minute: pure.

Times are seconds of CLOCK_BOOTTIME, which cannot be set.
"""

MINUTE = 60.0
"""Seconds in which requests are counted."""

MAX_PER_GRANT = 12
"""Requests in a minute for one grant, errors included, whatever the lifetime of its tokens."""

MAX_PER_SHARE = 8
"""The part of them for each of several namespaces that share the grant: some are left for the others."""

MAX_WISHES = 3
"""Requests in a minute that annotations may cause for a grant: otherwise anyone who can annotate could use up all of
them."""

SHORTEST_LIFETIME = 30.0
"""The shortest lifetime in seconds for which `MAX_PER_GRANT` is enough."""


class GrantRate:
    """The requests of one grant in the last minute."""

    __slots__ = ("_limit", "_times")

    def __init__(self, limit: int = MAX_PER_GRANT) -> None:
        """`limit`: requests in a minute."""
        self._limit = limit
        # Rarely more than one entry. A deque allocates room for 64, and every resource has such a rate.
        self._times: tuple[float, ...] = ()

    def note(self, now: float) -> None:
        """A request ended: the endpoint has received it by now, even if it was slow to arrive."""
        self._times = (*self._times, now)[-self._limit :]

    def delay(self, now: float) -> float:
        """Seconds until the grant may ask again; 0 if it may now."""
        if len(self._times) < self._limit:
            return 0.0
        return max(0.0, self._times[0] + MINUTE - now)

    def spacing(self, now: float) -> float:
        """Seconds that a further attempt after a failure should wait, so that some of the minute's requests are left
        for when the endpoint works again."""
        recent = sum(time > now - MINUTE for time in self._times)
        return MINUTE / self._limit if recent >= self._limit / 2 else 0.0
