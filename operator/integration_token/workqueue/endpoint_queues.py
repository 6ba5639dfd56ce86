"""Which token requests may be sent now: the queues of all endpoints, and the limits on requests in flight."""

from collections import OrderedDict, defaultdict
from collections.abc import Callable, Hashable

from integration_token.api.endpoint import Endpoint, EndpointRef
from integration_token.api.value import format_time
from integration_token.clock import Clock, Instant
from integration_token.workqueue.endpoint_queue import EndpointQueue, Rank, WaitReason
from integration_token.workqueue.in_flight import InFlight, InFlightRequest, Share
from integration_token.workqueue.key import Key, queue_key
from integration_token.workqueue.scheduler import Scheduler

_REMEMBERED = 32
"""Deleted endpoints of a namespace whose last minute and pauses are remembered, in case they are recreated."""


class EndpointQueues:
    """Lets requests to each endpoint begin in order, and wakes the keys that are next.

    Guarantees: every waiting key is woken when a place is free and it is next, however the place became free. The cost
    of a call does not depend on what others have waiting.
    """

    def __init__(self, clock: Clock, scheduler: Scheduler, host_of: Callable[[Endpoint], str]) -> None:
        """`host_of` returns the host that an endpoint's requests go to."""
        self._host_of = host_of
        self._clock = clock
        self._scheduler = scheduler
        self._in_flight = InFlight(clock, self._on_room)
        self._queues: dict[EndpointRef, EndpointQueue[Key]] = {}
        self._endpoints: dict[Key, EndpointRef] = {}
        """The endpoint in whose queue a request waits, or from which it has begun."""
        self._dropped: defaultdict[str, OrderedDict[EndpointRef, None]] = defaultdict(OrderedDict)

    def enter(self, endpoint: Endpoint, key: Key, rank: Rank) -> WaitReason | None:
        """Begins a request and returns None, or puts it into the endpoint's queue: the key is woken when it is next."""
        ref, now = endpoint.ref, self._clock.now().boot
        if self._endpoints.get(key) not in {None, ref}:
            self.leave(key)
        queue = self._queues.get(ref)
        if queue is None:
            queue = self._queues[ref] = EndpointQueue(endpoint.requests_per_minute)
        elif ref.namespace in self._dropped:
            self._revive(ref)
        queue.per_minute = endpoint.requests_per_minute
        self._in_flight.set_host(ref, self._host_of(endpoint))
        self._endpoints[key] = ref
        queue.put(key, key.namespace, rank, now)
        self._admit(ref, queue, except_for=key)
        if queue.has_begun(key):
            return None
        self._plan(ref, queue)
        return queue.wait_reason(now) or WaitReason.TURN

    def is_pending(self, key: Key) -> bool:
        """Whether a request is waiting for its turn, or has begun but has not been sent."""
        return key in self._endpoints

    def explain_wait(self, key: Key) -> str:
        """What the request waits for, as a message; as long as that stays the same, so do the words."""
        ref = self._endpoints.get(key)
        queue = None if ref is None else self._queues.get(ref)
        if ref is None or queue is None:
            return "another request for the same token, which has not been answered yet"
        now, host = self._clock.now(), self._in_flight.host_of(ref)
        if now.boot < queue.paused_until:
            until = format_time(now.after(queue.paused_until - now.boot).wall)
            return f"the end of the pause that {host} asked for, {until}"
        if queue.wait_reason(now.boot) is WaitReason.RATE:
            return (
                f"the endpoint's rate limit of {queue.per_minute} requests a minute, set by"
                f" spec.rateLimit.requestsPerMinute of {ref.title}"
            )
        return f"other requests to {host}, which have not been answered yet"

    def waiting(self) -> dict[str, int]:
        """How many requests wait for their turn, by reason as in the metrics, with every reason present."""
        now, counts = self._clock.now().boot, dict.fromkeys(("in_flight", "rate_limit", "pause"), 0)
        for queue in self._queues.values():
            if queue.waiting:
                limited = "pause" if now < queue.paused_until else "rate_limit"
                counts["in_flight" if queue.wait_reason(now) is not WaitReason.RATE else limited] += queue.waiting
        return counts

    def leave(self, key: Key) -> None:
        """The request is no longer wanted, or was not sent after all."""
        ref = self._endpoints.pop(key, None)
        if ref is None:
            return
        queue = self._queues.get(ref)
        if queue is not None:
            queue.finish(key, None)
            queue.forget(key)
        self._in_flight.expect_no_more(key)
        self.admit(ref)

    async def begin(self, key: Key, seconds: float) -> InFlightRequest | None:
        """Gives a place to a request that is next; None if none became free within that many seconds.

        The caller must report with :meth:`on_answer`, and return the place with :meth:`end`.
        """
        ref = self._endpoints[key]
        if not await self._in_flight.await_place(ref, key.namespace, seconds) or ref not in self._queues:
            return None
        return self._in_flight.begin(key, ref)

    def on_answer(self, request: InFlightRequest, *, hung: bool) -> None:
        """The endpoint has responded, or failed to: from now on the request counts in its minute.

        :param hung: whether it timed out, so that further requests of the namespace would only hang as well.
        """
        key, ref = request.key, request.ref
        self._in_flight.on_answer(request, hung=hung and ref in self._queues)
        if self._endpoints.get(key) == ref:
            del self._endpoints[key]
        if ref in self._queues:
            self._queues[ref].finish(key, self._clock.now().boot)
            self.admit(ref)

    def end(self, request: InFlightRequest) -> None:
        """Nothing of the request is in flight any more."""
        self._in_flight.end(request)

    def pause(self, ref: EndpointRef, source: Hashable, seconds: float) -> None:
        """The endpoint asked `source` to pause: all must once two were asked to, for as long as both were."""
        if ref in self._queues:
            self._queues[ref].pause(source, self._clock.now().boot + seconds)

    def is_slow(self, ref: EndpointRef) -> bool:
        """Whether requests that wait for others in flight wait for the endpoint's responses, not for our own work."""
        return self._in_flight.is_slow(ref)

    def admit(self, ref: EndpointRef) -> Instant | None:
        """Wakes the keys that are next, and returns when the next one will be because time passes."""
        queue = self._queues.get(ref)
        if queue is None:
            return None
        self._admit(ref, queue)
        return self._plan(ref, queue)

    def drop(self, ref: EndpointRef) -> None:
        """The endpoint is gone, and with it all its waiting requests; its minute and its pauses are remembered."""
        queue = self._queues.get(ref)
        if queue is None:
            return
        for key in queue.waiting_keys():
            self.leave(key)
            self._scheduler.wake(key)
        dropped = self._dropped[ref.namespace]
        dropped[ref] = None
        if len(dropped) > _REMEMBERED:
            self._forget(next(iter(dropped)))
        self._plan(ref, queue)

    def _admit(self, ref: EndpointRef, queue: EndpointQueue[Key], except_for: Key | None = None) -> None:
        """Begins the requests that are next while there is room, and wakes all of them but one."""
        now = self._clock.now().boot
        while (key := queue.candidate(now)) is not None:
            full = self._in_flight.expect(key, ref)
            if full is None:
                queue.begin(key, now)
                if key != except_for:
                    self._scheduler.wake(key)
            elif isinstance(full.name, Share):
                queue.park(key.namespace)
            else:
                break

    def _on_room(self, ref: EndpointRef, namespace: str) -> None:
        """There may be room for requests of the queue; with a namespace, for the parked requests of that namespace."""
        queue = self._queues.get(ref)
        if queue is None:
            return
        if namespace:
            queue.unpark(namespace)
        self._admit(ref, queue)
        self._plan(ref, queue)

    def _plan(self, ref: EndpointRef, queue: EndpointQueue[Key]) -> Instant | None:
        now = self._clock.now()
        delay = queue.delay(now.boot)
        if delay is None and ref in self._dropped.get(ref.namespace, ()):
            delay = queue.seconds_to_remember(now.boot)
            if not delay:
                self._forget(ref)
                return None
        if delay is None:
            return None
        due = now.after(delay)
        self._scheduler.wake_at(queue_key(ref), due)
        return due

    def _revive(self, ref: EndpointRef) -> None:
        """The deleted endpoint exists again, or another one with its name."""
        dropped = self._dropped[ref.namespace]
        dropped.pop(ref, None)
        if not dropped:
            del self._dropped[ref.namespace]

    def _forget(self, ref: EndpointRef) -> None:
        self._revive(ref)
        del self._queues[ref]
        self._in_flight.forget(ref)
