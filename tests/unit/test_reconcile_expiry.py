"""Expiries that the endpoint doesn't state: assumed, reported as such, extended only in the status, and no deadline."""

import pytest
from integration_token.api.names import INTEGRATION_TOKENS

from tests.fakes import fault
from tests.fakes.fault import Fault
from tests.fakes.issuer import Grant, Policy
from tests.unit.sharing import sharing
from tests.unit.virtual import EPOCH
from tests.unit.world import NAMESPACE, World, play

HOUR = 3600.0
DAY = 24 * HOUR
DAILY = Policy(lifetime=DAY, lead=HOUR)


def messages(world: World, reason: str) -> list[str]:
    """The messages of events with that reason."""
    return [event["message"] for event in world.cluster.events if event["reason"] == reason]


def ready_message(world: World) -> str:
    """The message of the Ready condition."""
    return str(next(each["message"] for each in world.status()["conditions"] if each["type"] == "Ready"))


@pytest.mark.parametrize(
    ("dialect", "why"),
    [
        (fault.EXPIRES_MISSING, "a token without expires_in:"),
        (fault.EXPIRES_EMPTY, "a token without expires_in:"),
        (fault.EXPIRES_ON, "(expires_on and expires_at are not read)"),
        (fault.EXPIRES_ZERO, "an expires_in of 0 or -1"),
        (fault.EXPIRES_TEXT, "an expires_in that is not a number of seconds"),
    ],
    ids=["missing", "empty", "expires_on alone", "zero", "text"],
)
def test_a_token_of_unknown_expiry_is_written_and_reported_as_such(dialect: Fault, why: str) -> None:
    """Ready says what is assumed and what to do about it; one event gives the reason."""

    async def story(world: World) -> None:
        world.fault(dialect)
        await world.begin()
        assert world.ready == ("True", "TokenValid")
        assert world.status()["expirationAssumed"] is True
        assert world.status()["lifetimeSeconds"] == HOUR
        assert world.status()["expirationTime"] in ready_message(world)
        assert "set spec.defaultLifetime of TokenEndpoint login" in ready_message(world)
        await world.until(EPOCH + 3 * HOUR)
        told = messages(world, "ExpirationAssumed")
        assert len(told) == 1
        assert why in told[0]

    play(story, DAILY)


def test_a_stated_expiry_is_not_reported_as_assumed() -> None:
    """The field is absent then."""

    async def story(world: World) -> None:
        await world.begin()
        assert "expirationAssumed" not in world.status()
        assert not messages(world, "ExpirationAssumed")

    play(story)


def test_the_same_token_puts_an_assumed_expiry_off_in_the_status_alone() -> None:
    """The Secret stays byte for byte the same, so that nothing restarts pods for a token that they have."""

    async def story(world: World) -> None:
        world.fault(fault.EXPIRES_MISSING)
        await world.begin()
        secret, before = world.secret(), world.status()
        await world.until(EPOCH + 12 * HOUR)
        after = world.status()
        assert world.requests > 10
        assert world.secret() == secret
        assert after["expirationTime"] > before["expirationTime"]
        assert after["renewalTime"] > before["renewalTime"]
        assert after["issueTime"] == before["issueTime"]
        assert after["lifetimeSeconds"] == before["lifetimeSeconds"]
        assert after["expirationTime"] in ready_message(world)
        assert world.cluster.reasons() == ["Issued", "ExpirationAssumed"]

    play(story, DAILY)


def test_a_restart_goes_by_the_expiry_that_was_put_off() -> None:
    """It requests and writes nothing before the next poll is due."""

    async def story(world: World) -> None:
        world.fault(fault.EXPIRES_MISSING)
        await world.begin()
        await world.until(EPOCH + 5.1 * HOUR)
        before, asked = world.status(), world.requests
        with world.counting() as writes:
            await world.restart()
            await world.until(EPOCH + 5.3 * HOUR)
        assert world.status() == before
        assert (world.requests, writes) == (asked, [])

    play(story, DAILY)


def test_a_status_that_somebody_wrote_delays_nothing_indefinitely() -> None:
    """After a restart it counts for no more than a fresh response would."""

    async def story(world: World) -> None:
        world.fault(fault.EXPIRES_MISSING)
        await world.begin()
        told = {"expirationTime": "2999-01-01T00:00:00Z"}
        world.cluster.edit(INTEGRATION_TOKENS, NAMESPACE, "shop", lambda body: body["status"].update(told))
        asked = world.requests
        await world.restart()
        await world.until(EPOCH + HOUR + 60)
        assert world.requests > asked

    play(story, DAILY)


