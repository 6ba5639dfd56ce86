"""Many resources at one endpoint: what its rate limit means for them, and which is served first."""

import asyncio
from collections import Counter
from typing import Any

import pytest
from integration_token.api.condition import Reason
from integration_token.api.integration import DEFAULT_RENEW_BEFORE
from integration_token.api.names import INTEGRATION_TOKENS
from integration_token.api.value import parse_time
from integration_token.errors import Transient
from integration_token.renewal.backoff import TELL_AFTER
from integration_token.workqueue.in_flight import MAX_PER_NAMESPACE

from tests.bench.onslaught import savable
from tests.fakes import fault
from tests.fakes.issuer import Policy
from tests.unit.virtual import EPOCH
from tests.unit.world import NAMESPACE, SECRET, World, play

HOUR = 3600.0


def many(world: World, count: int, start: int = 0) -> list[str]:
    """This many resources, each with its own client, numbered from `start`."""
    names = [f"shop-{number}" for number in range(start, start + count)]
    for name in names:
        world.clients[name] = SECRET
        world.credentials(name, SECRET, name)
        world.integration(name, credentialsSecretRef={"name": name}, target={"name": f"{name}-token"})
    return names


def reasons(world: World, names: list[str]) -> list[str]:
    """Why each of them is or isn't Ready; empty if it has no status yet."""
    found = []
    for name in names:
        conditions = world.status(name).get("conditions")
        found.append(conditions[0]["reason"] if conditions else "")
    return found


async def begin(world: World, count: int, per_minute: int) -> list[str]:
    """An endpoint with a limit and this many resources, and the operator started."""
    world.endpoint(rateLimit={"requestsPerMinute": per_minute})
    names = many(world, count)
    await world.operator.start()
    await world.settle()
    return names


def test_a_minute_has_as_many_requests_as_the_endpoint_allows_and_waiting_resources_say_so() -> None:
    """Of 25 resources at 10 a minute, the last are served in the third minute."""

    async def story(world: World) -> None:
        names = await begin(world, 25, 10)
        await world.until(EPOCH + 3)
        assert sorted(reasons(world, names)) == ["RateLimited"] * 15 + ["TokenValid"] * 10
        for minute, served in ((1, 20), (2, 25)):
            await world.until(EPOCH + 60 * minute - 1)
            assert world.requests == 10 * minute
            await world.until(EPOCH + 60 * minute + 1)
            assert reasons(world, names).count("TokenValid") == served
        assert world.requests == 25
        assert set(world.cluster.reasons()) == {"Issued"}

    play(story)


def test_a_changed_spec_is_observed_while_the_good_token_waits_for_its_renewal() -> None:
    """A tool that waits for the resource isn't held up by the endpoint's rate limit; one write reports it."""

    async def story(world: World) -> None:
        await world.begin()
        world.endpoint(rateLimit={"requestsPerMinute": 1})
        many(world, 1)
        await world.until(EPOCH + 61)
        before = world.requests
        with world.counting() as writes:
            world.request_renewal("now")
            await world.settle()
            world.integration(renewBefore="1h")
            await world.until(EPOCH + 70)
        assert world.requests == before
        assert world.ready == ("True", "TokenValid")
        assert world.status()["observedGeneration"] == 2
        assert writes.count(("patch status", INTEGRATION_TOKENS, "shop")) == 1

    play(story)


def test_of_tokens_that_expire_together_as_many_are_saved_as_the_rate_limit_lets() -> None:
    """250 expire within a minute, at 30 requests a minute: the earliest go first, and late ones delay no others."""
    lifetime, limit = 1200.0, 30

    async def story(world: World) -> None:
        names = await begin(world, 0, 60_000)
        for second in range(50):
            names += many(world, 5, len(names))
            await world.until(EPOCH + second + 1)
        await world.until(EPOCH + 60)
        expiries = {name: world.status(name)["expirationTime"] for name in names}
        world.endpoint(rateLimit={"requestsPerMinute": limit})
        renewed: dict[str, float] = {}
        wall = EPOCH + lifetime - DEFAULT_RENEW_BEFORE
        while len(renewed) < len(names):
            wall += 1
            await world.until(wall)
            for name in names:
                if world.status(name)["expirationTime"] != expiries[name]:
                    renewed.setdefault(name, wall)
        first, deadlines = min(renewed.values()), {name: parse_time(told) for name, told in expiries.items()}
        saved = [name for name in names if renewed[name] <= deadlines[name] + 1]
        possible = savable(first, deadlines.values(), limit)
        assert len(saved) == possible
        assert limit < possible < len(names)
        assert world.requests == 2 * len(names)

    play(story, Policy(lifetime, lead=600.0))


@pytest.mark.parametrize("step", [HOUR, -HOUR], ids=["forward", "back"])
def test_a_stepped_wall_clock_leaves_nobody_in_the_queue(step: float) -> None:
    """And none is served before the minute is over."""

    async def story(world: World) -> None:
        names = await begin(world, 5, 2)
        await world.until(EPOCH + 10)
        world.clock.step(step)
        await world.until(EPOCH + 55)
        assert world.requests == 2
        await world.until(EPOCH + 130)
        assert reasons(world, names) == ["TokenValid"] * 5

    play(story, glance=1)


def test_no_more_than_a_few_requests_are_in_flight_at_once() -> None:
    """Whatever the limit is; every resource gets its turn without reporting a wait."""

    async def story(world: World) -> None:
        world.client.latency = 0.01
        names = await begin(world, 40, 60000)
        assert world.client.most_in_flight <= 8
        assert reasons(world, names) == ["TokenValid"] * 40
        assert world.requests == 40

    play(story)


