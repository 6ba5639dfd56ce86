"""Rollovers of short-lived tokens: which ones are tested, and what the endpoint's log tells of each lifetime."""

import itertools
from collections.abc import Iterable
from functools import partial
from random import Random
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

_LATENCY = (0.005, 0.3)
"""Seconds that a request takes on this machine, which may be busy at one and idle at the next: where the one that
brought a token took longer than the one on its expiry, that one comes too early, and another follows."""
_STARTS = 10.0
"""Seconds by which the beginning is put off at most: parts of a second make a difference, since `expires_in` is in
whole ones, and which tokens are asked about early is decided by their time."""
_PLAYS = 48
_LOAD = 0.25
"""Seconds for which the machine is as busy as it is."""


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

    async def story(world: World, chance: Random) -> None:
        now = EPOCH + chance.uniform(0.0, _STARTS)
        end = now + LIFETIME * (LIFETIMES + 1)
        await world.until(now)
        await world.begin(renewBefore=RENEW_BEFORE)
        while now < end:
            world.client.latency = chance.uniform(*_LATENCY)
            await world.until(now := now + _LOAD)
        plays.append(requests_by_lifetime(world.service.log.entries())[:LIFETIMES])

    for seed in range(_PLAYS):
        play(partial(story, chance=Random(seed)), Policy(LIFETIME, lead))  # noqa: S311  # chance, not secrecy
    return [(min(counts), max(counts)) for counts in zip(*plays, strict=True)]
