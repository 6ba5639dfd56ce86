"""What is learned about the rollover, how it is used, and what teaches nothing."""

import pytest
from integration_token.api.condition import ConditionType
from integration_token.api.names import (
    INTEGRATION_TOKENS,
    ISSUE_TIME_ANNOTATION,
)
from integration_token.api.value import parse_time
from integration_token.errors import Transient
from integration_token.renewal.schedule import turn

from tests.fakes.issuer import Policy
from tests.unit.virtual import EPOCH
from tests.unit.world import NAMESPACE, World, play

DAY = 86400.0
HOUR = 3600.0


def test_a_learned_lead_is_reported_with_the_renewal_and_outlives_a_restart() -> None:
    """From the second token on one request is enough, whichever process sends it."""

    async def story(world: World) -> None:
        await world.begin()
        assert "rolloverLeadSeconds" not in world.status()
        assert world.condition(ConditionType.ROLLOVER_TOO_LATE) == ("Unknown", "RolloverUnknown")
        await world.until(EPOCH + DAY)
        assert 1800 <= world.status()["rolloverLeadSeconds"] <= 3600
        assert world.condition(ConditionType.ROLLOVER_TOO_LATE) == ("False", "RolloverInTime")
        before, early = world.requests, 0
        for day in (2, 3, 4):
            # Now and then a token is polled once more to see whether the rollover comes earlier.
            issued = parse_time(world.secret()["metadata"]["annotations"][ISSUE_TIME_ANNOTATION])
            early += turn(issued) == 0
            await world.restart(kill=True)
            await world.until(EPOCH + day * DAY)
        assert world.requests - before == 3 + early

    play(story)


def test_a_learned_lead_is_reported_although_somebody_touched_the_resource_meanwhile() -> None:
    """A conflict loses nothing that was learned."""

    async def story(world: World) -> None:
        await world.begin()
        world.cluster.before("patch status", INTEGRATION_TOKENS, lambda: world.label("touched", "yes"))
        await world.until(EPOCH + DAY)
        assert world.token() == 2
        assert world.status()["rolloverLeadSeconds"] >= 1800

    play(story)


def test_a_learned_lead_outlives_a_target_that_is_deleted_during_an_outage() -> None:
    """It belongs to the endpoint, not to the token."""

    async def story(world: World) -> None:
        await world.begin()
        await world.until(EPOCH + DAY)
        lead = world.status()["rolloverLeadSeconds"]
        world.client.outage = Transient("EndpointUnreachable", "no connection")
        world.cluster.remove("secrets", NAMESPACE, "shop")
        await world.settle()
        assert world.status()["rolloverLeadSeconds"] == lead

    play(story)


def test_a_late_rollover_is_reported_once() -> None:
    """A condition and an event say what to do."""

    async def story(world: World) -> None:
        await world.begin()
        await world.until(EPOCH + 4 * DAY)
        assert world.condition(ConditionType.ROLLOVER_TOO_LATE) == ("True", "RolloverTooLate")
        assert world.cluster.reasons().count("RolloverTooLate") == 1
        assert 45 <= world.status()["rolloverLeadSeconds"] <= 60

    play(story, Policy(lead=60))


@pytest.mark.parametrize("lead", [0, -1, -2, -10])
@pytest.mark.parametrize("latency", [0, 0.2])
def test_a_late_rollover_stays_late_and_costs_three_requests_at_most(lead: float, latency: float) -> None:
    """Whole seconds in expires_in and a slow network don't make it look different."""

    async def story(world: World) -> None:
        world.client.latency = latency
        await world.begin()
        await world.until(EPOCH + 40 * 1096.633)
        assert world.cluster.reasons().count("RolloverTooLate") == 1
        assert world.condition(ConditionType.ROLLOVER_TOO_LATE) == ("True", "RolloverTooLate")
        assert world.requests <= 3 * 40 + 20

    play(story, Policy(lifetime=1096.633, lead=lead))


def test_a_stated_lead_spares_the_polls_of_the_first_token() -> None:
    """Two requests: the first token and its renewal; three if the token is one of those that are probed."""

    async def story(world: World) -> None:
        world.endpoint(rolloverLead="1h")
        world.credentials()
        world.integration()
        await world.operator.start()
        await world.until(EPOCH + DAY)
        assert world.token() == 2
        assert world.requests == 2 + (turn(EPOCH) == 0)

    play(story)


