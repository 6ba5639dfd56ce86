"""The list and watch of Secrets: what is known, whatever happens to the watch."""

import asyncio
from collections.abc import AsyncGenerator, Callable, Coroutine

from integration_token.api.names import ALLOWED_HOSTS_ANNOTATION, CREDENTIALS_LABEL, TARGET_LABEL
from integration_token.cluster.collection import Collection, Object
from integration_token.cluster.secret import SecretMetadata, SecretWatch
from integration_token.errors import Denied, Unavailable

from tests.fakes.cluster import Cluster
from tests.unit.virtual import FakeClock, run

RELEASED = {CREDENTIALS_LABEL: "true"}
OURS = {TARGET_LABEL: "shop"}


class Interrupted(Cluster):
    """A cluster whose watches a test can end."""

    def __init__(self) -> None:
        """At first watches last, and lists succeed."""
        super().__init__()
        self.ends: list[Object | None] = []
        """What the next watches immediately end with: an ERROR object, or None for nothing."""
        self.refused: dict[str, Exception] = {}
        """The exception that a list raises, by namespace."""
        self.lists = 0

    async def list_metadata(self, collection: Collection, namespace: str, selector: str) -> tuple[list[Object], str]:
        self.lists += 1
        if namespace in self.refused:
            raise self.refused[namespace]
        return await super().list_metadata(collection, namespace, selector)

    async def watch_metadata(
        self, collection: Collection, namespace: str, selector: str, version: str
    ) -> AsyncGenerator[tuple[str, Object], None]:
        if self.ends:
            error = self.ends.pop()
            if error is not None:
                yield "ERROR", error
            return
        async for event in super().watch_metadata(collection, namespace, selector, version):
            yield event


class Scene:
    """A cluster and a watch on it."""

    def __init__(self, namespaces: tuple[str, ...] = ()) -> None:
        """Starts without a list."""
        self.cluster = Interrupted()
        self.told: list[tuple[str, str]] = []
        self.watch = SecretWatch(self.cluster, namespaces, lambda namespace, name: self.told.append((namespace, name)))
        self.task: asyncio.Task[None] | None = None

    def secret(self, name: str, labels: dict[str, str], namespace: str = "store", **annotations: str) -> None:
        """Creates or replaces a Secret."""
        metadata = {"namespace": namespace, "name": name, "labels": labels, "annotations": annotations}
        self.cluster.apply("secrets", {"kind": "Secret", "metadata": metadata})

    async def begin(self) -> None:
        """Lists and watches."""
        self.task = asyncio.create_task(self.watch.run())
        async with asyncio.timeout(100):
            await self.watch.synced.wait()
        await asyncio.sleep(0.1)

    def news(self) -> list[tuple[str, str]]:
        """The changes reported since the last call."""
        told, self.told[:] = list(self.told), []
        return told


def play(story: Callable[[Scene], Coroutine[None, None, None]], namespaces: tuple[str, ...] = ()) -> None:
    """Runs a story in virtual time."""

    async def main(_: FakeClock) -> None:
        scene = Scene(namespaces)
        try:
            await story(scene)
        finally:
            if scene.task is not None:
                scene.task.cancel()
                await asyncio.gather(scene.task, return_exceptions=True)

    run(main)


def test_only_secrets_with_our_labels_are_known() -> None:
    """Credentials if they are released, targets under any resource's name; one Secret may be both."""

    async def story(scene: Scene) -> None:
        scene.secret("released", RELEASED)
        scene.secret("kept", {CREDENTIALS_LABEL: "false"})
        scene.secret("target", OURS)
        scene.secret("both", {**RELEASED, **OURS})
        scene.secret("other", {"app": "shop"})
        await scene.begin()
        names = ("released", "kept", "target", "both", "other")
        assert [name for name in names if scene.watch.credentials("store", name)] == ["released", "both"]
        assert [name for name in names if scene.watch.target("store", name)] == ["target", "both"]
        assert scene.watch.credentials("another namespace", "released") is None

    play(story)


def test_of_a_secret_nothing_is_kept_but_its_version_and_where_it_may_be_sent() -> None:
    """Annotations may hold the data: `kubectl apply` puts it there."""

    async def story(scene: Scene) -> None:
        annotations = {ALLOWED_HOSTS_ANNOTATION: "login.example", "last-applied": "the data"}
        scene.secret("released", RELEASED, **annotations)
        await scene.begin()
        stored = scene.cluster.object("secrets", "store", "released")["metadata"]
        uid, version = stored["uid"], stored["resourceVersion"]
        expected = SecretMetadata(f"{uid}/{version}", version, "login.example")
        assert scene.watch.credentials("store", "released") == expected

    play(story)


def test_every_change_is_reported_once_and_known() -> None:
    """Created, changed, released, withdrawn, deleted."""

    async def story(scene: Scene) -> None:
        await scene.begin()
        for labels, known in ((RELEASED, True), ({**RELEASED, "team": "shop"}, True), ({}, False), (RELEASED, True)):
            scene.secret("shop", labels)
            await asyncio.sleep(0.1)
            assert scene.news() == [("store", "shop")]
            assert (scene.watch.credentials("store", "shop") is not None) == known
        scene.cluster.remove("secrets", "store", "shop")
        await asyncio.sleep(0.1)
        assert scene.news() == [("store", "shop")]
        assert scene.watch.credentials("store", "shop") is None

    play(story)


