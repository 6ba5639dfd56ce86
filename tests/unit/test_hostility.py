"""What a hostile tenant, a hostile endpoint or a gap in a watch cannot do to the others."""

import asyncio
import json
import tracemalloc
from typing import Any

import pytest
from integration_token.api.integration import parse_integration
from integration_token.api.token import Identity, StoredToken, Token
from integration_token.cluster.target import build_target
from integration_token.errors import Denied, NeedsChange, Passing
from integration_token.oauth.address import Policy as AddressPolicy
from integration_token.oauth.client import Route, TokenClient
from integration_token.oauth.request import TokenRequest
from integration_token.oauth.response import Answer, read_answer
from integration_token.redaction import redact
from integration_token.renewal.budget import IN_FLIGHT, Budget, Hold

from tests.fakes import fault
from tests.fakes.issuer import Policy
from tests.unit.virtual import FakeClock
from tests.unit.world import NAMESPACE, World, play

HOUR = 3600.0
SECRET = "Zq7/pA+x9Rm2LkV0tGw4"


def granted(scope: str) -> tuple[str, ...]:
    """The scopes that an answer with this scope is taken to grant."""
    token = "fYt3bQm8Wc5Xe1Nz6Jd0Uh4"
    body = json.dumps({"access_token": token, "expires_in": 60, "scope": scope.replace("TOKEN", token)}).encode()
    return read_answer(
        Answer(200, {}, body, 1000.0), scopes=(), default_lifetime=60, secrets=(SECRET,), received=1000.0
    ).scope


@pytest.mark.parametrize(
    "scope", [f"read {SECRET}", "read TOKEN", f"read {SECRET[:12]}", f"read {SECRET.encode().hex()}", "read \ud800"]
)
def test_a_scope_that_holds_a_secret_is_left_out_of_what_users_see(scope: str) -> None:
    """Scopes stand in the status and in an annotation."""
    assert granted(scope) == ("read",)


def test_ordinary_scopes_are_all_told() -> None:
    """As APIs name them, also long and with digits."""
    scopes = ("template_collection:write", "https://www.example.com/auth/cloud-platform.v2", "read", "api://7/.default")
    assert granted(" ".join(scopes)) == scopes


def test_a_template_cannot_make_more_than_a_secret_holds() -> None:
    """Placeholders are counted before they are filled in: the operator's memory is everybody's."""
    integration = parse_integration(
        {
            "metadata": {"name": "shop", "namespace": NAMESPACE, "uid": "1"},
            "spec": {
                "endpointRef": {"name": "login"},
                "credentialsSecretRef": {"name": "shop-integration"},
                "target": {"template": {"data": {"many": "${token}" * 8000}}},
            },
        }
    )
    stored = StoredToken(Token("t" * 20_000, 0.0, 60.0, False, ()), Identity("1", "2", "3", "4"))
    tracemalloc.start()
    with pytest.raises(NeedsChange, match=r"spec\.target\.template\.data"):
        build_target(None, integration, stored)
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert peak < 4 * 1024 * 1024


def test_beside_a_secret_too_long_to_look_for_nothing_foreign_is_shown() -> None:
    """A megabyte of it would cost seconds and hundreds of megabytes."""
    assert redact("what the endpoint said", ["x" * 1_000_000]) == "***"


async def test_many_hosts_at_once_do_not_take_each_other_s_connections(clock: FakeClock) -> None:
    """More than are kept, each refusing the connection: every request fails for that reason and no other."""
    client = TokenClient(clock, AddressPolicy(True, frozenset(), frozenset()), None)
    failures = await asyncio.gather(
        *(
            client.send(TokenRequest(f"http://127.0.0.{number}:9/t", {}, b""), Route("", 5.0, True))
            for number in range(1, 151)
            for _ in range(2)
        ),
        return_exceptions=True,
    )
    await client.close()
    assert {(type(failure).__mro__[1], str(failure)[:21]) for failure in failures} == {
        (Passing, "no connection to 127.")
    }


def test_the_endpoints_of_one_namespace_share_what_is_in_flight() -> None:
    """However many endpoints that hang a tenant creates, they hold no more workers than one."""
    first = Budget[str](1000)
    second = Budget[str](1000, flight=first.flight)
    for number in range(IN_FLIGHT):
        assert first.ask(f"a{number}", "store", 0.0, 0.0) is None
    assert second.ask("b", "store", 0.0, 0.0) is Hold.TURN
    first.done("a0", 0.0)
    assert second.admit(0.0) == ["b"]


def test_an_assumed_lifetime_does_not_grow_with_every_answer() -> None:
    """An endpoint that never tells an expiry and answers one token all day is asked about every 48 minutes."""

    async def story(world: World) -> None:
        world.fault(fault.EXPIRES_MISSING)
        await world.begin()
        start = world.requests
        await world.until(world.clock.now().wall + 12 * HOUR)
        assert 12 <= world.requests - start <= 18
        assert world.ready[0] == "True"

    play(story, Policy(lifetime=48 * HOUR, lead=0.0))


def test_an_endpoint_deleted_in_a_gap_of_the_watch_is_not_asked_again() -> None:
    """No event tells of the deletion, so it is looked at again before credentials are sent there."""

    async def story(world: World) -> None:
        await world.begin()
        before = world.requests
        world.cluster.objects = {
            path: body for path, body in world.cluster.objects.items() if path[0] != "tokenendpoints"
        }
        await world.until(world.clock.now().wall + 30 * HOUR)
        assert world.requests == before
        assert world.refreshed == ("False", "EndpointNotFound")

    play(story, Policy(lifetime=24 * HOUR, lead=HOUR))


def test_who_waits_behind_requests_that_hang_is_told_so() -> None:
    """Not at once, since a moment's wait is no news, but before its user asks why nothing happens."""

    async def story(world: World) -> None:
        world.client.latency = 3600.0
        names = [f"shop{number}" for number in range(2 * IN_FLIGHT)]
        for name in names:
            world.integration(name)
        await world.begin()
        await world.until(world.clock.now().wall + 5)
        assert all("conditions" not in world.status(name) for name in names)
        await world.until(world.clock.now().wall + 15)
        told = [name for name in names if "conditions" in world.status(name)]
        assert len(told) >= IN_FLIGHT
        assert {world.condition_of(name) for name in told} == {("False", "RateLimited")}

    play(story)


def test_a_call_that_the_api_server_refuses_is_told_at_the_resource() -> None:
    """The operator's account lacks a permission: the message says which, and all is well once it is granted."""

    async def story(world: World) -> None:
        refuse = world.cluster.get

        async def refused(collection: Any, namespace: str, name: str) -> Any:
            if collection.plural == "secrets":
                raise Denied("403 secrets is forbidden: cannot get resource secrets", status=403)
            return await refuse(collection, namespace, name)

        world.cluster.get = refused  # type: ignore[method-assign]
        await world.begin()
        assert world.ready == ("False", "Forbidden")
        world.cluster.get = refuse  # type: ignore[method-assign]
        await world.until(world.clock.now().wall + 120)
        assert world.ready == ("True", "TokenValid")

    play(story, Policy(lifetime=24 * HOUR, lead=HOUR))
