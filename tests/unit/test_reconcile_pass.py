"""However a pass ends, the next one continues from there."""

import asyncio
from collections.abc import Callable
from typing import Any

import pytest
from integration_token.api.condition import ConditionType
from integration_token.api.names import INTEGRATION_TOKENS
from integration_token.cluster.collection import Collection
from integration_token.errors import Denied, Unavailable
from integration_token.state.resource import Remembered
from integration_token.workqueue.key import token_key

from tests.fakes.issuer import Policy
from tests.unit.sharing import sharing
from tests.unit.virtual import EPOCH
from tests.unit.world import NAMESPACE, World, play

DAY = 86400.0
FORBIDDEN = Denied("403", status=403)
OTHER = {"kind": "TokenEndpoint", "name": "other"}
URL = "https://login.example/oauth/token"


def remembered(world: World, name: str = "shop") -> Remembered:
    """What the last pass over the resource left."""
    return world.operator.inventory.resources[token_key(NAMESPACE, name)].remembered


def refuse(monkeypatch: pytest.MonkeyPatch, world: World, error: Exception, verb: str, plural: str, name: str) -> None:
    """Makes each such call for that object fail until the monkeypatch is undone."""
    original = world.cluster._called

    async def called(verb_: str, collection: Collection, namespace: str, name_: str) -> None:
        await original(verb_, collection, namespace, name_)
        if (verb_, collection.plural, name_) == (verb, plural, name):
            raise error

    monkeypatch.setattr(world.cluster, "_called", called)


@pytest.mark.parametrize("latency", [0.0, 0.3])
def test_copies_that_come_to_nothing_cost_one_request(latency: float) -> None:
    """If all Secrets of a grant are gone at once, a request that another resource has started counts."""

    async def story(world: World) -> None:
        names = ["shop", *(f"till-{number}" for number in range(9))]
        await sharing(world, *names)
        world.client.latency = latency
        before = world.requests
        world.cluster.edit(
            "secrets", NAMESPACE, "shop-integration", lambda body: body["metadata"]["labels"].update(a="b")
        )
        for name in names:
            world.cluster.remove("secrets", NAMESPACE, name)
        await asyncio.sleep(50)
        assert world.requests == before + 1
        assert world.client.most_in_flight == 1

    play(story)


def test_a_first_token_keeps_its_turn_if_its_status_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    """However many resources come after it."""

    async def story(world: World) -> None:
        world.endpoint(rateLimit={"requestsPerMinute": 1})
        world.credentials()
        world.integration("shop", audience="shop")
        await world.operator.start()
        await world.settle()
        refuse(monkeypatch, world, FORBIDDEN, "patch status", "integrationtokens", "late")
        world.integration("late", audience="late")
        for number in range(6):
            await asyncio.sleep(20)
            world.integration(f"till-{number}", audience=str(number))
        assert world.cluster.find("secrets", NAMESPACE, "late") is not None

    play(story, glance=1.0)


