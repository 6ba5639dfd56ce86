"""Statuses are written once no Secret has to wait for them, and none is lost."""

import asyncio
from collections import Counter
from typing import Any

import pytest
from integration_token.api.names import INTEGRATION_TOKENS
from integration_token.cluster.collection import INTEGRATIONS, Collection, Object
from integration_token.errors import Conflict, Unavailable

from tests.fakes import fault
from tests.fakes.issuer import Policy
from tests.unit.virtual import EPOCH
from tests.unit.world import NAMESPACE, SECRET, World, play

MANY = 200


def crowd(world: World) -> None:
    """Many resources with their own credentials."""
    world.endpoint()
    for number in range(MANY):
        name = f"crowd-{number}"
        world.clients[name] = SECRET
        world.credentials(name, name=f"{name}-credentials")
        world.integration(name, credentialsSecretRef={"name": f"{name}-credentials"})


def told(world: World) -> int:
    """How many resources have a status."""
    return sum("conditions" in world.status(f"crowd-{number}") for number in range(MANY))


async def begin(world: World, count: int, latency: float = 0.02) -> None:
    """Starts the operator, and waits until it has written this many Secrets.

    :param latency: seconds that the endpoint takes for a response.
    """
    crowd(world)
    world.client.latency, world.cluster.latency = latency, 0.002
    written, enough = Counter[str](), asyncio.Event()

    def changed(plural: str, kind: str, body: Object) -> None:
        written[plural] += kind == "ADDED"
        if written["secrets"] == count:
            enough.set()

    world.cluster.listeners.append(changed)
    await world.operator.start()
    await enough.wait()


