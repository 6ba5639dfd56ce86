"""Stopping kopf always succeeds: nothing that it waits for can go on indefinitely."""

import asyncio
from contextlib import suppress

from integration_token.handlers.supervisor import Supervisor

from tests.unit.world import World, play


async def swallow() -> None:
    """kopf's watcher if the pause that it waits on is cancelled at the same time."""
    with suppress(asyncio.CancelledError):
        await asyncio.Event().wait()
    await asyncio.Event().wait()


def test_a_watcher_that_takes_its_cancellation_for_a_pause_is_cancelled_again() -> None:
    """A watcher that nobody has cancelled goes on."""

    async def story(_: World) -> None:
        names = ("watcher for integrationtokens@store", "watcher for tokenendpoints@store", "another")
        ended, watching, other = (asyncio.create_task(swallow(), name=name) for name in names)
        ending = asyncio.create_task(Supervisor._end_what_hangs())
        await asyncio.sleep(1)
        for task in (ended, other):
            task.cancel()
        await asyncio.sleep(1)
        assert not ended.done()  # which is why kopf would wait for it
        await asyncio.sleep(15)
        assert ended.cancelled()
        assert not watching.done()
        assert not other.done()
        for task in (watching, other, ending):
            task.cancel()

    play(story)
