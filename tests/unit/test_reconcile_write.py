"""Tokens whose Secret can't be written, and Secrets that somebody else keeps changing."""

import asyncio
from collections.abc import Callable

import pytest
from integration_token.api.condition import ConditionType
from integration_token.api.names import TARGET_LABEL
from integration_token.cluster.collection import Object
from integration_token.errors import ClusterError, Conflict, Denied, Transient, Unavailable

from tests.fakes.issuer import Policy
from tests.unit.virtual import EPOCH
from tests.unit.world import NAMESPACE, World, play

DAY = 86400.0
HOUR = 3600.0
UNCACHED = Policy(cached=False)
REFUSED = Denied("403 admission webhook denied the request", status=403)


class TestRefused:
    """A new token isn't thrown away at the first refusal, and no other is requested in vain."""

    @pytest.mark.parametrize("error", [REFUSED, Unavailable("500 webhook"), Conflict("409")], ids=type)
    def test_a_refusal_for_a_moment_costs_no_token(self, error: ClusterError) -> None:
        """It is written within the same pass, without a report."""

        async def story(world: World) -> None:
            world.cluster.fail("create", "secrets", error, 5)
            await world.begin()
            await world.until(EPOCH + 10)
            assert world.ready == ("True", "TokenValid")
            assert world.requests == 1
            assert world.cluster.reasons() == ["Issued"]

        play(story, UNCACHED)

    def test_a_refusal_that_lasts_costs_one_token(self) -> None:
        """After half an hour, the next token is requested once a dry run has shown that it could be written."""

        async def story(world: World) -> None:
            world.cluster.fail("create", "secrets", REFUSED, 10_000)
            await world.begin()
            await world.until(EPOCH + 1800)
            assert world.requests == 1
            assert world.ready == ("False", "WriteFailed")
            world.cluster.fail_no_more()
            await world.until(EPOCH + 1800 + 301)
            assert world.ready == ("True", "TokenValid")
            assert world.requests == 2

        play(story, UNCACHED)

    def test_the_placeholder_of_a_dry_run_is_never_stored(self) -> None:
        """The Secret only ever holds tokens from the endpoint."""

        async def story(world: World) -> None:
            await world.begin()
            world.cluster.fail("replace", "secrets", REFUSED, 12)
            world.request_renewal("now")
            for _ in range(600):
                await asyncio.sleep(1)
                assert world.token() in {1, len(list(world.issuer))}
            assert world.refreshed == ("True", "Refreshed")
            assert world.requests == 3

        play(story, UNCACHED)

    def test_a_change_by_a_person_is_tried_at_once(self) -> None:
        """Another target doesn't wait for the one that was refused."""

        async def story(world: World) -> None:
            world.cluster.fail("create", "secrets", REFUSED, 10_000)
            await world.begin()
            await world.until(EPOCH + 1000)
            world.cluster.fail_no_more()
            world.integration(target={"name": "elsewhere"})
            await world.settle()
            assert world.token("elsewhere") == 2
            assert world.ready == ("True", "TokenValid")

        play(story, UNCACHED)

    def test_a_webhook_that_knows_no_dry_runs_keeps_nothing_from_being_written(self) -> None:
        """The API server refuses only the dry run, which says nothing about the write."""

        async def story(world: World) -> None:
            create = world.cluster.create

            async def refusing(*arguments: object, dry_run: bool = False) -> Object:
                if dry_run:
                    raise Denied('400 admission webhook "x.example" does not support dry run', status=400)
                return await create(*arguments)  # type: ignore[arg-type]  # handed on as they came

            world.cluster.create = refusing  # type: ignore[method-assign, assignment]  # a stranger API server
            world.cluster.fail("create", "secrets", REFUSED, 12)
            await world.begin()
            await world.until(EPOCH + 60)
            assert world.ready == ("True", "TokenValid")
            assert world.requests == 2

        play(story, UNCACHED)

    def test_an_endpoint_that_comes_back_among_conflicts_is_no_longer_reported(self) -> None:
        """Unreachable for three seconds, then forty conflicts: few requests, and Ready in the end."""

        async def story(world: World) -> None:
            world.client.outage = Transient("EndpointUnreachable", "no connection")
            await world.begin()
            await world.until(EPOCH + 3)
            world.cluster.fail("create", "secrets", Conflict("409"), 40)
            world.mend()
            await world.until(EPOCH + 3 * 3600)
            assert world.ready == ("True", "TokenValid")
            assert world.requests <= 6

        play(story, UNCACHED)

    def test_sharers_do_not_wait_for_a_refused_write(self) -> None:
        """They aren't affected by a neighbour's quota."""

        async def story(world: World) -> None:
            create = world.cluster.create

            async def refusing(collection: object, namespace: str, body: Object, *, dry_run: bool = False) -> Object:
                if namespace == NAMESPACE and body["kind"] == "Secret":
                    raise REFUSED
                return await create(collection, namespace, body, dry_run=dry_run)  # type: ignore[arg-type]  # as above

            world.cluster.create = refusing  # type: ignore[method-assign]  # as above
            world.cluster_endpoint()
            for namespace in (NAMESPACE, "bank"):
                world.credentials(namespace=namespace)
                world.integration(namespace=namespace, endpointRef={"kind": "ClusterTokenEndpoint", "name": "login"})
            await world.operator.start()
            await world.until(EPOCH + 2)
            assert world.token("shop", "bank") in {1, 2}

        play(story)


