"""Rollovers of short-lived tokens: which ones are tested, and what the endpoint's log tells of each lifetime."""

import itertools
from collections.abc import Iterable
from typing import Final

from tests.fakes.issuer import Policy
from tests.fakes.record import Record
from tests.unit.virtual import EPOCH
from tests.unit.world import World, play

LIFETIME: Final = 30.0
"""Seconds: the shortest for which 12 requests a minute are enough."""
RENEW_BEFORE: Final = "15s"
"""Half of the lifetime, so that there is something to learn."""
LEADS: Final = (12.0, 3.0, 0.0)
"""Seconds: longer than two polls are apart, shorter, and none."""
LIFETIMES: Final = 3
"""How many are counted: what is learned in the first shows in the others."""

_LATENCY = 0.02
"""Seconds that a request takes on this machine, about."""


def requests_by_lifetime(records: Iterable[Record]) -> list[int]:
    """Requests of each token's lifetime that is over: those after the one that brought the token, up to and with the
    one that brought the next."""
    counts = [0]
    for record in records:
        counts[-1] += 1
        if record.minted:
            counts.append(0)
    return counts[1:-1]


def gaps(records: Iterable[Record]) -> list[float]:
    """Seconds from each token's expiry to the request that brought the next one; negative where that came before."""
    minted = [record for record in records if record.minted]
    return [after.received - (before.expires or 0.0) for before, after in itertools.pairwise(minted)]


def simulated(lead: float) -> list[int]:
    """The same in virtual time: requests of each of the first lifetimes."""
    counts: list[int] = []

    async def story(world: World) -> None:
        world.client.latency = _LATENCY
        await world.begin(renewBefore=RENEW_BEFORE)
        await world.until(EPOCH + LIFETIME * (LIFETIMES + 1))
        counts.extend(requests_by_lifetime(world.service.log.entries())[:LIFETIMES])

    play(story, Policy(LIFETIME, lead))
    return counts
