"""Rollovers of short-lived tokens: which ones are tested, and what the endpoint's log shows of each lifetime."""

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
"""Seconds: the shortest lifetime for which 12 requests a minute are enough."""
RENEW_BEFORE: Final = "15s"
"""Half of the lifetime, so that there is something to learn."""
LEADS: Final = (12.0, 3.0, 0.0)
"""In seconds: more than the interval between two polls, less, and none."""
LIFETIMES: Final = 3
"""How many lifetimes are counted: what the first one teaches shows in the others."""

_LATENCY = (0.005, 0.3)
"""Seconds that a request takes on this machine, busy or idle.

If the request for a token took longer than the one at its expiry, the latter comes too early, and another follows.
"""
_STARTS = 10.0
"""Seconds by which the start is delayed at most.

Fractions of a second matter, since `expires_in` is in whole ones, and the time decides which tokens are probed early.
"""
_PLAYS = 48
_LOAD = 0.25
"""Seconds during which the machine's load stays the same."""


def requests_by_lifetime(records: Iterable[Record]) -> list[int]:
    """The requests in each completed lifetime: after the one for the token, up to the one for the next."""
    counts = [0]
    for record in records:
        counts[-1] += 1
        if record.minted:
            counts.append(0)
    return counts[1:-1]


def gaps(records: Iterable[Record]) -> list[float]:
    """Seconds from each token's expiry to the request for the next one; negative if that came earlier."""
    minted = [record for record in records if record.minted]
    return [after.received - (before.expires or 0.0) for before, after in itertools.pairwise(minted)]


def simulated(lead: float) -> list[tuple[int, int]]:
    """The same in virtual time: the fewest and the most requests in each of the first lifetimes."""
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
