"""What goes wrong for one of those who share a token goes wrong once for all of them."""

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


def test_a_wish_does_not_keep_a_resource_without_a_token_from_a_good_one() -> None:
    """During an outage the others' is better than none."""

    async def story(world: World) -> None:
        await sharing(world, "shop", "till")
        world.client.outage = Transient("EndpointUnreachable", "no connection")
        world.request_renewal("now")
        world.cluster.remove("secrets", NAMESPACE, "shop")
        await world.settle()
        assert world.token() == 1

    play(story)


def test_a_refusal_is_shared_as_well() -> None:
    """Ten resources with a wrong secret cost the requests of one, and all say why."""

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
    """Whatever is changed, only the first to ask is refused."""

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
    """Nobody is told RateLimited for the time that another's request takes."""

    async def story(world: World) -> None:
        world.client.latency = 0.3
        await sharing(world, "shop", *(f"till-{number}" for number in range(19)))
        await world.until(EPOCH + HOUR)
        world.clients["shop"] = "rotated"
        with world.counting() as writes:
            world.credentials(secret="rotated")
            await world.until(EPOCH + HOUR + 5)
        # The one that asked may have been told a second less.
        assert len({name for _, plural, name in writes if plural == INTEGRATION_TOKENS}) <= 1

    play(story)


def test_an_endpoint_that_works_again_is_asked_by_one_for_all() -> None:
    """Where it still answers the same token, the others are told by that answer."""

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


def test_who_mends_the_spec_is_not_kept_waiting_by_the_others_failure() -> None:
    """A wish for a renewal asks at once, though the grant is backing off."""

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
    """Nobody is the grant's only guardian."""

    async def story(world: World) -> None:
        await sharing(world, "shop", "till")
        await world.until(EPOCH + DAY - 4 * HOUR)
        world.cluster.remove(INTEGRATION_TOKENS, NAMESPACE, "shop")
        await world.until(EPOCH + 2 * DAY - HOUR / 2)
        assert world.token("till") == 3
        assert world.requests <= 9

    play(story)


def test_a_token_that_one_could_not_write_reaches_the_others() -> None:
    """A quota in one place is no reason to let a token expire in another."""

    async def story(world: World) -> None:
        await sharing(world, "shop", "till")
        world.cluster.fail("replace", "secrets", Denied("403 exceeded quota", status=403), 1)
        await world.until(EPOCH + DAY)
        assert [world.token("shop"), world.token("till")] == [2, 2]
        assert world.requests <= 7

    play(story)
