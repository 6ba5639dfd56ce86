"""Objects deleted while the watch was down are found, and no others are mistaken for them."""

import asyncio
from collections.abc import AsyncGenerator, Callable

import pytest
from integration_token.api.endpoint import EndpointKind, EndpointRef
from integration_token.cluster.collection import Collection, Object
from integration_token.errors import Unavailable
from integration_token.handlers.event_handler import EventHandler
from integration_token.handlers.sweep import DeletionSweep
from integration_token.state.inventory import Inventory
from integration_token.workqueue.endpoint_queues import EndpointQueues
from integration_token.workqueue.key import token_key

from tests.fakes.cluster import Cluster
from tests.unit.test_event_handler import Recorder
from tests.unit.virtual import FakeClock, run

SPECS: dict[str, dict[str, object]] = {
    "integrationtokens": {"endpointRef": {"name": "login"}, "credentialsSecretRef": {"name": "shop"}},
    "tokenendpoints": {"tokenURL": "https://login.example"},
    "clustertokenendpoints": {"tokenURL": "https://login.example"},
    "namespaces": {},
}


class Paged(Cluster):
    """A cluster that lists in pages of two, and lets a test act before the first of them."""

    def __init__(self) -> None:
        """At first lists succeed."""
        super().__init__()
        self.lists: list[tuple[str, str]] = []
        """Plural and namespace of each list."""
        self.outages = 0
        self.meanwhile: dict[str, Callable[[], None]] = {}
        """What happens just before a list of that plural."""

    async def metadata_pages(
        self, collection: Collection, namespace: str, selector: str = ""
    ) -> AsyncGenerator[Object, None]:
        self.lists.append((collection.plural, namespace))
        if self.outages:
            self.outages -= 1
            raise Unavailable("the API server cannot be reached")
        self.meanwhile.pop(collection.plural, lambda: None)()
        found = [
            {"metadata": each["metadata"]}
            for (plural, where, _), each in self.objects.items()
            if plural == collection.plural and namespace in {"", where}
        ]
        for start in range(0, max(len(found), 1), 2):
            await asyncio.sleep(0)
            yield {"items": found[start : start + 2]}


class Scene:
    """A cluster, and what the operator knows about it."""

    def __init__(self, clock: FakeClock, namespaces: tuple[str, ...] = ()) -> None:
        """Starts without knowing anything."""
        self.cluster = Paged()
        self.inventory = Inventory(clock)
        self.scheduler = scheduler = Recorder(clock)
        self.handler = EventHandler(self.inventory, scheduler, EndpointQueues(clock, scheduler, lambda _: ""))
        self.sweep = DeletionSweep(self.cluster, self.inventory, self.handler, namespaces)

    def create(self, plural: str, namespace: str, name: str, *, kind: str | None = "ADDED") -> None:
        """An object that the watch reports."""
        body = self.cluster.apply(plural, {"metadata": {"namespace": namespace, "name": name}, "spec": SPECS[plural]})
        self.tell(plural, kind, body)

    def tell(self, plural: str, kind: str | None, body: Object) -> None:
        """The watch reports an object."""
        match plural:
            case "integrationtokens":
                self.handler.on_integration(kind, body)
            case "tokenendpoints":
                self.handler.on_endpoint(kind, EndpointKind.NAMESPACED, body)
            case "clustertokenendpoints":
                self.handler.on_endpoint(kind, EndpointKind.CLUSTER, body)
            case _:
                self.handler.on_namespace(kind, body)

    @property
    def known(self) -> set[str]:
        """Names of the known resources."""
        return {key.name for key in self.inventory.resources}


async def test_what_is_gone_is_forgotten(clock: FakeClock) -> None:
    """Of every watched kind; resources that referred to it get a pass."""
    scene = Scene(clock)
    for name in ("a", "b", "c", "d", "e"):
        scene.create("integrationtokens", "store", name)
    scene.create("tokenendpoints", "store", "login")
    scene.create("clustertokenendpoints", "", "login")
    scene.create("namespaces", "", "store")
    scene.scheduler.woken.clear()
    for plural, namespace, name in (
        ("integrationtokens", "store", "b"),
        ("integrationtokens", "store", "e"),
        ("tokenendpoints", "store", "login"),
        ("clustertokenendpoints", "", "login"),
        ("namespaces", "", "store"),
    ):
        scene.cluster.remove(plural, namespace, name)

    await scene.sweep.sweep()

    assert scene.known == {"a", "c", "d"}
    assert scene.inventory.endpoints == {}
    assert scene.inventory.namespace_labels == {}
    assert {key.name for key in scene.scheduler.woken} == {"a", "b", "c", "d", "e"}, (
        "all referred to the endpoint, or are gone"
    )