@pytest.mark.parametrize(
    ("latency", "least", "most"),
    [
        pytest.param(0.0, 0, MANY // 3, id="the operator and the API server set the pace"),
        pytest.param(0.02, MANY // 2, MANY, id="the endpoint sets the pace"),
    ],
)
def test_of_many_that_begin_together_the_secrets_come_first(latency: float, least: int, most: int) -> None:
    """Statuses come after them, or while all of them wait for the endpoint."""

    async def story(world: World) -> None:
        await begin(world, MANY, latency)
        assert least <= told(world) <= most
        await world.settle()
        assert told(world) == MANY
        assert len(world.cluster.writes) == 2 * MANY + 1  # and the endpoint's status
        assert world.requests == MANY

    play(story)


def test_an_orderly_end_reports_every_secret() -> None:
    """The next process has nothing to write."""

    async def story(world: World) -> None:
        await begin(world, MANY // 2)
        await world.operator.stop()
        held = sum(("create", "secrets", f"crowd-{number}") in world.cluster.writes for number in range(MANY))
        assert MANY / 2 <= told(world) == held < MANY

    play(story)


def test_the_successor_of_a_killed_process_writes_the_statuses() -> None:
    """It sends no further request and rewrites no Secret."""

    async def story(world: World) -> None:
        await begin(world, MANY)
        assert told(world) < MANY
        world.cluster.latency = 0.0
        with world.counting() as writes:
            await world.restart(kill=True)
        assert told(world) == MANY
        assert world.requests == MANY
        assert not [write for write in writes if write[1] == "secrets"]

    play(story)


@pytest.mark.parametrize("error", [Conflict("somebody was first"), Unavailable("503"), None], ids=str)
def test_a_status_that_could_not_be_written_follows(error: Conflict | Unavailable | None) -> None:
    """Whatever prevented it, such as a change to the resource in the meantime."""

    async def story(world: World) -> None:
        if error is None:
            world.cluster.before("patch status", INTEGRATION_TOKENS, lambda: world.label("team", "web"))
        else:
            world.cluster.fail("patch status", INTEGRATION_TOKENS, error)
        await world.begin()
        await world.until(EPOCH + 5)
        assert world.ready == ("True", "TokenValid")
        assert world.status()["issueTime"]
        assert world.requests == 1
        await world.until(EPOCH + 12)
        world.issuer.roll_over()
        if error is not None:
            world.cluster.fail("patch status", INTEGRATION_TOKENS, error)
        world.request_renewal("now")
        await world.until(EPOCH + 20)
        assert world.status()["lastHandledRenewRequest"] == "now"
        assert world.requests == 2

    play(story)


def test_a_resource_that_is_deleted_before_it_was_reported_leaves_nothing() -> None:
    """The next resource with its name gets a status of its own."""

    async def story(world: World) -> None:
        world.cluster.before(
            "patch status", INTEGRATION_TOKENS, lambda: world.cluster.remove(INTEGRATION_TOKENS, NAMESPACE, "shop")
        )
        await world.begin()
        assert not world.operator.inventory.resources
        assert not world.operator.grants._grants
        world.cluster.remove("secrets", NAMESPACE, "shop")
        world.integration()
        await world.settle()
        assert world.ready == ("True", "TokenValid")

    play(story)


@pytest.mark.parametrize("call", ["get", "patch_status"])
def test_a_resource_that_is_back_before_its_end_is_answered_for_is_worked_on(
    call: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The watch may be faster than a call's response."""

    async def story(world: World) -> None:
        real = getattr(world.cluster, call)

        async def answered(collection: Collection, *arguments: Any) -> Any:
            if collection is INTEGRATIONS:
                monkeypatch.undo()
                world.cluster.remove(INTEGRATION_TOKENS, NAMESPACE, "shop")
                answer = await real(collection, *arguments)
                world.integration()
                return answer
            return await real(collection, *arguments)

        if call == "patch_status":
            monkeypatch.setattr(world.cluster, call, answered)
        await world.begin()
        if call == "get":
            monkeypatch.setattr(world.cluster, call, answered)
            world.credentials(secret="another")
        await world.until(EPOCH + 10)
        assert world.status()["conditions"]

    play(story)


def test_a_spec_that_changes_before_the_first_status_is_reported() -> None:
    """The status is for the generation observed last."""

    async def story(world: World) -> None:
        world.cluster.before("patch status", INTEGRATION_TOKENS, lambda: world.integration(scopes=["read"]))
        await world.begin()
        await world.until(EPOCH + 5)
        assert world.ready == ("True", "TokenValid")
        assert world.status()["observedGeneration"] == 2

    play(story, Policy())


def test_a_foreign_secret_that_no_watch_reports_costs_one_token_at_most() -> None:
    """However long the Secret exists, and however often the operator restarts."""

    async def story(world: World) -> None:
        foreign = {"kind": "Secret", "metadata": {"namespace": NAMESPACE, "name": "shop"}, "type": "Opaque"}
        world.cluster.apply("secrets", foreign)
        await world.begin()
        assert world.ready == ("False", "SecretNotOwned")
        await world.until(EPOCH + 3600)
        await world.restart(kill=True)
        world.label("team", "web")
        await world.until(EPOCH + 7200)
        assert world.requests <= 1
        assert "data" not in world.secret()

    play(story)


@pytest.mark.parametrize("pause", [0.0, 0.001, 0.003, 0.005, 0.008])
def test_a_spec_that_keeps_changing_is_reported_in_the_end(pause: float) -> None:
    """Whether changes come before, during or after the previous status write."""

    async def story(world: World) -> None:
        await world.begin(target={"name": "shop-0"})
        world.cluster.latency = 0.004
        for number in range(1, 8):
            world.integration(target={"name": f"shop-{number}"})
            await asyncio.sleep(pause)
        await world.until(EPOCH + 5)
        assert world.status()["observedGeneration"] == 8
        assert world.status()["targetName"] == "shop-7"
        assert world.ready == ("True", "TokenValid")
        assert world.requests <= 2

    play(story)


def test_an_end_of_trouble_is_reported_once() -> None:
    """Even if the resource changes just before its status is written."""

    async def story(world: World) -> None:
        world.fault(fault.status(503))
        await world.begin()
        await world.until(EPOCH + 15)
        assert world.ready[0] == "False"
        world.mend()
        world.cluster.before("patch status", INTEGRATION_TOKENS, lambda: world.label("team", "web"))
        world.request_renewal("now")
        await world.until(EPOCH + 120)
        assert world.ready == ("True", "TokenValid")
        assert world.refreshed == ("True", "Refreshed")
        assert world.cluster.reasons().count("Recovered") == 1

    play(story)


@pytest.mark.parametrize("error", [Unavailable("503"), None], ids=str)
def test_what_a_pass_that_fails_leaves_to_do_is_done_soon(error: Unavailable | None) -> None:
    """Whatever else of the resource is pending: a spec changed before the first status write is followed."""

    async def story(world: World) -> None:
        world.endpoint()
        world.credentials()
        world.clients["slow"] = SECRET
        world.credentials("slow", name="slow")
        world.integration("slow", credentialsSecretRef={"name": "slow"})
        world.client.latency = 3600.0
        await world.operator.start()
        await world.settle()
        world.client.latency = 0.0

        def changed(plural: str, kind: str, body: Object) -> None:
            if plural == "secrets" and kind == "ADDED" and body["metadata"]["name"] == "shop":
                if error is not None:
                    world.cluster.fail("patch status", INTEGRATION_TOKENS, error)
                asyncio.get_running_loop().call_later(0.001, lambda: world.integration(scopes=["read"]))

        world.cluster.listeners.append(changed)
        world.integration()
        await world.until(EPOCH + 30)
        assert world.ready == ("True", "TokenValid")
        assert world.status()["observedGeneration"] == 2

    play(story)