def test_our_own_write_is_known_at_once_and_not_reported() -> None:
    """The watch delivers it a moment later."""

    async def story(scene: Scene) -> None:
        await scene.begin()
        with scene.watch.writing("store", "shop") as noted:
            scene.secret("shop", OURS)
            noted(scene.cluster.object("secrets", "store", "shop"))
        assert scene.watch.target("store", "shop") is not None
        await asyncio.sleep(0.1)
        assert scene.news() == []

    play(story)


def test_what_the_watch_reports_while_we_write_counts() -> None:
    """The Secret was deleted before its creation was confirmed: it is gone, and the resource needs a pass."""

    async def story(scene: Scene) -> None:
        await scene.begin()
        with scene.watch.writing("store", "shop") as noted:
            scene.secret("shop", OURS)
            written = scene.cluster.object("secrets", "store", "shop")
            scene.cluster.remove("secrets", "store", "shop")
            await asyncio.sleep(0.1)
            noted(written)
        assert scene.watch.target("store", "shop") is None
        assert ("store", "shop") in scene.news()

    play(story)


def test_a_change_that_the_watch_reports_while_we_write_counts() -> None:
    """Somebody removed the label from what we had just written."""

    async def story(scene: Scene) -> None:
        await scene.begin()
        scene.secret("shop", OURS)
        await asyncio.sleep(0.1)
        scene.news()
        with scene.watch.writing("store", "shop") as noted:
            written = scene.cluster.edit("secrets", "store", "shop", lambda body: body.update(data={}))
            stripped = scene.cluster.edit("secrets", "store", "shop", lambda body: body["metadata"].update(labels={}))
            await asyncio.sleep(0.1)
            noted(written)
        assert stripped is not None
        assert scene.watch.target("store", "shop") is None
        assert ("store", "shop") in scene.news()

    play(story)


def test_what_changed_in_a_gap_is_found_by_the_next_list() -> None:
    """The watch's version became too old; meanwhile a Secret was changed, one deleted and one created."""

    async def story(scene: Scene) -> None:
        for name in ("same", "changed", "deleted"):
            scene.secret(name, RELEASED)
        scene.cluster.ends = [{"code": 410, "reason": "Expired"}] * 2
        await scene.begin()
        scene.news()
        scene.secret("changed", {**RELEASED, "team": "shop"})
        scene.cluster.remove("secrets", "store", "deleted")
        scene.secret("created", RELEASED)
        await asyncio.sleep(3)
        assert sorted(scene.news()) == [("store", name) for name in ("changed", "created", "deleted")]
        assert scene.watch.credentials("store", "deleted") is None
        scene.secret("later", RELEASED)
        await asyncio.sleep(0.1)
        assert scene.news() == [("store", "later")]

    play(story)


def test_a_server_that_ends_every_watch_at_once_is_not_asked_in_a_loop() -> None:
    """Whether the watch ends with an error or without one."""

    async def story(scene: Scene) -> None:
        scene.cluster.ends = [{"code": 500, "reason": "InternalError"}, None] * 1000
        await scene.begin()
        before = len(scene.cluster.ends)
        await asyncio.sleep(60)
        assert before - len(scene.cluster.ends) <= 130
        assert scene.cluster.lists <= 130

    play(story)


def test_an_api_server_that_is_away_is_tried_again_until_it_is_back() -> None:
    """At least every five seconds, with growing pauses up to that."""

    async def story(scene: Scene) -> None:
        scene.cluster.refused[""] = Unavailable("away")
        scene.task = asyncio.create_task(scene.watch.run())
        await asyncio.sleep(600)
        assert not scene.watch.synced.is_set()
        assert scene.watch.missing == "Secrets are not listed yet: away"
        assert 2 * 120 <= scene.cluster.lists <= 2 * 260
        scene.cluster.refused.clear()
        scene.secret("shop", RELEASED)
        await asyncio.sleep(5.1)
        assert scene.watch.synced.is_set()
        assert scene.watch.missing == ""
        assert scene.watch.credentials("store", "shop") is not None

    play(story)


def test_of_several_namespaces_one_that_is_not_granted_keeps_no_other_waiting() -> None:
    """It is listed as soon as that is granted."""

    async def story(scene: Scene) -> None:
        scene.cluster.refused["closed"] = Denied("403 forbidden", status=403)
        scene.secret("shop", RELEASED, namespace="open")
        scene.secret("shop", RELEASED, namespace="closed")
        scene.secret("shop", RELEASED, namespace="not served")
        await scene.begin()
        assert scene.watch.credentials("open", "shop") is not None
        assert scene.watch.credentials("closed", "shop") is None
        scene.cluster.refused.clear()
        await asyncio.sleep(31)
        assert scene.watch.credentials("closed", "shop") is not None
        assert scene.watch.credentials("not served", "shop") is None

    play(story, ("open", "closed"))
