"""Which request may be sent now: places are always given back, and nobody takes what others need."""

import asyncio
import sys

import pytest
from integration_token.api.endpoint import Endpoint, EndpointKind, parse_endpoint
from integration_token.clock import Instant
from integration_token.oauth.address import Policy
from integration_token.oauth.token_url import host_of
from integration_token.workqueue.endpoint_queue import Rank, Urgency, WaitReason
from integration_token.workqueue.endpoint_queues import EndpointQueues
from integration_token.workqueue.in_flight import (
    MAX_IN_FLIGHT,
    MAX_PER_CLUSTER_ENDPOINT,
    MAX_PER_HOST,
    MAX_PER_NAMESPACE,
    SLOW,
    InFlightRequest,
)
from integration_token.workqueue.key import Key, token_key
from integration_token.workqueue.scheduler import Scheduler

from tests.unit.virtual import FakeClock, run

POLICY = Policy(insecure=False, allowed_hosts=frozenset(), private_hosts=frozenset())
NONE = Rank(Urgency.NONE, 0.0)


def endpoint(name: str, namespace: str = "", host: str = "", per_minute: int = 60000) -> Endpoint:
    """An endpoint in this namespace, or of the cluster if empty."""
    kind = EndpointKind.NAMESPACED if namespace else EndpointKind.CLUSTER
    host = host or f"{name}.{namespace or 'all'}"
    url = f"https://{host}.example/token"
    spec = {"tokenURL": url, "rateLimit": {"requestsPerMinute": per_minute}}
    return parse_endpoint(kind, {"metadata": {"name": name, "namespace": namespace, "uid": name}, "spec": spec})


class Waking(Scheduler):
    """Records which keys are woken."""

    def __init__(self, clock: FakeClock) -> None:
        async def work(_: Key) -> Instant | None:
            raise AssertionError("nothing is worked on here")

        super().__init__(clock, work, work)
        self.woken: list[Key] = []

    def wake(self, key: Key) -> None:
        self.woken.append(key)

    def news(self) -> list[Key]:
        """The keys woken since the last call."""
        news, self.woken = self.woken, []
        return news


class Desk:
    """The queues of all endpoints, and the resources that enter them."""

    def __init__(self, clock: FakeClock) -> None:
        self.clock = clock
        self.scheduler = Waking(clock)
        self.queues = EndpointQueues(clock, self.scheduler, lambda at: host_of(at.token_url, POLICY))

    def enter(self, name: str, at: Endpoint, namespace: str = "", rank: Rank = NONE) -> WaitReason | None:
        """A resource asks for its turn."""
        return self.queues.enter(at, token_key(namespace or at.ref.namespace, name), rank)

    async def send(self, name: str, at: Endpoint, namespace: str = "") -> InFlightRequest:
        """A resource whose turn comes at once sends its request."""
        assert self.enter(name, at, namespace) is None
        place = await self.queues.begin(token_key(namespace or at.ref.namespace, name), SLOW)
        assert place is not None
        return place

    async def fill(self, at: Endpoint, count: int = MAX_PER_NAMESPACE, namespace: str = "") -> list[InFlightRequest]:
        """Starts this many requests."""
        return [await self.send(f"early-{at.ref.name}-{number}", at, namespace) for number in range(count)]

    def over(self, *places: InFlightRequest, hung: bool = False) -> None:
        """Ends these requests with an answer."""
        for place in places:
            self.queues.on_answer(place, hung=hung)
            self.queues.end(place)


def test_a_place_is_for_the_request_alone() -> None:
    """Work before and after it takes no place: others are admitted, and send as soon as one request ends."""

    async def story(clock: FakeClock) -> None:
        desk = Desk(clock)
        login = endpoint("login", "store")
        places = await desk.fill(login)
        assert [desk.enter(f"next {number}", login) for number in range(5)] == [None] * 4 + [WaitReason.TURN]
        sending = asyncio.create_task(desk.queues.begin(token_key("store", "next 0"), 10))
        await asyncio.sleep(1)
        assert not sending.done()
        desk.over(places[0])
        await asyncio.sleep(0)
        assert await sending is not None
        assert desk.scheduler.news() == [token_key("store", "next 4")]

    run(story)


def test_a_resource_that_gets_no_place_goes_back_into_the_queue() -> None:
    """As long as all requests under way hang, no other is admitted in its place."""

    async def story(clock: FakeClock) -> None:
        desk = Desk(clock)
        login = endpoint("login", "store")
        places = await desk.fill(login)
        assert desk.enter("late", login) is None
        late = token_key("store", "late")
        assert await desk.queues.begin(late, SLOW) is None
        desk.queues.leave(late)
        assert desk.enter("late", login) is WaitReason.TURN
        assert "login.store.example" in desk.queues.explain_wait(late)
        desk.over(places[0])
        assert desk.scheduler.news() == [late]

    run(story)


