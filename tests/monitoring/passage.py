"""Days of an operator in virtual time, scraped like Prometheus does: the operator's own parts and its own text."""

import asyncio
from collections.abc import Callable, Coroutine
from typing import Any, Final

from tests.fakes.issuer import Policy
from tests.monitoring.series import Recording
from tests.unit.scrape import scraped
from tests.unit.virtual import FakeClock, run
from tests.unit.world import World, glancing

STEP: Final = 120
"""Seconds between two scrapes: two fit into the five minutes after which Prometheus considers a series stale."""
MINUTE, HOUR, DAY = 60.0, 3600.0, 86400.0

Plot = Callable[[World], Coroutine[Any, Any, None]]


def record(plot: Plot, seconds: float, policy: Policy, *, step: int = STEP, **spec: Any) -> Recording:
    """Plays a world with the resource `store/shop` at the endpoint `login`, and records its scrapes.

    :param plot: what happens meanwhile; it begins when the first token is there.
    :param policy: of the endpoint.
    :param step: seconds between two scrapes, if tokens don't live for a day.
    :param spec: of the resource.
    """

    async def main(clock: FakeClock) -> Recording:
        world = World(clock, policy)
        scrapes: list[tuple[float, str | None]] = []
        try:
            await world.begin(**spec)
            plotted = asyncio.create_task(plot(world))
            for _ in range(int(seconds // step) + 1):
                scrapes.append((clock.now().wall, scraped(world.operator.metrics)))
                await asyncio.sleep(step)
            await plotted
        finally:
            await world.operator.stop(kill=True)
        return Recording(step, scrapes)

    with glancing(HOUR):
        return run(main)


async def nothing(_: World) -> None:
    """The plot of most days: nothing happens."""
