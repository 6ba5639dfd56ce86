"""Odd responses, the operator's own past and neighbours can't make it misbehave."""

import itertools
from typing import Any

import pytest
from integration_token.api.condition import ConditionType
from integration_token.api.names import ASSUMED_ANNOTATION, INTEGRATION_TOKENS

from tests.fakes import fault
from tests.fakes.fault import Fault
from tests.fakes.issuer import Grant, Issued, Issuer, Policy
from tests.unit.sharing import CLUSTER, OTHER, across
from tests.unit.virtual import EPOCH
from tests.unit.world import NAMESPACE, World, play

HOUR = 3600.0


def rollover(world: World) -> tuple[str, str]:
    """The RolloverTooLate condition."""
    return world.condition(ConditionType.ROLLOVER_TOO_LATE)


def expired(issuer: Issuer, grant: Grant, now: float) -> Issued:
    """A replica caches a token that expired long ago, with its expires_in down to 0."""
    return Issued(issuer.mint(grant, now - 90000, issuer.policy(grant)), 0, minted=False)


@pytest.mark.parametrize("policy", [Policy(cached=False), Policy(alternating=True)], ids=["uncached", "alternating"])
def test_an_endpoint_that_means_never_by_zero_is_not_asked_all_the_time(policy: Policy) -> None:
    """Even if each response has a new token: apart from a few, no more often than without an expiry."""

    async def story(world: World) -> None:
        world.fault(fault.EXPIRES_ZERO)
        await world.begin()
        await world.until(EPOCH + 24 * HOUR)
        assert world.requests < 60

    play(story, policy)


def test_refusals_and_faults_in_turn_are_no_reason_to_ask_all_the_time() -> None:
    """Two servers share a name, one is broken, and the other refuses the client."""

    async def story(world: World) -> None:
        turns = itertools.cycle([fault.status(401), fault.status(503)])
        world.service._fault = lambda _: next(turns)  # type: ignore[method-assign,assignment]
        await world.begin()
        await world.until(EPOCH + 3 * HOUR)
        assert world.requests < 250

    play(story)


def test_a_neighbour_that_is_answered_an_expired_token_takes_nobodys_good_one() -> None:
    """After a restart, a neighbour gets an expired token from a cache; a token valid for half an hour is kept."""

    async def story(world: World) -> None:
        world.cluster_endpoint()
        for namespace in (NAMESPACE, OTHER):
            world.namespace(namespace)
            world.credentials(namespace=namespace)
        world.integration(**CLUSTER)
        await world.operator.start()
        await world.until(EPOCH + 23.5 * HOUR)
        assert world.token() == 1
        await world.restart()
        world.fault(Fault("expired in a replica", lambda reply, _: reply, issue=expired), count=1)
        world.integration(namespace=OTHER, **CLUSTER)
        await world.until(EPOCH + 23.6 * HOUR)
        assert world.token() == 1

    play(story, Policy(lead=0))


def _strip(world: World) -> None:
    annotations = world.cluster.object("secrets", NAMESPACE, "shop")["metadata"]["annotations"]
    if ASSUMED_ANNOTATION in annotations:
        world.cluster.edit(
            "secrets", NAMESPACE, "shop", lambda body: body["metadata"]["annotations"].pop(ASSUMED_ANNOTATION)
        )


def test_a_neighbour_teaches_nobody_by_what_it_takes_off_its_secret() -> None:
    """Without a stated expiry nothing is learned about the rollover, whatever another namespace's Secret says."""

    async def story(world: World) -> None:
        world.fault(fault.EXPIRES_MISSING)
        await across(world)
        for hour in range(1, 30):
            await world.until(EPOCH + (hour - 0.5) * HOUR)
            _strip(world)
        status: dict[str, Any] = world.cluster.object(INTEGRATION_TOKENS, OTHER, "shop")["status"]
        assert "rolloverLeadSeconds" not in status
        assert world.requests < 100

    play(story)


def test_an_assumed_expiry_stays_one_though_its_annotation_is_gone() -> None:
    """Removing an annotation leaves no trace in the API server's record of field managers."""

    async def story(world: World) -> None:
        world.fault(fault.EXPIRES_MISSING)
        await world.begin()
        await world.until(EPOCH + 600)
        _strip(world)
        await world.until(EPOCH + 12 * HOUR)
        assert world.requests < 40
        assert world.ready == ("True", "TokenValid")

    play(story)


def test_a_lateness_that_an_earlier_version_reported_for_a_short_lifetime_is_soon_withdrawn() -> None:
    """The endpoint issues a new token for each request, and the wider window would show it."""

    async def story(world: World) -> None:
        await world.begin()
        await world.until(EPOCH + 150)

        def as_it_was(body: Any) -> None:
            body["status"]["rolloverLeadSeconds"] = 38
            late = next(each for each in body["status"]["conditions"] if each["type"] == "RolloverTooLate")
            late |= {"status": "True", "reason": "RolloverTooLate", "message": "late"}

        world.cluster.edit(INTEGRATION_TOKENS, NAMESPACE, "shop", as_it_was)
        await world.restart()
        await world.until(EPOCH + 150 + 5 * 200)
        assert rollover(world)[1] != "RolloverTooLate"

    play(story, Policy(lifetime=200, cached=False))


def test_a_token_first_seen_late_in_its_life_is_no_short_lived_one() -> None:
    """A cache had it before the operator did."""

    async def story(world: World) -> None:
        world.issuer.answer(Grant("shop"), EPOCH - HOUR + 100)
        await world.begin()
        assert rollover(world)[1] != "LifetimeTooShort"

    play(story, Policy(lifetime=HOUR, lead=0))


def test_too_short_a_lifetime_is_reported_only_while_it_lasts() -> None:
    """Once the endpoint issues one-day tokens, it is no longer said to issue tokens of 100 s."""

    async def story(world: World) -> None:
        await world.begin()
        await world.until(EPOCH + 600)
        assert rollover(world)[1] == "LifetimeTooShort"
        world.issuer._policy = Policy(cached=False)
        await world.until(EPOCH + 700)
        assert world.status()["lifetimeSeconds"] == 86400
        assert rollover(world)[1] != "LifetimeTooShort"

    play(story, Policy(lifetime=100, cached=False))


def test_the_message_about_a_lifetime_beyond_the_maximum_names_the_field_that_helps() -> None:
    """Another default lifetime would make no difference."""

    async def story(world: World) -> None:
        world.endpoint(maximumLifetime="1h")
        world.credentials()
        world.integration()
        await world.operator.start()
        await world.settle()
        message = next(each["message"] for each in world.status()["conditions"] if each["type"] == "Ready")
        assert "defaultLifetime" not in message
        assert "maximumLifetime" in message

    play(story)