def test_the_endpoints_of_one_namespace_share_their_places() -> None:
    """However many hanging endpoints a tenant creates, they hold no more requests than one."""

    async def story(clock: FakeClock) -> None:
        desk = Desk(clock)
        places = await desk.fill(endpoint("first", "store"))
        second = endpoint("second", "store")
        for number in range(MAX_PER_NAMESPACE):
            assert desk.enter(f"{number}", second) is None
        assert desk.enter("b", second) is WaitReason.TURN
        desk.over(places[0])
        assert desk.scheduler.news() == [token_key("store", "b")]

    run(story)


def test_resources_waiting_behind_a_deleted_endpoints_requests_are_admitted_when_these_end() -> None:
    """A hanging endpoint is deleted: its requests still count, and their end is noticed."""

    async def story(clock: FakeClock) -> None:
        desk = Desk(clock)
        hanging, other = endpoint("hanging", "store"), endpoint("other", "store")
        places = await desk.fill(hanging)
        for number in range(MAX_PER_NAMESPACE):
            desk.enter(f"{number}", other)
        assert desk.enter("waiting", other) is WaitReason.TURN
        desk.queues.drop(hanging.ref)
        assert desk.scheduler.news() == []
        for place in places:
            desk.queues.end(place)
        assert desk.scheduler.news() == [token_key("store", "waiting")]

    run(story)


def test_endpoints_deleted_while_their_requests_hang_free_no_places() -> None:
    """Creating and deleting hanging endpoints gives a namespace no more than its four places."""

    async def story(clock: FakeClock) -> None:
        desk = Desk(clock)
        under_way = []
        for number in range(34):
            hanging = endpoint(f"hanging-{number}", "crowd")
            for name in range(4):
                key = token_key("crowd", f"{number}-{name}")
                if desk.enter(key.name, hanging) is None:
                    place = await desk.queues.begin(key, SLOW)
                    if place is None:
                        desk.queues.leave(key)
                    else:
                        under_way.append(place)
            desk.queues.drop(hanging.ref)
        assert len(under_way) == MAX_PER_NAMESPACE
        await desk.send("victim", endpoint("login", "store"))

    run(story)


def test_a_namespace_leaves_places_of_a_cluster_endpoint_to_others() -> None:
    """Its own requests may hang while others' are answered."""

    async def story(clock: FakeClock) -> None:
        desk = Desk(clock)
        login = endpoint("login")
        await desk.fill(login, namespace="crowd")
        for number in range(2 * MAX_PER_NAMESPACE):
            desk.enter(f"more-{number}", login, "crowd")
        for _ in range(20):
            desk.over(await desk.send("victim", login, "store"))
        assert MAX_PER_CLUSTER_ENDPOINT > MAX_PER_NAMESPACE

    run(story)


def test_namespaces_leave_places_of_a_host_to_others() -> None:
    """A host has ten places, of which a namespace gets at most four."""

    async def story(clock: FakeClock) -> None:
        desk = Desk(clock)
        crowd = [endpoint(f"login-{number}", "crowd", "shared") for number in range(20)]
        for each in crowd:
            desk.enter("one", each)
        await desk.fill(crowd[0], MAX_PER_NAMESPACE - 1)
        mine = endpoint("login", "store", "shared")
        for _ in range(20):
            desk.over(await desk.send("victim", mine))

    run(story)


def test_a_host_has_ten_places_whatever_names_it() -> None:
    """Waiting resources name the host in their reason, and are admitted when a place is free."""

    async def story(clock: FakeClock) -> None:
        desk = Desk(clock)
        teams = [endpoint("login", f"team-{number}", "shared") for number in range(MAX_PER_HOST)]
        places = [await desk.send("one", each) for each in teams]
        late = endpoint("login", "store", "shared")
        held = [desk.enter(f"{number}", late) for number in range(MAX_PER_NAMESPACE)]
        assert held == [None] * MAX_PER_NAMESPACE
        key = token_key("store", "0")
        assert await desk.queues.begin(key, SLOW) is None
        desk.queues.leave(key)
        assert desk.enter("0", late) is WaitReason.TURN
        assert "shared.example:443" in desk.queues.explain_wait(key)
        desk.over(places[0])
        assert await desk.queues.begin(token_key("store", "1"), SLOW) is not None

    run(story)