def _delete(world: World) -> None:
    if world.cluster.find("secrets", NAMESPACE, "shop") is not None:
        world.cluster.remove("secrets", NAMESPACE, "shop")


def _relabel(world: World) -> None:
    body = world.cluster.find("secrets", NAMESPACE, "shop")
    if body is not None and TARGET_LABEL in body["metadata"]["labels"]:
        world.cluster.edit("secrets", NAMESPACE, "shop", lambda body: body["metadata"]["labels"].pop(TARGET_LABEL))


def _overwrite(world: World) -> None:
    body = world.cluster.find("secrets", NAMESPACE, "shop")
    if body is not None and body["data"].get("token") != "Zm9yZ2Vk":
        world.cluster.edit("secrets", NAMESPACE, "shop", lambda body: body["data"].update(token="Zm9yZ2Vk"))


class TestContested:
    """Somebody else wants a different target: the operator neither gives in nor fights."""

    @pytest.mark.parametrize(
        ("undo", "most", "back"),
        [(_delete, 13, 6), (_relabel, 8, 31), (_overwrite, 8, 31)],
        ids=["deleted", "relabelled", "overwritten"],
    )
    def test_a_fight_costs_little_and_ends_by_itself(
        self, undo: Callable[[World], None], most: int, back: float
    ) -> None:
        """For a minute each write is undone at once: the status says so, and recovers soon after."""

        async def story(world: World) -> None:
            await world.begin()
            written = len(_written(world))
            while world.clock.now().wall < EPOCH + 60:
                undo(world)
                await asyncio.sleep(0.02)
            assert len(_written(world)) - written <= most
            assert world.requests <= most + 1
            assert world.refreshed == ("False", "TargetContested")
            await world.until(EPOCH + 60 + back)
            assert world.ready == ("True", "TokenValid")
            assert world.refreshed == ("True", "Refreshed")
            assert TARGET_LABEL in world.secret()["metadata"]["labels"]

        play(story, glance=1)

    def test_the_other_field_manager_is_named(self) -> None:
        """In the condition and in an event."""

        async def story(world: World) -> None:
            await world.begin()
            for _ in range(300):
                _overwrite(world)
                await asyncio.sleep(0.02)
            refreshed = world.status()["conditions"][1]
            assert "'kubectl-edit' keeps changing Secret shop" in refreshed["message"]
            assert "TargetContested" in world.cluster.reasons()

        play(story, glance=1)

    @pytest.mark.parametrize("undo", [_delete, _relabel, _overwrite], ids=["deleted", "relabelled", "overwritten"])
    def test_what_is_undone_once_is_repaired_at_once(self, undo: Callable[[World], None]) -> None:
        """It is repaired again a few minutes later."""

        async def story(world: World) -> None:
            await world.begin()
            for minute in range(1, 4):
                undo(world)
                await world.settle()
                assert world.ready == ("True", "TokenValid")
                assert TARGET_LABEL in world.secret()["metadata"]["labels"]
                await world.until(EPOCH + 180 * minute)

        play(story)

    def test_a_status_follows_within_seconds(self) -> None:
        """Ready isn't reported for a Secret that is missing."""

        async def story(world: World) -> None:
            await world.begin()
            wrong_since: float | None = None
            while (now := world.clock.now().wall) < EPOCH + 60:
                _delete(world)
                await asyncio.sleep(0.05)
                there = world.cluster.find("secrets", NAMESPACE, "shop") is not None
                said = world.condition(ConditionType.READY)[0] == "True"
                wrong_since = (wrong_since or now) if said and not there else None
                assert wrong_since is None or now - wrong_since <= 5

        play(story, glance=1)

    def test_twenty_targets_deleted_as_fast_as_they_appear_are_all_there_in_the_end(self) -> None:
        """Six seconds after the deletions end none is missing."""

        async def story(world: World) -> None:
            world.endpoint()
            names = [f"shop-{number}" for number in range(20)]
            for name in names:
                world.clients[name] = "its secret"
                world.credentials(name, "its secret", name)
                world.integration(name, credentialsSecretRef={"name": name}, target={"name": f"{name}-token"})
            await world.operator.start()
            await world.settle()
            while world.clock.now().wall < EPOCH + 60:
                for name in names:
                    if world.cluster.find("secrets", NAMESPACE, f"{name}-token") is not None:
                        world.cluster.remove("secrets", NAMESPACE, f"{name}-token")
                await asyncio.sleep(0.1)
            await world.until(EPOCH + 66)
            for name in names:
                assert world.cluster.find("secrets", NAMESPACE, f"{name}-token") is not None
                assert world.condition_of(name) == ("True", "TokenValid")

        play(story, glance=1)


