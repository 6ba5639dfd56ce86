"""Rollovers of short-lived tokens: which ones are tested, and what the endpoint's log tells of each lifetime."""

import itertools
from collections.abc import Iterable
from functools import partial
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

_LATENCIES = (0.02, 0.2)
"""Seconds that a request takes on this machine: usually, and when it is busy."""
_STARTS = (0.0, 0.25, 0.6, 7.7)
"""Seconds by which the beginning is put off: parts of a second make a difference, since `expires_in` is in whole ones,
and which tokens are asked about early is decided by their time."""


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


def simulated(lead: float) -> list[tuple[int, int]]:
    """The same in virtual time: the fewest and the most requests of each of the first lifetimes."""
    plays: list[list[int]] = []

    async def story(world: World, start: float, latency: float) -> None:
        world.client.latency = latency
        await world.until(EPOCH + start)
        await world.begin(renewBefore=RENEW_BEFORE)
        await world.until(EPOCH + start + LIFETIME * (LIFETIMES + 1))
        plays.append(requests_by_lifetime(world.service.log.entries())[:LIFETIMES])

    for start, latency in itertools.product(_STARTS, _LATENCIES):
        play(partial(story, start=start, latency=latency), Policy(LIFETIME, lead))
    return [(min(counts), max(counts)) for counts in zip(*plays, strict=True)]
