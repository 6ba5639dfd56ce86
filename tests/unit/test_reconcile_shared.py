"""One grant, one request: resources whose requests would be the same get the same token, and no others do."""

from typing import Any

import pytest
from integration_token.api.names import (
    INTEGRATION_TOKENS,
    LIFETIME_ANNOTATION,
    MANAGER,
)
from integration_token.api.value import parse_time
from integration_token.errors import Denied

from tests.fakes import fault
from tests.fakes.issuer import Policy
from tests.unit.sharing import CLUSTER, OTHER, across, saved, sharing
from tests.unit.virtual import EPOCH
from tests.unit.world import NAMESPACE, SECRET, World, encoded, play

DAY = 86400.0
HOUR = 3600.0


def test_resources_with_the_same_request_share_its_answer() -> None:
    """Three resources, created together."""

    async def story(world: World) -> None:
        await sharing(world, "shop", "till", "stock")
        assert world.requests == 1
        assert [world.token(name) for name in ("shop", "till", "stock")] == [1, 1, 1]
        assert {world.secret(name)["data"]["expires_at"] for name in ("shop", "till", "stock")} == {
            world.secret()["data"]["expires_at"]
        }
        assert all(world.condition_of(name) == ("True", "TokenValid") for name in ("shop", "till", "stock"))
        assert saved(world) == 2

    play(story)


def test_a_shared_token_is_renewed_by_the_requests_of_one() -> None:
    """Over a week: as many requests as for a single resource, and every resource follows at once."""

    async def alone(world: World) -> None:
        await sharing(world, "shop")
        await world.until(EPOCH + 7 * DAY)
        counts.append(world.requests)

    async def together(world: World) -> None:
        await sharing(world, "shop", "till", "stock")
        await world.until(EPOCH + 7 * DAY)
        counts.append(world.requests)
        assert len({world.token(name) for name in ("shop", "till", "stock")}) == 1

    counts: list[int] = []
    play(alone)
    play(together)
    assert counts[1] <= counts[0] + 1


def test_a_late_comer_copies_the_token_that_another_holds() -> None:
    """With its expiry and its lifetime as first seen."""

    async def story(world: World) -> None:
        await sharing(world, "shop")
        await world.until(EPOCH + HOUR)
        world.integration("till")
        await world.settle()
        assert (world.requests, world.token("till")) == (1, 1)
        for field in ("expirationTime", "issueTime", "lifetimeSeconds"):
            assert world.status("till")[field] == world.status()[field]

    play(story)


def test_a_late_comer_does_not_wait_for_the_rate_limit() -> None:
    """It needs no request."""

    async def story(world: World) -> None:
        await sharing(world, "shop")
        world.endpoint(rateLimit={"requestsPerMinute": 1})
        world.integration("till")
        await world.settle()
        assert world.condition_of("till") == ("True", "TokenValid")
        assert world.requests == 1

    play(story)


@pytest.mark.parametrize(
    ("spec", "secret"),
    [
        pytest.param({"audience": "https://other.example"}, SECRET, id="another audience"),
        pytest.param({"scopes": ["font:read"]}, SECRET, id="other scopes"),
        pytest.param({"endpointRef": {"kind": "TokenEndpoint", "name": "second"}}, SECRET, id="another endpoint"),
        pytest.param({"credentialsSecretRef": {"name": "guess"}}, "a-guess", id="the same client, another secret"),
    ],
)
def test_whose_request_differs_does_not_get_the_token(spec: dict[str, Any], secret: str) -> None:
    """Every input of the request counts, including the secret."""

    async def story(world: World) -> None:
        world.endpoint("second")
        world.credentials(secret=secret, name="guess")
        await sharing(world, "shop")
        world.integration("till", **spec)
        await world.settle()
        assert world.requests == 2
        held = world.cluster.find("secrets", NAMESPACE, "till")
        if secret == SECRET:
            assert held is not None
            assert saved(world) == 0
        else:
            assert held is None

    play(story)