@pytest.mark.parametrize(("latency", "told"), [(1.0, False), (3.0, True)], ids=["fast", "slow"])
def test_waiting_for_our_own_throughput_is_not_reported(latency: float, told: bool) -> None:
    """60 resources of a fast endpoint cost two writes each, even if they wait 15 s; only a slow one is reported."""

    async def story(world: World) -> None:
        world.client.latency = latency
        with world.counting() as writes:
            names = await begin(world, 60, 60000)
            await world.until(EPOCH + 60 * latency / MAX_PER_NAMESPACE + 1)
        assert reasons(world, names) == ["TokenValid"] * 60
        counts = Counter((plural, name) for _, plural, name in writes)
        assert {counts["secrets", f"{name}-token"] for name in names} == {1}
        assert {counts[INTEGRATION_TOKENS, name] for name in names} == ({1, 2} if told else {1})

    play(story)


@pytest.mark.parametrize("came", [12.5, 14.5, 16.5, 18.5])
def test_a_newcomer_at_a_hanging_endpoint_reports_it(came: float) -> None:
    """At any time: a pass may fall on the moment when all requests in flight have just begun."""

    async def story(world: World) -> None:
        world.client.latency = 10.0
        world.client.outage = Transient(Reason.TIMEOUT, "no answer")
        await begin(world, 60, 60000)
        await world.until(EPOCH + came)
        world.clients["late"] = SECRET
        world.credentials("late", SECRET, "late")
        world.integration("late", credentialsSecretRef={"name": "late"}, target={"name": "late-token"})
        await world.until(EPOCH + came + 2 * TELL_AFTER)
        assert reasons(world, ["late"]) == ["RateLimited"]

    play(story)


def test_waiting_for_a_slow_api_server_is_not_blamed_on_the_endpoint(monkeypatch: pytest.MonkeyPatch) -> None:
    """An extra write each would only add to the API server's load."""

    async def story(world: World) -> None:
        called = world.cluster._called

        async def slowly(*arguments: Any) -> None:
            await asyncio.sleep(1.0)
            await called(*arguments)

        monkeypatch.setattr(world.cluster, "_called", slowly)
        with world.counting() as writes:
            names = await begin(world, 60, 60000)
            await world.until(EPOCH + 120)
        assert reasons(world, names) == ["TokenValid"] * 60
        counts = Counter(plural for _, plural, _ in writes)
        assert (counts["secrets"], counts[INTEGRATION_TOKENS]) == (60, 60)

    play(story)


def test_a_resource_deleted_in_the_queue_makes_room() -> None:
    """A resource whose endpoint is deleted reports that instead of waiting."""

    async def story(world: World) -> None:
        names = await begin(world, 4, 1)
        waiting = [name for name, reason in zip(names, reasons(world, names), strict=True) if reason == "RateLimited"]
        world.cluster.remove(INTEGRATION_TOKENS, NAMESPACE, waiting[0])
        await world.until(EPOCH + 61)
        assert world.requests == 2
        world.cluster.remove("tokenendpoints", NAMESPACE, "login")
        await world.settle()
        left = [name for name in waiting[1:] if reasons(world, [name]) == ["EndpointNotFound"]]
        assert len(left) >= 1
        await world.until(EPOCH + HOUR)
        assert world.requests == 2

    play(story)


def test_a_raised_limit_counts_at_once() -> None:
    """The endpoint's change wakes the waiting resources."""

    async def story(world: World) -> None:
        names = await begin(world, 6, 2)
        assert world.requests == 2
        world.endpoint(rateLimit={"requestsPerMinute": 600})
        await world.settle()
        assert reasons(world, names) == ["TokenValid"] * 6

    play(story)


def test_a_resource_that_waits_for_the_end_of_a_pause_stays_ready() -> None:
    """Waiting isn't reported while the token is valid, and costs no write."""

    async def story(world: World) -> None:
        names = await begin(world, 3, 60000)
        await world.until(EPOCH + HOUR * 0.5)
        world.fault(fault.retry_after(120), count=1)
        with world.counting() as writes:
            await world.until(EPOCH + HOUR * 0.95)
        assert reasons(world, names) == ["TokenValid"] * 3
        assert len([write for write in writes if write[1] == INTEGRATION_TOKENS]) <= 5

    play(story, Policy(lifetime=HOUR, lead=HOUR * 0.1))


def test_a_failing_refresh_that_waits_for_its_turn_still_says_why_it_fails() -> None:
    """The limit isn't what a user has to fix, and one event is enough."""

    async def story(world: World) -> None:
        world.clients["shop"] = "another secret"
        await world.begin()
        world.fault(fault.retry_after(800), count=1)
        world.credentials("other", "whatever", "other-integration")
        world.integration("other", credentialsSecretRef={"name": "other-integration"})
        await world.until(EPOCH + 750)
        assert world.ready == ("False", "AccessDenied")
        assert world.cluster.reasons().count("AccessDenied") == 1

    play(story)


def test_fixed_credentials_do_not_wait_behind_those_that_are_still_wrong() -> None:
    """A user's change goes ahead of retries of unchanged resources."""

    async def story(world: World) -> None:
        world.endpoint(rateLimit={"requestsPerMinute": 2})
        for number in range(20):
            world.credentials(client=f"client-{number}", name=f"credentials-{number}")
            world.integration(f"till-{number}", credentialsSecretRef={"name": f"credentials-{number}"})
        await world.operator.start()
        await world.until(EPOCH + 1200)
        world.clients["client-7"] = "mended"
        world.credentials(client="client-7", secret="mended", name="credentials-7")
        await world.until(EPOCH + 1265)
        assert world.condition_of("till-7") == ("True", "TokenValid")

    play(story)
