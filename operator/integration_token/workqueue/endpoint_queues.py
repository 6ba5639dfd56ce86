"""Who may send a token request now: the queues of all endpoints, places for requests, and those who wait for them."""

import asyncio
from collections import OrderedDict, defaultdict
from collections.abc import Callable, Hashable, Iterable
from dataclasses import dataclass
from typing import NamedTuple

from integration_token.api.endpoint import Endpoint, EndpointKind, EndpointRef
from integration_token.clock import Clock, Instant
from integration_token.workqueue.endpoint_queue import EndpointQueue, Rank, WaitReason
from integration_token.workqueue.key import Key, queue_key
from integration_token.workqueue.place import Bound
from integration_token.workqueue.scheduler import Scheduler

MAX_PER_NAMESPACE = 4
"""Requests of one namespace under way at once, to all its TokenEndpoints together or to one ClusterTokenEndpoint: those
that hang must not take what others need, and more at once only cost CPU."""

MAX_PER_CLUSTER_ENDPOINT = 8
"""Requests under way at once to one ClusterTokenEndpoint: those of more than one namespace."""

MAX_PER_HOST = 10
"""Requests under way at once to one host: more of them cost more CPU each and gain nothing."""

MAX_UNDER_WAY = 128
"""Requests under way at once: more of them cost more CPU each and gain nothing."""

SLOW = 2.0
"""Seconds that the endpoint may take for a request before whoever waits for its turn waits for the endpoint. Where it
answers at once and many wait all the same, it is our own throughput that they wait for, or the API server's."""

_REMEMBERED = 32
"""Deleted endpoints of a namespace whose minute and pauses are remembered, in case they are created again."""

Group = EndpointRef | str
"""What a ClusterTokenEndpoint's requests, or those to all TokenEndpoints of a namespace, are counted by."""


@dataclass(frozen=True, eq=False, slots=True)
class Place:
    """A request under way."""

    key: Key
    ref: EndpointRef
    bounds: tuple[Bound[EndpointRef], ...]
    """Those that it counts in."""
    since: float
    """When it was sent, in seconds of CLOCK_BOOTTIME."""


