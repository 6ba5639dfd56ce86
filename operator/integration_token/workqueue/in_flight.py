"""The requests that are in flight or about to be, counted against all their limits."""

import asyncio
from collections import defaultdict
from collections.abc import Callable, Hashable
from dataclasses import dataclass
from typing import NamedTuple

from integration_token.api.endpoint import EndpointRef
from integration_token.clock import Clock
from integration_token.workqueue.in_flight_limit import InFlightLimit
from integration_token.workqueue.key import Key

MAX_PER_NAMESPACE = 4
"""Requests of one namespace in flight at once, to all its TokenEndpoints together or to one ClusterTokenEndpoint.
Hanging requests must not take places that others need, and more at once only cost CPU."""

MAX_PER_CLUSTER_ENDPOINT = 8
"""Requests in flight at once to one ClusterTokenEndpoint, from several namespaces."""

MAX_PER_HOST = 10
"""Requests in flight at once to one host: more of them cost more CPU each and gain nothing."""

MAX_IN_FLIGHT = 128
"""Requests in flight at once: more of them cost more CPU each and gain nothing."""

SLOW = 2.0
"""Seconds after which a request counts as slow, so that waiting requests wait for the endpoint. If it responds at once
and many wait nevertheless, they wait for our own throughput or for the API server's."""

Limits = tuple[InFlightLimit[EndpointRef], ...]
"""All limits that one request counts against."""

Group = EndpointRef | str
"""The limit on a ClusterTokenEndpoint's requests, or on those to all TokenEndpoints of a namespace."""


@dataclass(frozen=True, eq=False, slots=True)
class InFlightRequest:
    """A request in flight."""

    key: Key
    ref: EndpointRef
    limits: Limits
    """The limits that it counts against."""
    since: float
    """When it was sent, in seconds of CLOCK_BOOTTIME."""