def test_endpoints_that_hang_everywhere_leave_places_to_those_that_answer() -> None:
    """An endpoint whose last request timed out has one place until a request is answered in time."""

    async def story(clock: FakeClock) -> None:
        desk = Desk(clock)
        hanging = [endpoint("login", f"team-{number}") for number in range(MAX_IN_FLIGHT // 2)]
        for each in hanging:
            desk.over(await desk.send("one", each), hung=True)
        for each in hanging:
            for number in range(MAX_PER_NAMESPACE):
                desk.enter(f"{number}", each)
            assert await desk.queues.begin(token_key(each.ref.namespace, "0"), SLOW) is not None
        await desk.fill(endpoint("login", "store"))

    run(story)


def test_an_endpoint_that_answers_again_has_all_its_places_again() -> None:
    """Resources that waited for them are woken."""

    async def story(clock: FakeClock) -> None:
        desk = Desk(clock)
        login = endpoint("login", "store")
        desk.over(await desk.send("one", login), hung=True)
        place = await desk.send("two", login)
        held = [desk.enter(f"{number}", login) for number in range(5)]
        assert held.count(None) < MAX_PER_NAMESPACE
        desk.over(place)
        waiting = [number for number, hold in enumerate(held) if hold is not None]
        assert {token_key("store", f"{number}") for number in waiting} <= set(desk.scheduler.news())

    run(story)


def test_a_place_is_given_back_once() -> None:
    """Giving it back twice takes nobody else's place."""

    async def story(clock: FakeClock) -> None:
        desk = Desk(clock)
        login = endpoint("login", "store")
        places = await desk.fill(login)
        for _ in range(3):
            desk.over(places[0])
        assert await desk.queues.begin(_entered(desk, "a", login), 1) is not None
        assert await desk.queues.begin(_entered(desk, "b", login), 1) is None

    run(story)


def _entered(desk: Desk, name: str, at: Endpoint) -> Key:
    assert desk.enter(name, at) is None
    return token_key(at.ref.namespace, name)


def test_a_resource_cancelled_while_it_waits_for_a_place_leaves_it_to_the_next() -> None:
    """Even if it had just been called."""

    async def story(clock: FakeClock) -> None:
        desk = Desk(clock)
        login = endpoint("login", "store")
        places = await desk.fill(login)
        first, second = (asyncio.create_task(desk.queues.begin(_entered(desk, name, login), 60)) for name in ("a", "b"))
        await asyncio.sleep(1)
        desk.over(places[0])
        first.cancel()
        await asyncio.wait((first, second), timeout=1)
        assert first.cancelled()
        assert second.result() is not None

    run(story)


def test_a_deleted_endpoints_minute_is_remembered() -> None:
    """Recreating it allows no further requests; once the minute is over nothing of it is kept."""

    async def story(clock: FakeClock) -> None:
        desk = Desk(clock)
        login = endpoint("login", "store", per_minute=2)
        for name in ("a", "b"):
            desk.over(await desk.send(name, login))
        desk.queues.drop(login.ref)
        assert desk.enter("c", login) is WaitReason.RATE
        assert "2 requests a minute" in desk.queues.explain_wait(token_key("store", "c"))
        desk.queues.leave(token_key("store", "c"))
        desk.queues.drop(login.ref)
        await asyncio.sleep(61)
        desk.queues.admit(login.ref)
        assert _kept(desk.queues) == 0

    run(story)


@pytest.mark.parametrize("rounds", [200])
def test_nothing_is_kept_of_endpoints_that_come_and_go(rounds: int) -> None:
    """Except for a few per namespace, for a minute."""

    async def story(clock: FakeClock) -> None:
        desk = Desk(clock)
        for number in range(rounds):
            login = endpoint(f"login-{number}", "crowd")
            desk.over(await desk.send("one", login))
            desk.enter("two", login)
            desk.queues.drop(login.ref)
            desk.queues.leave(token_key("crowd", "two"))
        assert _kept(desk.queues) < rounds

    run(story)


def _kept(queues: EndpointQueues) -> int:
    """How many things are remembered."""
    found = [*vars(queues).values(), *vars(queues._in_flight).values()]
    return sum(len(each) for each in found if isinstance(each, dict | set))


def test_what_one_call_costs_does_not_grow_with_what_others_have() -> None:
    """Measured in function calls: 50 endpoints in a namespace, and a hundred times as many."""

    def steps(count: int) -> int:
        counted = 0

        def count_call(*_: object) -> None:
            nonlocal counted
            counted += 1

        async def story(clock: FakeClock) -> None:
            desk = Desk(clock)
            for number in range(count):
                each = endpoint(f"login-{number}", "crowd")
                for name in range(2):
                    desk.enter(f"{number}-{name}", each)
            mine = endpoint("login", "crowd")
            desk.enter("mine", mine)
            key = token_key("crowd", "mine")
            sys.setprofile(count_call)
            try:
                for _ in range(10):
                    desk.queues.leave(key)
                    desk.enter("mine", mine)
            finally:
                sys.setprofile(None)

        run(story)
        return counted

    assert steps(5000) < 1.2 * steps(50)
