"""The endpoints in the table, for each of which a year is simulated."""

from typing import Final

from tests.fakes import fault
from tests.fakes.issuer import Policy
from tests.simulation.story import DAY, Drift, Glitch, Kind, Restart, Step, Story, Trouble, Varying

LIFETIMES: Final = 365
HOUR: Final = 3600.0


def _monthly(kind: Kind, seconds: float, before: float, pause: int = 0) -> tuple[Trouble, ...]:
    """Twelve outages, each beginning `before` seconds before the end of a day."""
    starts = [30 * DAY * month - before for month in range(1, 13)]
    return tuple(Trouble(start, start + seconds, kind, pause) for start in starts)


def _monthly_restarts() -> tuple[Restart, ...]:
    """Twelve at any time of day; every other one is a kill."""
    return tuple(Restart(30 * DAY * month + 7919.0 * month, kill=month % 2 == 0) for month in range(1, 13))


def _monthly_steps() -> tuple[Step, ...]:
    """Twelve, alternating between an hour forward and an hour back."""
    return tuple(Step(30 * DAY * month + 4999.0 * month, HOUR if month % 2 else -HOUR) for month in range(1, 13))


MODELS: Final[dict[str, tuple[str, Story]]] = {
    "lead 1 h": ("as the GraFx endpoint is described", Story(Policy(lead=HOUR))),
    "lead 10 min": ("room for two polls at a safe distance", Story(Policy(lead=600))),
    "lead 5 min": ("just enough for a mounted file", Story(Policy(lead=300))),
    "lead 4 min": ("the least that is called in time", Story(Policy(lead=240))),
    "lead 1 min": ("new tokens come too late for the kubelet", Story(Policy(lead=60))),
    "lead 5 s": ("a single poll fits in", Story(Policy(lead=5))),
    "lead 0": ("the cache keeps a token to its last second", Story(Policy(lead=0))),
    "lead -10 s": ("an expired token is answered for 10 s", Story(Policy(lead=-10))),
    "lead -5 min": ("an expired token is answered for 5 min", Story(Policy(lead=-300))),
    "lead 23 h": ("a new token every hour, for who asks", Story(Policy(lead=23 * HOUR))),
    "uncached": ("every request mints a token", Story(Policy(cached=False))),
    "5 min, uncached": ("Keycloak's default", Story(Policy(lifetime=300, cached=False))),
    "5 min, lead 2 min": ("half of them is asked for in vain", Story(Policy(lifetime=300, lead=120))),
    "eager, lead 1 h": ("others ask too: a token is an hour old when it is needed", Story(Policy(eager=True))),
    "frozen expires_in": ("a proxy replays the first answer", Story(Policy(frozen=True))),
    "replaying cache": ("an HTTP cache answers as at first; Age tells", Story(dialect=fault.REPLAYED)),
    "UNIX time": ("`expires_in` is the moment", Story(dialect=fault.EXPIRES_EPOCH)),
    "no expires_in": ("opaque tokens of unknown expiry", Story(dialect=fault.EXPIRES_MISSING)),
    "no expires_in, JWT": (
        "`exp` tells what the answer does not",
        Story(Policy(jwt=True), dialect=fault.EXPIRES_MISSING),
    ),
    "alternating caches": ("old and new in turn until the old expires", Story(Policy(alternating=True))),
    "lead 30 to 90 min": ("another lead with every token", Story(Policy(leads=Varying(1800, 5400, 1)))),
    "lead 0 to 30 min": ("at times too late, and one never knows when", Story(Policy(leads=Varying(0, 1800, 1)))),
    "lead 1 h, then 2 min": ("the lead shrinks at token 100", Story(Policy(leads=Drift(HOUR, 120, 100)))),
    "lead 2 min, then 1 h": ("the lead grows at token 100", Story(Policy(leads=Drift(120, HOUR, 100)))),
    "one late rollover": ("1 h, but once at expiry", Story(Policy(leads=Glitch(HOUR, 0, 100)))),
    "old at first": ("the cache holds a token with 100 s left, lead 0", Story(Policy(lead=0), warmed=DAY - 100)),
    "expired at first": ("the cache holds a token that expired 1 min ago", Story(Policy(lead=-300), warmed=DAY + 60)),
    "unreachable monthly": (
        "3 h without a connection, over expiry",
        Story(troubles=_monthly(Kind.UNREACHABLE, 3 * HOUR, 2 * HOUR)),
    ),
    "500 for 2 days": (
        "once, and longer than a lifetime",
        Story(troubles=(Trouble(100 * DAY, 102 * DAY, Kind.ERROR),)),
    ),
    "hangs monthly": ("no answer for 3 h", Story(troubles=_monthly(Kind.HANG, 3 * HOUR, 2 * HOUR))),
    "429 monthly": ("Retry-After 10 min, for 3 h", Story(troubles=_monthly(Kind.LIMITED, 3 * HOUR, 2 * HOUR, 600))),
    "429 reset monthly": (
        "x-ratelimit-reset 10 min, for 3 h",
        Story(troubles=_monthly(Kind.LIMITED_RESET, 3 * HOUR, 2 * HOUR, 600)),
    ),
    "clock 5 min ahead": ("the operator's, lead 0, JWT", Story(Policy(lead=0, jwt=True), skew=300)),
    "clock 5 min behind": ("the operator's, lead 0, JWT", Story(Policy(lead=0, jwt=True), skew=-300)),
    "clock set monthly": ("an hour forward, an hour back", Story(Policy(lead=300), steps=_monthly_steps())),
    "restarts monthly": ("graceful and killed in turn", Story(Policy(lead=300), restarts=_monthly_restarts())),
}
"""By name, with a description: by default tokens live 24 h with a lead of 1 h.

Each is played for `LIFETIMES` of its tokens.
"""