def test_an_assumed_expiry_is_no_deadline() -> None:
    """If the endpoint fails for long, the token may still be valid: Ready stays, and Refreshed says why."""

    async def story(world: World) -> None:
        world.fault(fault.EXPIRES_MISSING)
        await world.begin()
        world.fault(fault.status(500))
        await world.until(EPOCH + 4 * HOUR)
        assert world.ready == ("True", "TokenValid")
        assert world.refreshed == ("False", "EndpointError")
        assert world.token() == 1

    play(story, DAILY)


def test_an_expiry_that_is_finally_stated_replaces_an_assumed_one() -> None:
    """It is then a deadline like any other, and never extended."""

    async def story(world: World) -> None:
        world.fault(fault.EXPIRES_MISSING)
        await world.begin()
        world.mend()
        world.fault(fault.FROZEN)
        await world.until(EPOCH + 2 * HOUR)
        known = world.status()
        assert "expirationAssumed" not in known
        assert world.token() == 1
        await world.until(EPOCH + DAY * 0.9)
        assert world.status()["expirationTime"] == known["expirationTime"]

    play(story, DAILY)


def test_another_token_follows_one_of_unknown_expiry_whatever_it_states() -> None:
    """The old token's assumed expiry doesn't make it better."""

    async def story(world: World) -> None:
        world.fault(fault.EXPIRES_MISSING)
        await world.begin()
        world.mend()
        world.endpoint(defaultLifetime="24h")
        world.issuer.roll_over()
        world.fault(fault.SHORTER_LIVED, count=1)
        world.request_renewal("now")
        await world.settle()
        assert world.token() == 2

    play(story, DAILY)


def test_an_expires_in_of_zero_is_looked_at_again_soon() -> None:
    """The cached token may just have expired. Five extra requests in the first hour, then the assumed lifetime."""

    async def story(world: World) -> None:
        world.fault(fault.EXPIRES_ZERO)
        await world.begin()
        await world.until(EPOCH + HOUR)
        assert world.requests <= 9
        await world.until(EPOCH + 2 * HOUR)
        asked = world.requests
        await world.until(EPOCH + 12 * HOUR)
        assert world.requests - asked <= 13

    play(story, DAILY)


def test_an_expired_token_of_a_cache_gives_way_soon() -> None:
    """The cache returns it with an expires_in of 0 for another 4 min."""

    async def story(world: World) -> None:
        world.issuer.answer(Grant("shop"), EPOCH - HOUR - 60)
        await world.begin()
        await world.until(EPOCH + 257)
        assert world.token() == 2
        assert "expirationAssumed" not in world.status()

    play(story, Policy(lifetime=HOUR, lead=-300))


def test_an_expires_in_of_zero_never_replaces_a_good_token() -> None:
    """A replica of the endpoint may return an expired token from its cache."""

    async def story(world: World) -> None:
        await world.begin()
        world.issuer.roll_over()
        world.fault(fault.EXPIRES_ZERO, count=1)
        world.request_renewal("now")
        await world.settle()
        assert world.token() == 1
        assert world.ready == ("True", "TokenValid")

    play(story, DAILY)


def test_sharers_put_an_assumed_expiry_off_together() -> None:
    """With one request for all, and without writing any Secret."""

    async def story(world: World) -> None:
        world.fault(fault.EXPIRES_MISSING)
        names = ["shop", "till", "stock"]
        await sharing(world, *names)
        secrets = {name: world.secret(name) for name in names}
        await world.until(EPOCH + 12 * HOUR)
        assert {name: world.secret(name) for name in names} == secrets
        assert world.requests <= 18
        told = {name: world.status(name)["expirationTime"] for name in names}
        assert min(told.values()) > "2027-01-15T19"
        assert set(world.cluster.reasons()) == {"Issued", "ExpirationAssumed"}

    play(story, DAILY)


def test_beyond_the_maximum_lifetime_the_token_is_asked_for_again() -> None:
    """The endpoint says ten years and means a day."""

    async def story(world: World) -> None:
        world.credentials()
        world.integration()
        world.endpoint(maximumLifetime="24h")
        await world.operator.start()
        await world.settle()
        assert world.status()["lifetimeSeconds"] == DAY
        assert world.status()["expirationAssumed"] is True
        assert "beyond spec.maximumLifetime" in messages(world, "ExpirationAssumed")[0]

    play(story, Policy(lifetime=3650 * DAY))


@pytest.mark.parametrize("skew", [7200.0, -7200.0])
def test_a_clock_that_is_hours_off_is_reported_once_for_each_token(skew: float) -> None:
    """The message says how far off it is, and what to check."""

    async def story(world: World) -> None:
        world.fault(fault.dated(skew))
        await world.begin()
        await world.until(EPOCH + 23.5 * HOUR)
        told = messages(world, "ClockSkew")
        assert len(told) == world.token() == 2
        assert ("7200 s ahead of" if skew > 0 else "7200 s behind") in told[0]

    play(story, DAILY)