@pytest.mark.parametrize(
    ("change", "ready"),
    [
        pytest.param(
            lambda world: world.integration(target={"template": {"metadata": {"labels": {"a": "b"}}}}),
            "True",
            id="another template",
        ),
        pytest.param(lambda world: world.endpoint(audience="other"), "False", id="another audience"),
    ],
)
def test_the_current_token_is_reported_if_the_credentials_may_not_be_read(
    change: Callable[[World], None], ready: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A token of the grant as specified is valid; a token of another grant isn't."""

    async def story(world: World) -> None:
        await world.begin()
        refuse(monkeypatch, world, FORBIDDEN, "get", "secrets", "shop-integration")
        change(world)
        world.request_renewal("now")
        await asyncio.sleep(20)
        assert world.ready[0] == ready
        assert world.refreshed == ("False", "Forbidden")

    play(story)


def test_a_grant_is_planned_by_its_own_endpoint_also_after_a_pass_that_was_cut_short(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Not by the rollover that the previous endpoint states."""

    async def story(world: World) -> None:
        world.endpoint(rolloverLead="2h")
        world.endpoint("other", tokenURL=URL, audience="x")
        world.credentials()
        world.integration("shop")
        world.integration("till", endpointRef=OTHER)
        await world.operator.start()
        await world.settle()
        with monkeypatch.context() as patch:
            refuse(patch, world, Unavailable("503"), "get", "secrets", "till")
            world.integration("shop", endpointRef=OTHER)
            await asyncio.sleep(1)
        await asyncio.sleep(30)
        assert world.token("shop") == world.token("till")
        assert remembered(world).plan.prior == remembered(world, "till").plan.prior

    play(story)


def test_what_one_endpoint_taught_says_nothing_of_another() -> None:
    """Only its own spec says anything about its rollover."""

    async def story(world: World) -> None:
        world.endpoint()
        world.endpoint("other", tokenURL=URL, audience="x", rolloverLead="100s")
        world.credentials()
        world.integration("shop")
        await world.operator.start()
        await world.until(EPOCH + DAY - 60)
        world.integration("shop", endpointRef=OTHER)
        await world.settle()
        assert world.condition(ConditionType.ROLLOVER_TOO_LATE) == ("Unknown", "RolloverUnknown")
        assert "RolloverTooLate" not in world.cluster.reasons()

    play(story, Policy(lead=10.0))


def test_a_renewal_request_costs_one_token_request_whatever_goes_wrong_with_the_answer(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Even after an unforeseen bug of our own."""

    async def story(world: World) -> None:
        await world.begin()
        before = world.requests
        carry = world.client._carry

        async def fail(*arguments: Any) -> None:
            await carry(*arguments)
            raise ZeroDivisionError

        monkeypatch.setattr(world.client, "_carry", fail)
        world.request_renewal("now")
        await asyncio.sleep(600)
        assert world.requests == before + 1

    play(story)


def test_a_renamed_target_is_found_again_after_a_refusal_and_a_restart(monkeypatch: pytest.MonkeyPatch) -> None:
    """The status names it as long as it exists, and the token is moved without a request."""

    async def story(world: World) -> None:
        await world.begin()
        with monkeypatch.context() as patch:
            refuse(patch, world, FORBIDDEN, "get", "secrets", "second")
            world.integration(target={"name": "second"})
            await asyncio.sleep(30)
            assert world.status()["targetName"] == "shop"
        await world.restart()
        await asyncio.sleep(60)
        assert world.cluster.find("secrets", NAMESPACE, "shop") is None
        assert world.token("second") == 1
        assert world.requests == 1

    play(story)


def reads(world: World) -> int:
    """How often the resource was read."""
    return world.cluster.calls.count(("get", INTEGRATION_TOKENS, "shop"))


def test_a_renewal_reads_no_resource_that_the_watch_has_reported() -> None:
    """It takes two reads, for the credentials and the Secret, and two writes."""

    async def story(world: World) -> None:
        await world.begin()
        before = len(world.cluster.calls)
        world.issuer.roll_over()
        await world.until(EPOCH + DAY)
        assert world.token() == 2
        renewal = world.cluster.calls[before:]
        assert ("get", INTEGRATION_TOKENS, "shop") not in renewal
        assert [verb for verb, _, _ in renewal if verb not in {"get", "list"}] == ["replace", "patch status"]

    play(story)


@pytest.mark.parametrize("change", ["its labels", "its spec"])
def test_a_resource_that_changed_while_the_watch_hung_is_read_before_its_status_is_written(change: str) -> None:
    """The API server refuses a status for what the resource no longer is; then the specified token is there."""

    async def story(world: World) -> None:
        await world.begin(scopes=["orders:read"])
        world.operator.deafen()
        if change == "its spec":
            world.integration(scopes=["orders:write"])
        else:
            world.label("team", "shop")
        read = reads(world)
        world.issuer.roll_over()
        await world.until(EPOCH + DAY)
        assert reads(world) > read
        assert world.ready == ("True", "TokenValid")
        generation = world.cluster.object(INTEGRATION_TOKENS, NAMESPACE, "shop")["metadata"]["generation"]
        assert world.status()["observedGeneration"] == generation
        assert world.requests == (3 if change == "its spec" else 2)

    play(story)


def test_a_resource_that_is_missing_from_a_list_is_not_renewed() -> None:
    """It was deleted while the watch hung: until a sweep shows that, nothing is asked for it."""

    async def story(world: World) -> None:
        await world.begin()
        world.operator.deafen()
        world.cluster.remove(INTEGRATION_TOKENS, NAMESPACE, "shop")
        world.operator.begin_list()
        await world.until(EPOCH + DAY)
        assert world.requests == 1

    play(story)