async def test_what_exists_stays(clock: FakeClock) -> None:
    """No resource is woken for it."""
    scene = Scene(clock)
    scene.create("integrationtokens", "store", "a")
    scene.create("tokenendpoints", "store", "login")
    scene.create("clustertokenendpoints", "", "login")
    scene.create("namespaces", "", "store")
    scene.scheduler.woken.clear()

    await scene.sweep.sweep()

    assert scene.known == {"a"}
    assert len(scene.inventory.endpoints) == 2
    assert scene.inventory.namespace_labels == {"store": {}}
    assert scene.scheduler.woken == []


async def test_another_one_of_the_same_name_is_another(clock: FakeClock) -> None:
    """The known one is gone, and the watch reports the new one, before the sweep or after it."""
    scene = Scene(clock)
    for name in ("before", "after"):
        scene.create("integrationtokens", "store", name)
        scene.cluster.remove("integrationtokens", "store", name)
    scene.create("integrationtokens", "store", "before")
    uid = scene.inventory.resources[token_key("store", "before")].uid
    scene.cluster.apply("integrationtokens", {"metadata": {"namespace": "store", "name": "after"}, "spec": {}})

    await scene.sweep.sweep()

    assert scene.known == {"before"}
    assert scene.inventory.resources[token_key("store", "before")].uid == uid


async def test_what_comes_during_the_count_is_not_judged(clock: FakeClock) -> None:
    """The list may be older; the same goes for an endpoint that the watch has replaced meanwhile."""
    scene = Scene(clock)
    scene.create("integrationtokens", "store", "old")
    scene.create("tokenendpoints", "store", "login")

    new = {"metadata": {"namespace": "store", "name": "new", "uid": "x"}}
    login = {"metadata": {"namespace": "store", "name": "login", "uid": "y"}, "spec": SPECS["tokenendpoints"]}
    scene.cluster.remove("tokenendpoints", "store", "login")
    scene.cluster.meanwhile["integrationtokens"] = lambda: scene.tell("integrationtokens", "ADDED", new)
    scene.cluster.meanwhile["tokenendpoints"] = lambda: scene.tell("tokenendpoints", "MODIFIED", login)

    await scene.sweep.sweep()

    assert scene.known == {"old", "new"}
    assert scene.inventory.endpoints[EndpointRef(EndpointKind.NAMESPACED, "store", "login")].uid == "y"


async def test_only_namespaces_that_are_served_are_listed(clock: FakeClock) -> None:
    """The operator has no right to others; kinds without known objects aren't listed at all."""
    scene = Scene(clock, ("store", "shipping", "empty"))
    scene.create("integrationtokens", "store", "a")
    scene.create("integrationtokens", "shipping", "b")
    scene.cluster.remove("integrationtokens", "shipping", "b")

    await scene.sweep.sweep()

    assert scene.known == {"a"}
    assert scene.cluster.lists == [("integrationtokens", "store"), ("integrationtokens", "shipping")]


@pytest.mark.parametrize("plural", ["integrationtokens", "tokenendpoints"])
def test_new_list_by_kopf_is_followed_by_a_count(plural: str) -> None:
    """A relist shows by listing a known object again; the first list is none."""

    async def main(clock: FakeClock) -> None:
        scene = Scene(clock)
        counting = asyncio.create_task(scene.sweep.run())
        scene.create("integrationtokens", "store", "gone", kind=None)
        scene.create(plural, "store", "stays", kind=None)
        await asyncio.sleep(60)
        assert scene.cluster.lists == []

        scene.cluster.remove("integrationtokens", "store", "gone")
        scene.tell(plural, None, scene.cluster.object(plural, "store", "stays"))
        await asyncio.sleep(3)

        assert "gone" not in scene.known
        await asyncio.sleep(60)
        assert scene.cluster.lists.count(("integrationtokens", "")) == 1
        counting.cancel()

    run(main)


def test_sweep_comes_now_and_then_and_again_if_it_failed() -> None:
    """If a gap leaves nothing to list, the next sweep finds that within a quarter of an hour."""

    async def main(clock: FakeClock) -> None:
        scene = Scene(clock)
        counting = asyncio.create_task(scene.sweep.run())
        scene.create("integrationtokens", "store", "gone")
        scene.cluster.remove("integrationtokens", "store", "gone")
        scene.cluster.outages = 5
        await asyncio.sleep(910)
        assert scene.known == {"gone"}
        await asyncio.sleep(10)
        assert scene.known == set()
        counting.cancel()

    run(main)
