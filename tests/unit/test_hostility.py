"""What a hostile tenant, a hostile endpoint or a gap in a watch cannot do to others."""

import asyncio
import base64
import json
import tracemalloc
from collections.abc import Callable, Mapping
from dataclasses import replace
from functools import partial
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from integration_token.api.integration import parse_integration
from integration_token.api.token import GrantIdentity, StoredToken, Token
from integration_token.cluster.refusal import refusal_of
from integration_token.cluster.target import build_target
from integration_token.errors import Denied, Transient, UserActionRequired
from integration_token.oauth.address import Policy as AddressPolicy
from integration_token.oauth.client import Route, TokenClient
from integration_token.oauth.request import TokenRequest
from integration_token.oauth.response import Answer, read_answer
from integration_token.telemetry.redaction import redact
from integration_token.workqueue.in_flight import MAX_PER_NAMESPACE

from tests.fakes import costly, fault
from tests.fakes.issuer import Policy
from tests.unit.virtual import FakeClock
from tests.unit.world import NAMESPACE, World, play

HOUR = 3600.0
SECRET = "Zq7/pA+x9Rm2LkV0tGw4"


def granted(scope: str) -> tuple[str, ...] | None:
    """The scopes taken as granted by a response with this scope."""
    token = "fYt3bQm8Wc5Xe1Nz6Jd0Uh4"
    body = json.dumps({"access_token": token, "expires_in": 60, "scope": scope.replace("TOKEN", token)}).encode()
    return read_answer(
        Answer(200, {}, body, 1000.0),
        asked=costly.ASKED,
        scopes=(),
        default_lifetime=60,
        secrets=(SECRET,),
        received=1000.0,
    ).scope


def too_costly(costs: Mapping[str, Callable[[], object]]) -> dict[str, float]:
    """Responses that take over 20 times as long to parse as the honest one, and how often they did."""
    found: dict[str, float] = {}
    # The machine may be busy or slow down: only what is too slow again and again counts.
    for rounds in (3, 30, 30, 30):
        names = found or costs
        ratios = costly.ratios((costs[name] for name in names), rounds)
        found = {name: ratio for name, ratio in zip(names, ratios, strict=True) if ratio > 20}
        if not found:
            break
    return found


@pytest.mark.parametrize(
    "scope", [f"read {SECRET}", "read TOKEN", f"read {SECRET[:12]}", f"read {SECRET.encode().hex()}", "read \ud800"]
)
def test_a_scope_that_holds_a_secret_is_left_out_of_what_users_see(scope: str) -> None:
    """Scopes appear in the status and in an annotation."""
    assert granted(scope) == ("read",)


def test_ordinary_scopes_are_all_shown() -> None:
    """In the forms that APIs use, including long ones and digits."""
    scopes = ("template_collection:write", "https://www.example.com/auth/cloud-platform.v2", "read", "api://7/.default")
    assert granted(" ".join(scopes)) == scopes


def test_a_template_cannot_make_more_than_a_secret_holds() -> None:
    """Placeholders are counted before they are filled in, because the operator's memory is shared."""
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
    stored = StoredToken(Token("t" * 20_000, 0.0, 60.0, False, ()), GrantIdentity("1", "2", "3/4"))
    tracemalloc.start()
    with pytest.raises(UserActionRequired, match=r"spec\.target\.template\.data"):
        build_target(None, integration, stored)
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert peak < 4 * 1024 * 1024


def test_with_a_secret_too_long_to_search_for_nothing_foreign_is_shown() -> None:
    """Searching for a megabyte-long secret would cost seconds and hundreds of megabytes."""
    assert redact("what the endpoint said", ["x" * 1_000_000]) == "***"


@pytest.mark.parametrize("size", [costly.SMALL, 3 * costly.SMALL, costly.LARGE])
def test_no_answer_costs_more_than_twenty_times_an_honest_one(size: int) -> None:
    """Whatever token is stored: all resources wait while one response is read."""
    answers = costly.answers(size)
    assert too_costly({name: answer.read for name, answer in answers.items()}) == {}


