"""A problem of resources that share a token costs one request for all of them."""

from integration_token.api.condition import ConditionType
from integration_token.api.names import (
    INTEGRATION_TOKENS,
)
from integration_token.errors import Denied, Transient

from tests.fakes import fault
from tests.unit.sharing import sharing
from tests.unit.virtual import EPOCH
from tests.unit.world import NAMESPACE, SECRET, World, play

DAY = 86400.0
HOUR = 3600.0


def test_a_renewal_request_does_not_keep_a_resource_without_a_token_from_a_valid_one() -> None:
    """During an outage another resource's token is better than none."""

    async def story(world: World) -> None:
        await sharing(world, "shop", "till")
        world.client.outage = Transient("EndpointUnreachable", "no connection")
        world.request_renewal("now")
        world.cluster.remove("secrets", NAMESPACE, "shop")
        await world.settle()
        assert world.token() == 1

    play(story)


def test_a_refusal_is_shared_as_well() -> None:
    """Ten resources with a wrong secret cost the requests of one, and all give the reason."""

    async def story(world: World) -> None:
        world.clients["shop"] = "another"
        names = ["shop", *(f"till-{number}" for number in range(9))]
        await sharing(world, *names)
        assert world.requests == 1
        assert {world.condition_of(name) for name in names} == {("False", "AccessDenied")}
        await world.until(EPOCH + 16 * 60)
        assert world.requests == 6
        world.clients["shop"] = SECRET
        await world.until(EPOCH + 21 * 60)
        assert world.requests == 7
        assert {world.token(name) for name in names} == {1}

    play(story)


def test_credentials_that_are_wrong_again_cost_one_request_for_all() -> None:
    """Whatever was changed, only the first request is refused."""

    async def story(world: World) -> None:
        world.clients["shop"] = "another"
        await sharing(world, "shop", *(f"till-{number}" for number in range(19)))
        assert world.requests == 1
        world.credentials(secret="wrong again")
        await world.until(EPOCH + 2)
        assert world.requests == 2
        world.endpoint(timeout="9s")
        await world.until(EPOCH + 4)
        assert world.requests == 3

    play(story)


def test_a_moments_wait_an_hour_ago_is_no_news() -> None:
    """RateLimited isn't reported for the time that another resource's request takes."""

    async def story(world: World) -> None:
        world.client.latency = 0.3
        await sharing(world, "shop", *(f"till-{number}" for number in range(19)))
        await world.until(EPOCH + HOUR)
        world.clients["shop"] = "rotated"
        with world.counting() as writes:
            world.credentials(secret="rotated")
            await world.until(EPOCH + HOUR + 5)
        # The resource that asked may have been given a second less.
        assert len({name for _, plural, name in writes if plural == INTEGRATION_TOKENS}) <= 1

    play(story)


def test_an_endpoint_that_works_again_is_asked_by_one_for_all() -> None:
    """If it still returns the same token, the others learn from that response."""

    async def story(world: World) -> None:
        names = ["shop", *(f"till-{number}" for number in range(9))]
        await sharing(world, *names)
        await world.until(EPOCH + DAY - 5 * HOUR)
        world.client.outage = Transient("EndpointUnreachable", "no connection")
        await world.until(EPOCH + DAY - 3 * HOUR)
        assert world.refreshed == ("False", "EndpointUnreachable")
        world.mend()
        failed = world.requests
        await world.until(EPOCH + DAY - 2.6 * HOUR)
        assert world.requests - failed <= 2
        assert {world.condition(ConditionType.REFRESHED, name) for name in names} == {("True", "Refreshed")}

    play(story)


def test_an_outage_is_shared_as_well() -> None:
    """Ten resources back off together, and recover together."""

    async def story(world: World) -> None:
        world.fault(fault.status(500))
        names = ["shop", *(f"till-{number}" for number in range(9))]
        await sharing(world, *names)
        await world.until(EPOCH + 3600)
        assert world.requests < 90
        world.mend()
        await world.until(EPOCH + 3700)
        assert {world.condition_of(name) for name in names} == {("True", "TokenValid")}

    play(story)


def test_a_fixed_spec_does_not_wait_for_the_others_failure() -> None:
    """A renewal request is followed at once, even though the grant is backing off."""

    async def story(world: World) -> None:
        world.clients["shop"] = "another"
        await sharing(world, "shop", "till")
        world.clients["shop"] = SECRET
        world.request_renewal("now")
        await world.settle()
        assert world.ready == world.condition_of("till") == ("True", "TokenValid")
        assert world.requests == 2

    play(story)


def test_the_others_renew_when_the_one_that_asked_is_deleted() -> None:
    """No single resource is responsible for the grant."""

    async def story(world: World) -> None:
        await sharing(world, "shop", "till")
        await world.until(EPOCH + DAY - 4 * HOUR)
        world.cluster.remove(INTEGRATION_TOKENS, NAMESPACE, "shop")
        await world.until(EPOCH + 2 * DAY - HOUR / 2)
        assert world.token("till") == 3
        assert world.requests <= 9

    play(story)


def test_a_token_that_one_could_not_write_reaches_the_others() -> None:
    """A quota in one namespace must not let a token expire in another."""

    async def story(world: World) -> None:
        await sharing(world, "shop", "till")
        world.cluster.fail("replace", "secrets", Denied("403 exceeded quota", status=403), 1)
        await world.until(EPOCH + DAY)
        assert [world.token("shop"), world.token("till")] == [2, 2]
        assert world.requests <= 7

    play(story)
