"""What is too large to keep in memory still works: it is read when needed."""

from collections.abc import Callable

import pytest
import trustme
from integration_token.api.names import ALLOWED_HOSTS_ANNOTATION, INTEGRATION_TOKENS
from integration_token.oauth.client import Route
from integration_token.oauth.request import TokenRequest
from integration_token.oauth.response import Answer

from tests.unit.world import NAMESPACE, World, encoded, play

AUTHORITY = trustme.CA().cert_pem.bytes().decode()
LONG = "x" * 20_000
MANY = {f"p{number}": "x" * 500 for number in range(32)}
"""Parameters of a request."""


def reads(world: World, plural: str) -> int:
    """How often objects of a kind were read."""
    return sum(call[:2] == ("get", plural) for call in world.cluster.calls)


def routes_of(world: World) -> list[Route]:
    """How each request from now on reaches its endpoint."""
    routes: list[Route] = []
    send = world.client.send

    async def noted(request: TokenRequest, route: Route, *, ended: Callable[[], None]) -> Answer:
        routes.append(route)
        return await send(request, route, ended=ended)

    world.client.send = noted  # type: ignore[method-assign, assignment]  # for this test
    return routes


def test_a_resource_with_a_large_template_gets_its_token() -> None:
    """It keeps it after a restart, without a request or a write."""

    async def story(world: World) -> None:
        await world.begin(target={"template": {"data": {"config": f"{LONG} ${{token}}"}}})
        assert world.ready == ("True", "TokenValid")
        assert len(world.secret()["data"]["config"]) > len(LONG)
        with world.counting() as writes:
            await world.restart()
        assert (world.requests, writes) == (1, [])

    play(story)


@pytest.mark.parametrize("length", [256, 257, 200_000])
def test_a_long_renewal_request_is_followed_once(length: int) -> None:
    """Beyond 256 characters the status shows its SHA-256; after a restart it isn't followed again."""

    async def story(world: World) -> None:
        await world.begin()
        for last in ("a", "b"):
            world.request_renewal(last.rjust(length))
            await world.settle()
        assert world.requests == 3
        handled = world.status()["lastHandledRenewRequest"]
        assert handled == "b".rjust(256) if length == 256 else handled.startswith("sha256:")
        await world.restart()
        await world.settle()
        assert world.requests == 3

    play(story)


def test_a_long_renewal_request_that_the_status_has_in_full_is_not_followed_again() -> None:
    """As an older version wrote it."""

    async def story(world: World) -> None:
        world.endpoint()
        world.credentials()
        world.integration()
        world.request_renewal(LONG)
        world.cluster.edit(
            INTEGRATION_TOKENS, NAMESPACE, "shop", lambda body: body.update(status={"lastHandledRenewRequest": LONG})
        )
        await world.operator.start()
        await world.settle()
        assert (world.requests, world.ready[0]) == (1, "True")
        await world.restart()
        assert world.requests == 1

    play(story)


def test_a_long_list_of_hosts_lets_nothing_be_sent_anywhere() -> None:
    """Even if the endpoint's host is on it: truncating a list must never widen where credentials go."""

    async def story(world: World) -> None:
        world.credentials()
        world.cluster.edit(
            "secrets",
            NAMESPACE,
            "shop-integration",
            lambda body: body["metadata"].update(
                annotations={ALLOWED_HOSTS_ANNOTATION: "login.example," + ",".join(f"{n}.example" for n in range(500))}
            ),
        )
        world.endpoint()
        world.integration()
        await world.operator.start()
        await world.settle()
        assert (world.requests, world.ready) == (0, ("False", "HostNotAllowed"))
        message = world.status()["conditions"][0]["message"]
        assert "allowed-hosts has more than 2048 characters; shorten it" in message
        world.cluster.edit(
            "secrets",
            NAMESPACE,
            "shop-integration",
            lambda body: body["metadata"]["annotations"].update({ALLOWED_HOSTS_ANNOTATION: "login.example"}),
        )
        await world.settle()
        assert world.ready == ("True", "TokenValid")

    play(story)


def test_an_endpoint_with_many_parameters_is_used_and_has_a_status() -> None:
    """It is read for each pass, and its own status is written."""

    async def story(world: World) -> None:
        world.endpoint(parameters=MANY)
        world.credentials()
        world.integration()
        await world.operator.start()
        await world.settle()
        assert world.ready == ("True", "TokenValid")
        endpoint = world.cluster.object("tokenendpoints", NAMESPACE, "login")
        assert endpoint["status"]["conditions"][0]["reason"] == "Valid"
        world.endpoint(parameters={**MANY, "p1": "7"})
        await world.settle()
        assert world.requests == 2

    play(story)


def test_an_endpoint_that_is_too_large_to_be_kept_is_forgotten_with_its_deletion() -> None:
    """Its users report that."""

    async def story(world: World) -> None:
        await world.begin()
        world.endpoint(parameters=MANY)
        await world.settle()
        world.cluster.remove("tokenendpoints", NAMESPACE, "login")
        await world.settle()
        assert world.refreshed == ("False", "EndpointNotFound")

    play(story)


def test_long_authorities_are_read_when_a_request_is_made() -> None:
    """Not for each pass; a request never trusts others instead."""
    bundle = f"{AUTHORITY}# {LONG}\n"

    async def story(world: World) -> None:
        routes = routes_of(world)
        await world.begin()
        world.endpoint(caBundle=bundle)
        await world.settle()
        world.request_renewal("now")
        await world.settle()
        assert [route.ca_bundle for route in routes] == ["", bundle]
        before = reads(world, "tokenendpoints")
        world.label("team", "shop")
        world.integration(target={"template": {"data": {"a": "b"}}})
        await world.settle()
        assert world.secret()["data"]["a"] == encoded("b")
        assert reads(world, "tokenendpoints") == before

    play(story)


def test_long_authorities_that_cannot_be_read_are_reported() -> None:
    """On the endpoint and on its users, and nothing is sent."""

    async def story(world: World) -> None:
        world.endpoint(caBundle=f"-----BEGIN CERTIFICATE-----\n{LONG}")
        world.credentials()
        world.integration()
        await world.operator.start()
        await world.settle()
        assert (world.requests, world.ready) == (0, ("False", "InvalidCABundle"))
        endpoint = world.cluster.object("tokenendpoints", NAMESPACE, "login")
        assert endpoint["status"]["conditions"][0]["reason"] == "InvalidCABundle"

    play(story)


@pytest.mark.parametrize("after", ["", "another"])
def test_authorities_that_change_while_they_are_read_are_never_taken_for_the_systems(after: str) -> None:
    """The pass starts over with what the endpoint trusts now."""
    first, second = f"{AUTHORITY}# {LONG}\n", f"{AUTHORITY}# {LONG} {after}\n" if after else ""

    async def story(world: World) -> None:
        routes = routes_of(world)
        world.endpoint(caBundle=first)
        world.credentials()
        world.integration()
        await world.operator.start()
        await world.settle()
        world.cluster.before("get", "tokenendpoints", lambda: world.endpoint(caBundle=second))
        world.request_renewal("now")
        await world.settle()
        assert routes[-1].ca_bundle == second
        assert {route.ca_bundle for route in routes} <= {first, second}

    play(story)