def test_an_answer_with_many_scopes_costs_no_more_than_others() -> None:
    """It has only 17 KB; all its scopes, which are harmless, are found."""
    answer = costly.seventeen()
    assert too_costly({"first": answer.read, "held": replace(answer, held=costly.drawn(8000)).read}) == {}
    assert len(answer.read()) == 630


def test_what_reading_an_answer_costs_grows_no_faster_than_the_answer() -> None:
    """Four times the length costs at most five times as much."""
    small, large = (costly.answers(size) for size in (costly.SMALL, costly.LARGE))
    grown = {name: costly.growth(small[name].read, large[name].read) for name in small}
    assert {name: growth for name, growth in grown.items() if growth > 5} == {}


@settings(deadline=None, database=None, derandomize=True, max_examples=15, suppress_health_check=list(HealthCheck))
@given(
    parts=st.lists(st.sampled_from(costly.PARTS), min_size=1, max_size=6),
    held=st.sampled_from(costly.PARTS),
    shares=st.tuples(*[st.integers(0, 4)] * 3),
    size=st.sampled_from([costly.SMALL, 2 * costly.SMALL, 3 * costly.SMALL, costly.LARGE]),
)
def test_no_mix_of_parts_makes_an_answer_costly(
    parts: list[str], held: str, shares: tuple[int, int, int], size: int
) -> None:
    """A token, scopes and a description in any proportion, each repeating the same parts."""
    answer = costly.mixed(parts, held, shares, size)
    assert too_costly({"granted": answer.read, "refused": replace(answer, status=400).read}) == {}


@pytest.mark.parametrize(
    "held", ["x" * 48_000, costly.drawn(48_000), costly.drawn(700_000)], ids=["x", "drawn", "long"]
)
def test_no_refusal_of_the_api_server_is_costly(held: str) -> None:
    """It may repeat what was sent, and webhooks choose their own words."""
    token = base64.b64encode(held.encode()).decode()
    body = {"data": {"token": token, **{f"key{number}": token[:9000] for number in range(64)}}}
    messages = {
        "words": "denied: " * 9000,
        "pieces": " ".join(token[place : place + 7] for place in range(0, 48_000, 8)),
    }
    costs = {name: partial(refusal_of, 422, {"message": text}, body) for name, text in messages.items()}
    assert too_costly(costs) == {}


async def test_many_hosts_at_once_do_not_take_each_other_s_connections(clock: FakeClock) -> None:
    """More hosts than are kept, each refusing the connection: every request fails for that reason only."""
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
        (Transient, "could not connect to ")
    }


def test_an_assumed_lifetime_does_not_grow_with_every_answer() -> None:
    """An endpoint that never states an expiry and returns one token all day is polled about every 48 minutes."""

    async def story(world: World) -> None:
        world.fault(fault.EXPIRES_MISSING)
        await world.begin()
        start = world.requests
        await world.until(world.clock.now().wall + 12 * HOUR)
        assert 12 <= world.requests - start <= 18
        assert world.ready[0] == "True"

    play(story, Policy(lifetime=48 * HOUR, lead=0.0))


def test_an_endpoint_deleted_in_a_gap_of_the_watch_is_not_asked_again() -> None:
    """No event reports the deletion, so the endpoint is read again before credentials are sent."""

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


def test_waiting_behind_hanging_requests_is_reported() -> None:
    """Not at once, since a moment's wait is no news, but before users wonder why nothing happens."""

    async def story(world: World) -> None:
        world.client.latency = 3600.0
        names = [f"shop{number}" for number in range(2 * MAX_PER_NAMESPACE)]
        for name in names:
            world.integration(name)
        await world.begin()
        await world.until(world.clock.now().wall + 5)
        assert all("conditions" not in world.status(name) for name in names)
        await world.until(world.clock.now().wall + 15)
        told = [name for name in names if "conditions" in world.status(name)]
        assert len(told) >= MAX_PER_NAMESPACE
        assert {world.condition_of(name) for name in told} == {("False", "RateLimited")}

    play(story)


def test_a_call_that_the_api_server_refuses_is_reported_at_the_resource() -> None:
    """If the operator's account lacks a permission, the message names it; granting it resolves the problem."""

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