class EndpointQueues:
    """Lets requests to each endpoint begin in order, and wakes those whose turn has come.

    Guarantees: whoever waits is woken when a place is free and its turn has come, however the place came to be free. No
    call takes longer for what others have.
    """

    def __init__(self, clock: Clock, scheduler: Scheduler, host_of: Callable[[Endpoint], str]) -> None:
        """`host_of` tells the host to which an endpoint's requests go."""
        self._host_of = host_of
        self._clock = clock
        self._scheduler = scheduler
        self._budgets: dict[EndpointRef, EndpointQueue[Key]] = {}
        self._hosts: dict[EndpointRef, str] = {}
        self._queues: dict[Key, EndpointRef] = {}
        """The endpoint in whose queue a request waits, or from which it has begun."""
        self._expected: dict[Key, tuple[Bound[EndpointRef], ...]] = {}
        """Of requests that have begun and are not sent yet, the bounds that they count in."""
        self._bounds: dict[Hashable, Bound[EndpointRef]] = {}
        """Those in which something counts, or for which somebody waits."""
        self._under_way: dict[Group, dict[Place, None]] = {}
        self._slow_until: dict[Group, float] = {}
        """For how long an answer that came late is remembered."""
        self._hung: defaultdict[EndpointRef, set[str]] = defaultdict(set)
        """The namespaces whose last request an endpoint did not answer in time."""
        self._dropped: defaultdict[str, OrderedDict[EndpointRef, None]] = defaultdict(OrderedDict)

    def enter(self, endpoint: Endpoint, key: Key, rank: Rank) -> WaitReason | None:
        """Begins a request, answering None, or puts it into the endpoint's queue: the key is woken at its turn."""
        ref, now = endpoint.ref, self._clock.now().boot
        if self._queues.get(key) not in {None, ref}:
            self.leave(key)
        budget = self._budgets.get(ref)
        if budget is None:
            budget = self._budgets[ref] = EndpointQueue(endpoint.requests_per_minute)
        elif ref.namespace in self._dropped:
            self._take_up(ref)
        budget.per_minute = endpoint.requests_per_minute
        self._hosts[ref] = self._host_of(endpoint)
        self._queues[key] = ref
        budget.ask(key, key.namespace, rank, now)
        self._admit(ref, budget, but=key)
        if budget.holds(key):
            return None
        self._plan(ref, budget)
        return budget.hold(now) or WaitReason.TURN

    def has(self, key: Key) -> bool:
        """Whether a request waits for its turn, or has begun and is not sent yet."""
        return key in self._queues

    def why(self, key: Key) -> str:
        """What the request waits for, for people; as long as that is the same, in the same words."""
        ref = self._queues.get(key)
        budget = None if ref is None else self._budgets.get(ref)
        if ref is None or budget is None:
            return "another request for the same token, which is not answered yet"
        now, host = self._clock.now().boot, self._hosts[ref]
        if now < budget.paused_until:
            return f"the end of the time for which {host} asked to be left alone"
        if budget.hold(now) is WaitReason.RATE:
            return f"the endpoint's rate limit of {budget.per_minute} requests a minute"
        return f"others to {host}, which are not answered yet"

    def leave(self, key: Key) -> None:
        """The request is not wanted any more, or was not sent after all."""
        ref = self._queues.pop(key, None)
        if ref is None:
            return
        budget = self._budgets.get(ref)
        if budget is not None:
            budget.done(key, None)
            budget.forget(key)
        self._expect_no_more(key)
        self.admit(ref)

    async def begin(self, key: Key, seconds: float) -> Place | None:
        """A place for a request whose turn has come; None where in so many seconds none was free.

        Whoever has it tells when it was :meth:`on_answer`, and gives it back by :meth:`end`.
        """
        ref = self._queues[key]
        if not await self._free(ref, key.namespace, seconds) or ref not in self._budgets:
            return None
        bounds = self._chain(ref, key.namespace)
        place = Place(key, ref, bounds, self._clock.now().boot)
        for bound in bounds:
            bound.used += 1
        self._under_way.setdefault(_group(ref), {})[place] = None
        self._expect_no_more(key)
        return place

    def on_answer(self, place: Place, *, hung: bool) -> None:
        """The endpoint has answered, or failed to: from now on the request counts in its minute.

        :param hung: it did not in time, so that further requests of the namespace would only hang as well.
        """
        key, ref, now = place.key, place.ref, self._clock.now().boot
        if now - place.since >= SLOW:
            # Until the next one may be late: whoever looks now and then must not always find one just begun.
            self._slow_until[_group(ref)] = now + SLOW
        if hung and ref in self._budgets:
            self._hung[ref].add(key.namespace)
        elif key.namespace in self._hung.get(ref, ()):
            self._hung[ref].discard(key.namespace)
            self._use(self._chain(ref, key.namespace)[0])
        if self._queues.get(key) == ref:
            del self._queues[key]
        if ref in self._budgets:
            self._budgets[ref].done(key, now)
            self.admit(ref)

    def end(self, place: Place) -> None:
        """Nothing of the request is under way any more."""
        group = _group(place.ref)
        under_way = self._under_way.get(group, {})
        if place not in under_way:
            return
        del under_way[place]
        if not under_way:
            del self._under_way[group]
        for bound in place.bounds:
            bound.used -= 1
            bound.stuck = False
        self._freed(place.bounds)

    def pause(self, ref: EndpointRef, source: Hashable, seconds: float) -> None:
        """The endpoint asked `source` to stay away: all have to once two were asked, for as long as both were."""
        if ref in self._budgets:
            self._budgets[ref].pause(source, self._clock.now().boot + seconds)

    def slow(self, ref: EndpointRef) -> bool:
        """Whether who waits for others in flight waits for the endpoint's answers, and not for our own work."""
        now, group = self._clock.now().boot, _group(ref)
        if now < self._slow_until.get(group, 0.0):
            return True
        self._slow_until.pop(group, None)
        return any(now - place.since >= SLOW for place in self._under_way.get(group, ()))

    def admit(self, ref: EndpointRef) -> Instant | None:
        """Wakes those whose turn has come, and answers when the next one's will have come by the passing of time."""
        budget = self._budgets.get(ref)
        if budget is None:
            return None
        self._admit(ref, budget)
        return self._plan(ref, budget)

    def drop(self, ref: EndpointRef) -> None:
        """The endpoint is gone, and with it whoever waited for it; its minute and its pauses are remembered."""
        budget = self._budgets.get(ref)
        if budget is None:
            return
        for key in budget.waiting():
            self.leave(key)
            self._scheduler.wake(key)
        dropped = self._dropped[ref.namespace]
        dropped[ref] = None
        if len(dropped) > _REMEMBERED:
            self._forget(next(iter(dropped)))
        self._plan(ref, budget)

    def _admit(self, ref: EndpointRef, budget: EndpointQueue[Key], but: Key | None = None) -> None:
        """Begins the requests whose turn has come, as long as there is room, and wakes all of them but one."""
        now = self._clock.now().boot
        while (key := budget.candidate(now)) is not None:
            bounds = self._chain(ref, key.namespace)
            full = next((bound for bound in bounds if not bound.has_room), None)
            if full is None:
                budget.begin(key, now)
                self._expected[key] = bounds
                for bound in bounds:
                    bound.expected += 1
                if key != but:
                    self._scheduler.wake(key)
                continue
            full.block(ref.namespace or ref.name, ref)
            self._tidy(bounds)
            if not isinstance(full.name, _Share):
                break
            budget.park(key.namespace)

    def _plan(self, ref: EndpointRef, budget: EndpointQueue[Key]) -> Instant | None:
        now = self._clock.now()
        wait = budget.wait(now.boot)
        if wait is None and ref in self._dropped.get(ref.namespace, ()):
            wait = budget.warm_for(now.boot)
            if not wait:
                self._forget(ref)
                return None
        if wait is None:
            return None
        due = now.after(wait)
        self._scheduler.at(queue_key(ref), due)
        return due

    def _chain(self, ref: EndpointRef, namespace: str) -> tuple[Bound[EndpointRef], ...]:
        """The bounds in which a request of the namespace to the endpoint counts."""
        hung = namespace in self._hung.get(ref, ())
        cluster = ref.kind is EndpointKind.CLUSTER
        return (
            self._bound(_Share(ref, namespace), 1 if hung else MAX_PER_NAMESPACE),
            self._bound(("group", _group(ref)), MAX_PER_CLUSTER_ENDPOINT if cluster else MAX_PER_NAMESPACE),
            self._bound(("host", self._hosts.get(ref, "")), MAX_PER_HOST),
            self._bound("all", MAX_UNDER_WAY),
        )

    def _bound(self, name: Hashable, limit: int) -> Bound[EndpointRef]:
        bound = self._bounds.get(name)
        if bound is None:
            bound = self._bounds[name] = Bound(name, limit)
        bound.limit = limit
        return bound

    async def _free(self, ref: EndpointRef, namespace: str, seconds: float) -> bool:
        """Whether there is a place in all bounds, in so many seconds at most."""
        full: Bound[EndpointRef] | None = None
        free = False
        try:
            async with asyncio.timeout(seconds):
                while (next_full := self._without_place(ref, namespace)) is not None:
                    if full is not None and full is not next_full:
                        self._call(full)
                    full = next_full
                    await _called(full)
            free = True
        except TimeoutError:
            if full is not None:
                full.stuck = True
        finally:
            if full is not None and not free:
                # Called, perhaps, and without a use for it.
                self._call(full)
        return free

    def _without_place(self, ref: EndpointRef, namespace: str) -> Bound[EndpointRef] | None:
        return next((bound for bound in self._chain(ref, namespace) if not bound.has_place), None)

    @staticmethod
    def _call(bound: Bound[EndpointRef]) -> None:
        """Has the first of those that wait for a place look whether there is one."""
        if bound.has_place and (taker := bound.next_taker()) is not None:
            taker()

    def _expect_no_more(self, key: Key) -> None:
        bounds = self._expected.pop(key, ())
        for bound in bounds:
            bound.expected -= 1
        self._freed(bounds)

    def _freed(self, bounds: Iterable[Bound[EndpointRef]]) -> None:
        for bound in bounds:
            self._use(bound)
        self._tidy(bounds)

    def _use(self, bound: Bound[EndpointRef]) -> None:
        """Gives the room in a bound to those that wait for it."""
        self._call(bound)
        while bound.has_room and (ref := bound.next_queue()) is not None:
            budget = self._budgets.get(ref)
            if budget is None:
                continue
            if isinstance(bound.name, _Share):
                budget.unpark(bound.name.namespace)
            self._admit(ref, budget)
            self._plan(ref, budget)

    def _tidy(self, bounds: Iterable[Bound[EndpointRef]]) -> None:
        for bound in bounds:
            if bound.idle and self._bounds.get(bound.name) is bound:
                del self._bounds[bound.name]

    def _take_up(self, ref: EndpointRef) -> None:
        """The endpoint that was deleted is there again, or another of its name."""
        dropped = self._dropped[ref.namespace]
        dropped.pop(ref, None)
        if not dropped:
            del self._dropped[ref.namespace]

    def _forget(self, ref: EndpointRef) -> None:
        self._take_up(ref)
        del self._budgets[ref], self._hosts[ref]
        self._hung.pop(ref, None)
        if not self.slow(ref):
            self._slow_until.pop(_group(ref), None)


class _Share(NamedTuple):
    """What one namespace's requests to one endpoint are counted by."""

    ref: EndpointRef
    namespace: str


async def _called(bound: Bound[EndpointRef]) -> None:
    """Returns when there may be a place in the bound."""
    called: asyncio.Future[None] = asyncio.get_running_loop().create_future()

    def call() -> None:
        if not called.done():
            called.set_result(None)

    bound.suspend(call)
    try:
        await called
    finally:
        bound.resume(call)


def _group(ref: EndpointRef) -> Group:
    return ref if ref.kind is EndpointKind.CLUSTER else ref.namespace