class InFlight:
    """Counts requests from their admission until nothing of them is in flight, and passes on the room that they leave.

    Guarantees: no request begins if one of its limits is reached. Free room goes to the queue that has waited for it
    the longest, with namespaces in turn, however it became free.
    """

    def __init__(self, clock: Clock, admit: Callable[[EndpointRef, str], None]) -> None:
        """`admit` is called when there may be room for a waiting queue; with a namespace if the queue waited for room
        for that namespace's requests."""
        self._clock = clock
        self._admit = admit
        self._hosts: dict[EndpointRef, str] = {}
        self._limits: dict[Hashable, InFlightLimit[EndpointRef]] = {}
        """The limits that something counts against, or waits for."""
        self._expected: dict[Key, Limits] = {}
        """The limits of requests that were admitted and have not been sent."""
        self._requests: dict[Group, dict[InFlightRequest, None]] = {}
        self._slow_until: dict[Group, float] = {}
        """For how long a late response is remembered."""
        self._hung: defaultdict[EndpointRef, set[str]] = defaultdict(set)
        """The namespaces whose last request timed out."""

    def set_host(self, ref: EndpointRef, host: str) -> None:
        """The endpoint's requests go to that host."""
        self._hosts[ref] = host

    def host_of(self, ref: EndpointRef) -> str:
        """The host that the endpoint's requests go to; empty once the endpoint was forgotten."""
        return self._hosts.get(ref, "")

    def expect(self, key: Key, ref: EndpointRef) -> InFlightLimit[EndpointRef] | None:
        """Admits a request and returns None, or lets the endpoint's queue wait for room and returns the limit that has
        none."""
        limits = self._limits_of(ref, key.namespace)
        full = next((limit for limit in limits if not limit.has_room), None)
        if full is not None:
            full.add_queue(ref.namespace or ref.name, ref)
            self._tidy(limits)
            return full
        self._expected[key] = limits
        for limit in limits:
            limit.expected += 1
        return None

    def expect_no_more(self, key: Key) -> None:
        """The request is no longer wanted, or is in flight by now."""
        limits = self._expected.pop(key, ())
        for limit in limits:
            limit.expected -= 1
        self._pass_on(limits)

    async def await_place(self, ref: EndpointRef, namespace: str, seconds: float) -> bool:
        """Whether there is a place in all limits within that many seconds."""
        full: InFlightLimit[EndpointRef] | None = None
        free = False
        try:
            async with asyncio.timeout(seconds):
                while (next_full := self._without_place(ref, namespace)) is not None:
                    if full is not None and full is not next_full:
                        _wake_waiter(full)
                    full = next_full
                    await _woken(full)
            free = True
        except TimeoutError:
            if full is not None:
                full.stuck = True
        finally:
            if full is not None and not free:
                # Perhaps woken, without a use for the place.
                _wake_waiter(full)
        return free

    def begin(self, key: Key, ref: EndpointRef) -> InFlightRequest:
        """The request is sent: it takes a place in all its limits until :meth:`end`."""
        limits = self._limits_of(ref, key.namespace)
        request = InFlightRequest(key, ref, limits, self._clock.now().boot)
        for limit in limits:
            limit.in_flight += 1
        self._requests.setdefault(_group(ref), {})[request] = None
        self.expect_no_more(key)
        return request

    def on_answer(self, request: InFlightRequest, *, hung: bool) -> None:
        """The endpoint has responded, or failed to.

        :param hung: whether it timed out, so that further requests of the namespace would only hang as well.
        """
        ref, namespace, now = request.ref, request.key.namespace, self._clock.now().boot
        if now - request.since >= SLOW:
            # Remembered until the next one may be late: an occasional look must not always find one that has just
            # begun.
            self._slow_until[_group(ref)] = now + SLOW
        if hung:
            self._hung[ref].add(namespace)
        elif namespace in self._hung.get(ref, ()):
            self._hung[ref].discard(namespace)
            self._give_room(self._limits_of(ref, namespace)[0])

    def end(self, request: InFlightRequest) -> None:
        """Nothing of the request is in flight any more. No effect if that was reported before."""
        group = _group(request.ref)
        requests = self._requests.get(group, {})
        if request not in requests:
            return
        del requests[request]
        if not requests:
            del self._requests[group]
        for limit in request.limits:
            limit.in_flight -= 1
            limit.stuck = False
        self._pass_on(request.limits)

    def is_slow(self, ref: EndpointRef) -> bool:
        """Whether requests that wait for others in flight wait for the endpoint's responses, not for our own work."""
        now, group = self._clock.now().boot, _group(ref)
        if now < self._slow_until.get(group, 0.0):
            return True
        self._slow_until.pop(group, None)
        return any(now - request.since >= SLOW for request in self._requests.get(group, ()))

    def forget(self, ref: EndpointRef) -> None:
        """The endpoint is gone. Its requests in flight count until they end."""
        del self._hosts[ref]
        self._hung.pop(ref, None)
        if not self.is_slow(ref):
            self._slow_until.pop(_group(ref), None)

    def _limits_of(self, ref: EndpointRef, namespace: str) -> Limits:
        """The limits that a request of the namespace to the endpoint counts against."""
        hung = namespace in self._hung.get(ref, ())
        cluster = ref.kind.is_cluster_scoped
        return (
            self._limit(Share(ref, namespace), 1 if hung else MAX_PER_NAMESPACE),
            self._limit(("group", _group(ref)), MAX_PER_CLUSTER_ENDPOINT if cluster else MAX_PER_NAMESPACE),
            self._limit(("host", self.host_of(ref)), MAX_PER_HOST),
            self._limit("all", MAX_IN_FLIGHT),
        )

    def _limit(self, name: Hashable, maximum: int) -> InFlightLimit[EndpointRef]:
        limit = self._limits.get(name)
        if limit is None:
            limit = self._limits[name] = InFlightLimit(name, maximum)
        limit.maximum = maximum
        return limit

    def _without_place(self, ref: EndpointRef, namespace: str) -> InFlightLimit[EndpointRef] | None:
        return next((limit for limit in self._limits_of(ref, namespace) if not limit.has_place), None)

    def _pass_on(self, limits: Limits) -> None:
        """Offers the room in each of the limits to those waiting for it."""
        for limit in limits:
            self._give_room(limit)
        self._tidy(limits)

    def _give_room(self, limit: InFlightLimit[EndpointRef]) -> None:
        _wake_waiter(limit)
        namespace = limit.name.namespace if isinstance(limit.name, Share) else ""
        while limit.has_room and (ref := limit.pop_queue()) is not None:
            self._admit(ref, namespace)

    def _tidy(self, limits: Limits) -> None:
        for limit in limits:
            if limit.idle and self._limits.get(limit.name) is limit:
                del self._limits[limit.name]


class Share(NamedTuple):
    """The limit on one namespace's requests to one endpoint."""

    ref: EndpointRef
    namespace: str


def _wake_waiter(limit: InFlightLimit[EndpointRef]) -> None:
    """Wakes the first of those waiting for a place, to check whether there is one."""
    if limit.has_place and (wake := limit.pop_waiter()) is not None:
        wake()


async def _woken(limit: InFlightLimit[EndpointRef]) -> None:
    """Returns when there may be a place in the limit."""
    woken: asyncio.Future[None] = asyncio.get_running_loop().create_future()

    def wake() -> None:
        if not woken.done():
            woken.set_result(None)

    limit.add_waiter(wake)
    try:
        await woken
    finally:
        limit.remove_waiter(wake)


def _group(ref: EndpointRef) -> Group:
    return ref if ref.kind.is_cluster_scoped else ref.namespace
