"""Events are posted in turn, and nobody's are lost for what a neighbour has to tell."""

import asyncio

from integration_token.cluster.event import EventRecorder, ObjectReference

from tests.fakes.cluster import Cluster
from tests.unit.virtual import FakeClock


def record(recorder: EventRecorder, namespace: str, name: str) -> None:
    """Something happened to a resource."""
    about = ObjectReference("integrationtoken.dev/v1alpha1", "IntegrationToken", namespace, name, f"{namespace} {name}")
    recorder.record(about, warning=False, reason="TokenIssued", message="a token was issued")


async def posted(recorder: EventRecorder, cluster: Cluster) -> list[str]:
    """The namespaces of all events that were recorded, in the order in which they are posted."""
    posting = asyncio.create_task(recorder.run())
    await recorder.drain()
    posting.cancel()
    return [event["metadata"]["namespace"] for event in cluster.events]


async def test_namespaces_take_turns(clock: FakeClock) -> None:
    """However many events one of them has."""
    cluster = Cluster()
    recorder = EventRecorder(cluster, clock, "test")
    for number in range(500):
        record(recorder, "crowd", f"{number}")
    record(recorder, "store", "shop")
    namespaces = await posted(recorder, cluster)
    assert namespaces.index("store") <= 1
    assert len(namespaces) == 501


async def test_with_too_many_those_of_who_has_most_are_dropped(clock: FakeClock) -> None:
    """Whoever may create resources may have any number of them."""
    cluster = Cluster()
    recorder = EventRecorder(cluster, clock, "test")
    for number in range(3000):
        record(recorder, "crowd", f"{number}")
    for number in range(100):
        record(recorder, "store", f"{number}")
    namespaces = await posted(recorder, cluster)
    assert (namespaces.count("store"), len(namespaces)) == (100, 1000)


async def test_too_many_namespaces_with_one_event_each_are_posted_as_far_as_there_is_room(clock: FakeClock) -> None:
    """One of them loses its own."""
    cluster = Cluster()
    recorder = EventRecorder(cluster, clock, "test")
    for number in range(1001):
        record(recorder, f"store-{number}", "shop")
    assert len(set(await posted(recorder, cluster))) == 1000


async def test_nothing_to_post_keeps_no_end_waiting(clock: FakeClock) -> None:
    """An orderly end waits for what was queued alone."""
    await asyncio.wait_for(EventRecorder(Cluster(), clock, "test").drain(), 1.0)