def test_a_cluster_endpoint_is_shared_across_namespaces() -> None:
    """One request serves both."""

    async def story(world: World) -> None:
        await across(world)
        assert world.requests == 1
        assert world.token() == world.token(namespace=OTHER) == 1

    play(story)


def test_namespaced_endpoints_share_nothing_across_namespaces() -> None:
    """They have different owners, even if the URL is the same."""

    async def story(world: World) -> None:
        world.namespace(OTHER)
        world.credentials(namespace=OTHER)
        world.endpoint(namespace=OTHER)
        world.integration(namespace=OTHER)
        await world.begin()
        assert world.requests == 2
        assert saved(world) == 0

    play(story)


def test_a_namespace_that_is_no_longer_selected_gets_no_copy() -> None:
    """It keeps its token, and only the others get the next one."""

    async def story(world: World) -> None:
        await across(world, namespaceSelector={"matchLabels": {"open": "yes"}})
        for namespace in (NAMESPACE, OTHER):
            world.namespace(namespace, open="yes")
        await world.settle()
        world.namespace(OTHER, open="no")
        await world.until(EPOCH + DAY)
        assert (world.token(), world.token(namespace=OTHER)) == (2, 1)
        other = world.cluster.object(INTEGRATION_TOKENS, OTHER, "shop")["status"]["conditions"]
        assert [(each["status"], each["reason"]) for each in other if each["type"] == "Ready"] == [
            ("False", "NotAllowed")
        ]

    play(story)


def test_a_late_comer_copies_after_a_restart_too() -> None:
    """Within a namespace, with the lifetime as first seen; across namespaces only a fresh response."""

    async def story(world: World) -> None:
        await across(world)
        await world.until(EPOCH + 19 * HOUR)
        await world.restart()
        world.integration("till", **CLUSTER)
        await world.settle()
        assert world.requests == 1
        assert world.status("till")["lifetimeSeconds"] == DAY

    play(story)


def test_a_renewal_reaches_all_sharers_after_a_restart_too() -> None:
    """The renewal may revoke the old token."""

    async def story(world: World) -> None:
        world.endpoint()
        world.credentials()
        world.integration("shop", renewBeforePercentage=50)
        world.integration("till")
        await world.operator.start()
        await world.until(EPOCH + HOUR)
        await world.restart()
        await world.until(EPOCH + 0.55 * DAY)
        assert [world.token("shop"), world.token("till")] == [2, 2]

    play(story, Policy(cached=False))


def test_what_consumers_of_one_sharer_need_all_get() -> None:
    """The endpoint mints a token per request: the earliest need decides, as it is one grant."""

    async def story(world: World) -> None:
        world.endpoint()
        world.credentials()
        world.integration("shop", consumerDelay="5m")
        world.integration("till")
        world.integration("stock", consumerDelay="1m")
        await world.operator.start()
        # Half an hour less nine minutes; a fifth of it is six.
        await world.until(EPOCH + 1260 - 1)
        assert world.requests == 1
        await world.until(EPOCH + 1260 + 13)
        assert {world.token(name) for name in ("shop", "till", "stock")} == {2}
        assert world.requests == 2

    play(story, Policy(lifetime=HOUR / 2, cached=False))


def test_an_assumed_expiry_that_is_put_off_is_no_renewal() -> None:
    """Neither for the resource that asked nor for those that copy."""

    async def story(world: World) -> None:
        world.fault(fault.EXPIRES_MISSING)
        await sharing(world, "shop", "till", "stock")
        await world.until(EPOCH + 4 * HOUR)
        assert set(world.cluster.reasons()) == {"Issued", "ExpirationAssumed"}
        assert all(world.condition_of(name) == ("True", "TokenValid") for name in ("shop", "till", "stock"))

    play(story)


