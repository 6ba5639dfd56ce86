"""A stepped wall clock or a suspended machine costs no token and causes no loop."""

from integration_token.api.value import parse_time

from tests.fakes.issuer import Policy
from tests.unit.sharing import sharing
from tests.unit.virtual import EPOCH
from tests.unit.world import World, play

DAY = 86400.0
HOUR = 3600.0


def test_a_wall_clock_set_back_an_hour_loses_no_renewal_of_any_token() -> None:
    """Tokens that live shorter than the step are judged by elapsed time, not by the new reading."""

    async def story(world: World) -> None:
        await world.begin()
        await world.until(EPOCH + 5)
        world.clock.step(-HOUR)
        for second in range(6, 200):
            await world.until(EPOCH + second)
            assert world.ready == ("True", "TokenValid"), f"{second} s"
        assert world.requests < 30
        assert "InvalidResponse" not in world.cluster.reasons()

    play(story, Policy(lifetime=20, lead=8), glance=1)


def test_a_wall_clock_set_back_an_hour_keeps_a_good_token_ready() -> None:
    """A poll's `expires_in` then counts from the earlier reading: that isn't an earlier expiry."""

    async def story(world: World) -> None:
        await world.begin()
        await world.until(EPOCH + DAY * 0.85)
        requests = world.requests
        world.clock.step(-HOUR)
        await world.until(EPOCH + DAY * 0.96)
        assert world.requests > requests
        assert world.ready == ("True", "TokenValid")
        await world.until(EPOCH + DAY)
        assert world.token() == 2
        assert world.requests <= 5

    play(story)


def test_a_wall_clock_set_forward_an_hour_loops_nowhere() -> None:
    """It costs one extra request at worst."""

    async def story(world: World) -> None:
        await world.begin()
        await world.until(EPOCH + HOUR)
        world.clock.step(HOUR)
        await world.until(EPOCH + DAY * 0.5)
        assert world.requests == 1
        await world.until(EPOCH + DAY)
        assert world.token() == 2
        assert world.requests <= 16
        assert world.ready == ("True", "TokenValid")

    play(story)


def test_a_suspend_over_the_expiry_is_made_up_for_at_once() -> None:
    """CLOCK_BOOTTIME continues while the machine sleeps."""

    async def story(world: World) -> None:
        await world.begin()
        await world.until(EPOCH + HOUR)
        world.clock.advance(DAY)
        await world.until(EPOCH + HOUR + DAY + 2)
        assert world.token() == 2

    play(story, glance=1)


def test_a_wall_clock_that_is_set_forward_and_back_keeps_no_token_waiting() -> None:
    """A poll planned by the wrong clock says nothing about when to poll by the right one."""

    async def story(world: World) -> None:
        await world.begin()
        await world.until(EPOCH + 30)
        world.clock.step(HOUR)
        await world.until(EPOCH + 60)
        world.clock.step(-HOUR)
        for second in range(62, 140):
            await world.until(EPOCH + second)
            assert parse_time(world.status()["expirationTime"]) >= EPOCH + second, second  # in whole seconds
        assert world.requests <= 16

    play(story, Policy(lifetime=30, lead=5), glance=1)


def test_a_clock_that_was_set_back_before_a_restart_keeps_no_expired_token() -> None:
    """A token from the future shows at least how far the clock was set back."""

    async def story(world: World) -> None:
        await world.begin()
        await world.until(EPOCH + 600)
        world.clock.step(-HOUR)
        await world.restart(kill=True)
        await world.until(EPOCH + 1800 + 660)
        assert world.token() == 2
        assert world.ready == ("True", "TokenValid")

    play(story, Policy(lifetime=1800, lead=300), glance=10)


def test_a_clock_that_is_set_back_ends_no_sharing() -> None:
    """Twenty resources still follow one request."""

    async def story(world: World) -> None:
        names = ["shop", *(f"till-{number}" for number in range(19))]
        await sharing(world, *names)
        await world.until(EPOCH + 600)
        world.clock.step(-HOUR)
        await world.until(EPOCH + 3 * HOUR)
        assert world.requests <= 20
        assert {world.condition_of(name) for name in names} == {("True", "TokenValid")}

    play(story, Policy(lifetime=1800, lead=300), glance=60)
