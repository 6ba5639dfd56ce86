"""Changes to a resource, its endpoint or its namespace act at once."""

from integration_token.api.names import (
    INTEGRATION_TOKENS,
)

from tests.fakes import fault
from tests.unit.virtual import EPOCH
from tests.unit.world import NAMESPACE, World, play

DAY = 86400.0


def test_a_changed_spec_lets_a_failing_refresh_be_tried_at_once() -> None:
    """Whichever field was changed."""

    async def story(world: World) -> None:
        await world.begin()
        world.fault(fault.status(401, "invalid_client"))
        world.request_renewal("now")
        await world.settle()
        world.mend()
        world.integration(renewBefore="1h")
        await world.settle()
        assert world.refreshed == ("True", "Refreshed")
        assert world.cluster.reasons() == ["Issued", "InvalidClient", "Recovered"]

    play(story)


def test_a_spec_that_cannot_be_read_is_reported_at_the_resource_and_a_fix_acts_at_once() -> None:
    """As with an object from an older schema."""

    async def story(world: World) -> None:
        await world.begin(renewBefore="tomorrow")
        assert world.ready == ("False", "InvalidSpec")
        assert world.stalled == ("True", "InvalidSpec")
        assert world.refreshed == ("False", "InvalidSpec")
        assert world.cluster.reasons() == ["InvalidSpec"]
        assert world.requests == 0
        await world.until(world.clock.now().wall + 900)
        assert world.cluster.reasons() == ["InvalidSpec"]
        world.integration()
        await world.settle()
        assert world.ready == ("True", "TokenValid")
        assert world.stalled == ("False", "Progressing")
        assert world.refreshed == ("True", "Refreshed")

    play(story)


def test_a_namespace_no_longer_selected_keeps_its_secret() -> None:
    """The message says whom to ask; selected again, it continues without a request."""

    async def story(world: World) -> None:
        for labels in ({"tier": "one"}, {"tier": "two"}, {"tier": "one"}):
            body = {"kind": "Namespace", "metadata": {"name": NAMESPACE, "labels": labels}}
            world.cluster.apply("namespaces", body)
            if world.operator.looks == 0:
                spec = {
                    "tokenURL": "https://login.example/oauth/token",
                    "namespaceSelector": {"matchLabels": {"tier": "one"}},
                }
                world.cluster.apply("clustertokenendpoints", {"metadata": {"name": "login"}, "spec": spec})
                await world.begin(endpointRef={"kind": "ClusterTokenEndpoint", "name": "login"})
            await world.settle()
            selected = labels["tier"] == "one"
            assert world.ready == (("True", "TokenValid") if selected else ("False", "NotAllowed"))
            assert world.token() == 1
        assert world.requests == 1

    play(story)


def test_a_suspended_resource_asks_and_writes_nothing_and_shows_that() -> None:
    """It is Ready while its token is valid; once resumed, the token is renewed."""

    async def story(world: World) -> None:
        await world.begin()
        world.integration(suspend=True)
        await world.settle()
        assert world.ready == ("True", "TokenValid")
        assert world.refreshed == ("False", "Suspended")
        assert world.status()["observedGeneration"] == 2
        await world.until(EPOCH + DAY + 1)
        assert world.ready == ("False", "Suspended")
        assert world.requests == 1
        world.integration()
        await world.settle()
        assert world.ready == ("True", "TokenValid")
        assert world.cluster.reasons() == ["Issued", "Renewed"]

    play(story)


def test_a_deleted_resource_leaves_nothing_behind() -> None:
    """Neither a place in a queue nor a plan."""

    async def story(world: World) -> None:
        await world.begin()
        world.cluster.remove(INTEGRATION_TOKENS, NAMESPACE, "shop")
        await world.until(EPOCH + 2 * DAY)
        assert world.requests == 1
        assert world.operator.inventory.resources == {}
        assert list(world.operator.inventory.of_secret(NAMESPACE, "shop")) == []

    play(story)