def test_resources_that_are_gone_leave_nothing_behind() -> None:
    """Even if the watch missed their deletion."""

    async def story(world: World) -> None:
        await sharing(world, "shop", "till")
        listeners, world.cluster.listeners = world.cluster.listeners, []
        for name in ("shop", "till"):
            world.cluster.remove(INTEGRATION_TOKENS, NAMESPACE, name)
        world.cluster.listeners = listeners
        await world.until(EPOCH + 3 * DAY)
        assert world.operator.inventory.resources == {}
        assert (world.operator.grants._grants, world.operator.grants._places) == ({}, {})

    play(story)


def test_a_shared_target_that_is_deleted_is_copied_again() -> None:
    """A repair costs no request."""

    async def story(world: World) -> None:
        await sharing(world, "shop", "till")
        for name in ("till", "shop"):
            world.cluster.remove("secrets", NAMESPACE, name)
            await world.settle()
            assert world.token(name) == 1
        assert world.requests == 1

    play(story)


def test_a_target_that_was_changed_by_hand_is_not_copied_from() -> None:
    """Its content isn't what this grant was given."""

    async def story(world: World) -> None:
        await sharing(world, "shop")
        world.cluster.fail("replace", "secrets", Denied("403 no writes today", status=403), 1000)
        world.cluster.edit("secrets", NAMESPACE, "shop", lambda body: body["data"].update(token="Zm9yZ2Vk"))
        await world.settle()
        world.integration("till")
        await world.settle()
        assert world.token("till") == 1

    play(story)


def test_a_token_that_was_forged_in_one_namespace_is_not_copied_to_another() -> None:
    """Even if the forger uses the operator's field manager: the operator recognises the endpoint's own responses."""

    async def story(world: World) -> None:
        await across(world)
        world.integration("till", namespace=OTHER, **CLUSTER)
        forged = world.secret()
        forged["data"] |= {"token": encoded("forged"), "authorization": encoded("Bearer forged")}
        world.cluster.apply("secrets", forged, MANAGER)
        world.cluster.remove("secrets", OTHER, "shop")
        await world.settle()
        assert world.token(namespace=OTHER) == world.token("till", OTHER) == 1

    play(story)


def test_an_expiry_that_was_forged_in_one_namespace_is_not_believed_in_another() -> None:
    """The token is the endpoint's, and so must its expiry be."""

    async def story(world: World) -> None:
        await across(world)
        forged = world.secret()
        forged["data"]["expires_at"] = encoded("2077-01-01T00:00:00Z")
        seconds = parse_time("2077-01-01T00:00:00Z") - EPOCH
        forged["metadata"]["annotations"][LIFETIME_ANNOTATION] = f"{seconds:.3f}"
        world.cluster.apply("secrets", forged, MANAGER)
        await world.restart()
        world.request_renewal("now")
        await world.settle()
        world.integration("till", namespace=OTHER, **CLUSTER)
        await world.settle()
        status = world.cluster.object(INTEGRATION_TOKENS, OTHER, "till")["status"]
        assert parse_time(status["expirationTime"]) <= EPOCH + DAY

    play(story)


def test_a_restart_costs_a_shared_grant_no_more_than_one_request() -> None:
    """The operator learns its resources' grants only when it next reads their credentials."""

    async def story(world: World) -> None:
        await sharing(world, "shop", "till", "stock")
        await world.until(EPOCH + DAY - 2 * HOUR)
        before = world.requests
        await world.restart()
        assert world.requests == before
        await world.until(EPOCH + DAY)
        assert world.requests <= before + 2
        assert {world.token(name) for name in ("shop", "till", "stock")} == {2}

    play(story)


def test_members_with_windows_of_their_own_follow_the_earliest() -> None:
    """A resource that needs an early renewal gets it, and so do the others."""

    async def story(world: World) -> None:
        world.endpoint()
        world.credentials()
        world.integration("shop")
        world.integration("till", renewBeforePercentage=50)
        await world.operator.start()
        await world.until(EPOCH + DAY / 2 + DAY * 0.05)
        assert [world.token("shop"), world.token("till")] == [2, 2]
        assert world.requests == 2

    play(story, Policy(lifetime=DAY, lead=DAY))
