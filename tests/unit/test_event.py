"""Events are posted in turn, and no namespace loses its events to a noisy neighbour."""

import asyncio

import pytest
from integration_token.cluster import event
from integration_token.cluster.collection import Collection, Object
from integration_token.cluster.event import EventRecorder, ObjectReference

from tests.fakes.cluster import Cluster
from tests.unit.virtual import FakeClock, run


class Slow(Cluster):
    """A cluster that is slow to accept events."""

    async def create(self, collection: Collection, namespace: str, body: Object, *, dry_run: bool = False) -> Object:
        await asyncio.sleep(0.11)
        return await super().create(collection, namespace, body, dry_run=dry_run)


def record(recorder: EventRecorder, namespace: str, name: str, *, warning: bool = False) -> None:
    """Records an event for a resource."""
    about = ObjectReference("integrationtoken.dev/v1alpha1", "IntegrationToken", namespace, name, f"{namespace} {name}")
    recorder.record(about, warning=warning, reason="TokenIssued", message="a token was issued")


async def posted(recorder: EventRecorder, cluster: Cluster) -> list[str]:
    """The namespaces of all recorded events, in the order in which they are posted."""
    posting = asyncio.create_task(recorder.run())
    await recorder.drain()
    posting.cancel()
    return [each["metadata"]["namespace"] for each in cluster.events]


@pytest.fixture
def few(monkeypatch: pytest.MonkeyPatch) -> int:
    """Limits how many events may wait."""
    monkeypatch.setattr(event, "QUEUE", 500)
    return event.QUEUE


async def test_namespaces_take_turns(clock: FakeClock) -> None:
    """However many events one namespace has."""
    cluster = Cluster()
    recorder = EventRecorder(cluster, clock, "test")
    for number in range(500):
        record(recorder, "crowd", f"{number}", warning=True)
    record(recorder, "store", "shop", warning=True)
    namespaces = await posted(recorder, cluster)
    assert namespaces.index("store") <= 1
    assert len(namespaces) == 501


async def test_with_too_many_events_the_largest_namespaces_are_dropped(clock: FakeClock, few: int) -> None:
    """Anybody who may create resources can have any number of them."""
    cluster = Cluster()
    recorder = EventRecorder(cluster, clock, "test")
    for number in range(2 * few):
        record(recorder, "crowd", f"{number}")
    for number in range(100):
        record(recorder, "store", f"{number}")
    namespaces = await posted(recorder, cluster)
    assert (namespaces.count("store"), len(namespaces)) == (100, few)


async def test_too_many_namespaces_with_one_event_each_are_posted_as_far_as_there_is_room(
    clock: FakeClock, few: int
) -> None:
    """One of the namespaces loses its event."""
    cluster = Cluster()
    recorder = EventRecorder(cluster, clock, "test")
    for number in range(few + 1):
        record(recorder, f"store-{number}", "shop")
    assert len(set(await posted(recorder, cluster))) == few


async def test_nothing_to_post_keeps_no_end_waiting(clock: FakeClock) -> None:
    """An orderly shutdown only waits for queued events."""
    await asyncio.wait_for(EventRecorder(Cluster(), clock, "test").drain(), 1.0)


def test_good_news_waits_for_the_end_of_a_burst() -> None:
    """Pods wait for Secrets, and people for errors; even an endless burst delays nothing for long."""

    async def story(clock: FakeClock) -> None:
        cluster = Cluster()
        recorder = EventRecorder(cluster, clock, "test")
        posting = asyncio.create_task(recorder.run())
        for number in range(100):
            record(recorder, "crowd", f"{number}")
            await asyncio.sleep(0.1)
        record(recorder, "store", "bad", warning=True)
        await asyncio.sleep(0.1)
        names = [each["involvedObject"]["name"] for each in cluster.events]
        assert names == [*(f"{number}" for number in range(25)), "bad"]
        await asyncio.sleep(1)
        assert len(cluster.events) == 101
        for number in range(400):
            record(recorder, "crowd", f"again {number}")
            await asyncio.sleep(0.1)
        assert 401 < len(cluster.events) < 501
        await recorder.drain()
        assert len(cluster.events) == 501
        posting.cancel()

    run(story)


def test_good_news_waits_for_what_is_waited_for_more() -> None:
    """Such as the statuses of the same resources, but not indefinitely."""

    async def story(clock: FakeClock) -> None:
        cluster = Cluster()
        recorder = EventRecorder(cluster, clock, "test")
        posting = asyncio.create_task(recorder.run())
        for number in range(100):
            record(recorder, "crowd", f"{number}")
        for _ in range(100):
            recorder.wait_on()
            await asyncio.sleep(0.1)
        assert len(cluster.events) == 25
        await asyncio.sleep(1)
        assert len(cluster.events) == 100
        for number in range(100):
            record(recorder, "crowd", f"{number}")
        for _ in range(310):
            recorder.wait_on()
            await asyncio.sleep(0.1)
        assert len(cluster.events) == 200
        posting.cancel()

    run(story)


async def test_what_waits_for_calm_is_posted_before_the_end(clock: FakeClock) -> None:
    """A process that is shutting down loses no event."""
    cluster = Cluster()
    recorder = EventRecorder(cluster, clock, "test")
    posting = asyncio.create_task(recorder.run())
    record(recorder, "crowd", "early")
    await asyncio.sleep(0)
    for number in range(600):
        record(recorder, "crowd", f"{number}")
    await recorder.drain()
    posting.cancel()
    assert len(cluster.events) == 601


def test_endless_bad_news_holds_up_good_news_for_no_longer() -> None:
    """Warnings may arrive faster than they are posted."""

    async def story(clock: FakeClock) -> None:
        cluster = Slow()
        recorder = EventRecorder(cluster, clock, "test")
        posting = asyncio.create_task(recorder.run())
        for number in range(100):
            record(recorder, "store", f"{number}")
        for number in range(400):
            record(recorder, "crowd", f"{number}", warning=True)
            await asyncio.sleep(0.1)
        namespaces = [each["metadata"]["namespace"] for each in cluster.events]
        assert namespaces.count("store") == 100
        posting.cancel()

    run(story)


def test_good_news_of_one_resource_stays_in_order() -> None:
    """Even what comes after the calm, while others' events are still being posted."""

    async def story(clock: FakeClock) -> None:
        cluster = Slow()
        recorder = EventRecorder(cluster, clock, "test")
        posting = asyncio.create_task(recorder.run())
        for number in range(30):
            record(recorder, "store", f"{number}")
        await asyncio.sleep(1)
        record(recorder, "store", "later")
        await recorder.drain()
        names = [each["involvedObject"]["name"] for each in cluster.events]
        assert names == [*(f"{number}" for number in range(30)), "later"]
        posting.cancel()

    run(story)


def test_before_the_end_nothing_is_held_and_bad_news_goes_first() -> None:
    """Time is short then, and deferred events may come from thousands of namespaces."""

    async def story(clock: FakeClock) -> None:
        cluster = Slow()
        recorder = EventRecorder(cluster, clock, "test")
        posting = asyncio.create_task(recorder.run())
        for number in range(100):
            record(recorder, f"store-{number}", "shop")
        recorder.hold_no_more()
        await asyncio.sleep(5)
        assert len(cluster.events) > 40
        record(recorder, "store", "ended")
        record(recorder, "crowd", "bad", warning=True)
        await asyncio.sleep(0.3)
        assert "bad" in [each["involvedObject"]["name"] for each in cluster.events]
        await recorder.drain()
        assert len(cluster.events) == 102
        posting.cancel()

    run(story)