def _written(world: World) -> list[tuple[str, str, str]]:
    return [call for call in world.cluster.writes if call[1] == "secrets"]


def test_an_api_server_that_refuses_the_write_costs_no_good_token() -> None:
    """The old token stays, the reason says what was refused, and the next attempt after the fix succeeds."""

    async def story(world: World) -> None:
        await world.begin()
        await world.until(EPOCH + HOUR)
        world.cluster.fail("replace", "secrets", Denied("403 exceeded quota", status=403), count=12)
        world.issuer.roll_over()
        world.request_renewal("now")
        await world.until(EPOCH + HOUR + 12)
        assert world.ready == ("True", "TokenValid")
        assert world.refreshed == ("False", "WriteFailed")
        assert world.token() == 1
        assert world.requests == 2
        await world.until(EPOCH + HOUR + 300)
        assert world.requests == 3
        assert world.token() == 2
        assert world.refreshed == ("True", "Refreshed")
        assert world.cluster.reasons() == ["Issued", "WriteFailed", "Renewed", "Recovered"]

    play(story)


@pytest.mark.parametrize("error", [Unavailable("500"), Conflict("409")], ids=["away", "overtaken"])
def test_a_renewal_whose_write_was_lost_is_made_again_at_once(error: Unavailable | Conflict) -> None:
    """Not at the next planned time, which may be hours away."""

    async def story(world: World) -> None:
        await world.begin()
        await world.until(EPOCH + DAY - HOUR + 60)
        world.issuer.roll_over()
        world.cluster.fail("replace", "secrets", error, count=4)
        world.request_renewal("now")
        await world.until(EPOCH + DAY - HOUR + 90)
        assert world.token() == 2
        assert world.refreshed == ("True", "Refreshed")

    play(story)


@pytest.mark.parametrize("error", [Denied("403", status=403), Unavailable("500 failed calling webhook")], ids=str)
def test_a_secret_that_cannot_be_written_for_hours_is_reported_at_the_resource(error: Denied | Unavailable) -> None:
    """Ready turns False at expiry, with the reason; the endpoint gets few requests meanwhile."""

    async def story(world: World) -> None:
        await world.begin()
        world.cluster.fail("replace", "secrets", error, count=100000)
        await world.until(EPOCH + DAY - 60)
        assert world.ready == ("True", "TokenValid")
        assert world.refreshed == ("False", "WriteFailed")
        await world.until(EPOCH + DAY + HOUR)
        assert world.ready == ("False", "WriteFailed")
        requests = world.requests
        await world.until(EPOCH + DAY + 2 * HOUR)
        assert world.requests - requests <= 120
        assert world.cluster.reasons() == ["Issued", "WriteFailed"]
        world.cluster.fail_no_more()
        await world.until(EPOCH + DAY + 2 * HOUR + 61)
        assert world.ready == ("True", "TokenValid")

    play(story)


def test_an_api_server_away_for_a_minute_is_waited_for() -> None:
    """Nothing crashes, nothing is requested twice, and later faults aren't waited out longer."""

    async def story(world: World) -> None:
        world.cluster.fail("get", "secrets", Unavailable("away"), count=6)
        await world.begin()
        assert world.requests == 0
        await world.until(EPOCH + 120)
        assert world.ready == ("True", "TokenValid")
        assert world.requests == 1
        world.cluster.fail("get", "secrets", Unavailable("away"))
        world.request_renewal("now")
        await world.until(EPOCH + 122)
        assert world.requests == 2

    play(story)