@pytest.mark.parametrize("delay", [60, 600])
def test_consumers_that_go_on_with_an_old_token_have_the_next_one_in_time(delay: int) -> None:
    """From the first renewal on, with a lead of four minutes plus their delay, and 90 s for the kubelet."""

    async def story(world: World) -> None:
        await world.begin(consumerDelay=f"{delay}s")
        for number in (1, 2, 3):
            expires = parse_time(world.status()["expirationTime"])
            assert world.token() == number
            await world.until(expires - 90 - delay)
            assert world.token() == number + 1
        assert world.condition(ConditionType.ROLLOVER_TOO_LATE)[0] != "True"

    play(story, Policy(lead=241 + delay))


def test_a_delay_that_is_specified_later_moves_the_plan_and_asks_for_nothing() -> None:
    """It only writes the status, with the spec's generation. Reverting it restores everything."""

    async def story(world: World) -> None:
        await world.begin()
        await world.until(EPOCH + 60)
        renewal, plain = world.status()["renewalTime"], world.secret()
        world.integration(consumerDelay="1m")
        await world.settle()
        assert parse_time(renewal) - parse_time(world.status()["renewalTime"]) == 60
        world.integration()
        await world.settle()
        assert world.status()["renewalTime"] == renewal
        assert (world.requests, world.secret()) == (1, plain)
        world.integration(consumerDelay="1m")
        await world.until(EPOCH + 900 - 300 - 1)
        assert world.requests == 1
        await world.until(EPOCH + 900 - 300 + 13)
        assert (world.requests, world.token()) == (2, 2)

    play(story, Policy(lifetime=900, cached=False))


def test_a_delay_that_is_specified_later_moves_a_poll_that_no_window_moves() -> None:
    """A fifth of a day exceeds any delay, and the learned lead is too short for this one."""

    async def story(world: World) -> None:
        world.endpoint(rolloverLead="400s")
        world.credentials()
        world.integration()
        await world.operator.start()
        await world.until(EPOCH + DAY + HOUR)
        assert world.status()["rolloverLeadSeconds"] < 400
        world.integration(consumerDelay="10m")
        await world.settle()
        expires = parse_time(world.status()["expirationTime"])
        await world.until(expires - 840 + 1)
        assert world.token() == 3

    play(story, Policy(lead=HOUR))


def test_a_lead_that_is_stated_later_counts_from_then_on() -> None:
    """As long as nothing that counts more was learned."""

    async def story(world: World) -> None:
        await world.begin()
        await world.until(EPOCH + HOUR)
        world.endpoint(rolloverLead="1h")
        await world.until(EPOCH + DAY)
        assert world.token() == 2
        assert world.requests == 2 + (turn(EPOCH) == 0)

    play(story)


def test_a_renewal_request_before_the_window_leaves_the_plan_unchanged() -> None:
    """The learned poll still takes place."""

    async def story(world: World) -> None:
        await world.begin()
        await world.until(EPOCH + DAY + HOUR)
        expires = parse_time(world.status()["expirationTime"])
        world.request_renewal("now")
        await world.settle()
        before = world.requests
        await world.until(expires - 1.5 * HOUR)
        assert (world.token(), world.requests) == (2, before)
        await world.until(expires - HOUR / 2)
        assert (world.token(), world.requests) == (3, before + 1)

    play(story)


def test_a_wall_clock_that_is_set_teaches_nothing() -> None:
    """Two hours forward make a token expire early; the next one is renewed as if that hadn't happened."""

    async def story(world: World) -> None:
        await world.begin()
        await world.until(EPOCH + DAY)
        lead = world.status()["rolloverLeadSeconds"]
        await world.until(EPOCH + DAY + HOUR)
        world.clock.step(2 * HOUR)
        await world.until(EPOCH + 2 * DAY)
        assert world.token() == 3
        assert world.status()["rolloverLeadSeconds"] == lead

    play(story)


def test_an_outage_over_expiry_is_followed_by_a_renewal_and_no_wrong_lesson() -> None:
    """The next token is polled as if nothing had been learned, not as late as this one came."""

    async def story(world: World) -> None:
        await world.begin()
        await world.until(EPOCH + DAY - 2 * HOUR)
        world.client.outage = Transient("EndpointUnreachable", "no connection")
        await world.until(EPOCH + DAY + 3 * HOUR)
        world.mend()
        await world.until(EPOCH + DAY + 3 * HOUR + 60)
        assert world.token() == 2
        await world.until(EPOCH + 2 * DAY + 3 * HOUR - HOUR / 2)
        assert world.token() == 3

    play(story)
