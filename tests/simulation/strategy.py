"""Random stories, with a strategy for each kind of trouble, since a story of everything proves little about each."""

import math
from dataclasses import replace
from typing import Any

from hypothesis import strategies as st
from hypothesis.strategies import DrawFn, SearchStrategy

from tests.fakes.fault import EXPIRES_EPOCH, EXPIRES_MISSING, EXPIRES_ZERO, REPLAYED
from tests.fakes.issuer import Policy
from tests.simulation.story import (
    DAY,
    Drift,
    Glitch,
    Kind,
    Member,
    Restart,
    Step,
    Story,
    Trouble,
    Varying,
)

HOUR = 3600.0
SHORTEST, LONGEST = 30.0, 30 * DAY
"""Lifetimes, in seconds."""


def _log(low: float, high: float) -> SearchStrategy[float]:
    """A number between two bounds, with all orders of magnitude equally likely."""
    return st.floats(math.log(low), math.log(high)).map(lambda each: round(math.exp(each), 3))


LIFETIMES: SearchStrategy[float] = st.one_of(
    st.sampled_from([30.0, 60.0, HOUR, DAY, 30 * DAY]), _log(SHORTEST, LONGEST)
)

SKEWS = st.sampled_from([0.0, 300.0, -300.0, 7.3])
"""Seconds by which the operator's clock is ahead."""

DELAYS = st.sampled_from([0.0, 0.0, 50.0, 60.0, 600.0])
"""Seconds for which consumers keep using an old token."""

TWISTS: list[dict[str, Any]] = [
    *[{}] * 4,
    {"audience": "b"},
    {"scopes": ("read",)},
    {"client": "other"},
    {"endpoint": "other"},
    {"endpoint": "own"},
    {"wrong": True},
]
"""What makes a resource's grant differ from the first one's."""


def leads(lifetime: float) -> SearchStrategy[float]:
    """Seconds, from some after expiry to almost a whole lifetime before it."""
    known = [lead for lead in (HOUR, 600.0, 300.0, 240.0, 60.0, 5.0, 1.0, 0.0, -1.0, -10.0, -300.0) if lead < lifetime]
    return st.one_of(
        st.sampled_from(known),
        st.floats(-min(600.0, lifetime), lifetime * 0.9).map(lambda each: round(each, 3)),
        _log(1.0, max(2.0, lifetime * 0.3)),
    )


@st.composite
def policies(draw: DrawFn, lifetimes: SearchStrategy[float] = LIFETIMES) -> Policy:
    """An endpoint with a steady lead."""
    lifetime = draw(lifetimes)
    cached = draw(st.sampled_from([True, True, True, True, False]))
    return Policy(
        lifetime=lifetime,
        lead=draw(leads(lifetime)),
        cached=cached,
        alternating=cached and draw(st.booleans()),
        jwt=draw(st.booleans()),
        eager=cached and draw(st.booleans()),
    )


@st.composite
def unsteady(draw: DrawFn) -> Policy:
    """An endpoint whose lead changes."""
    lifetime = draw(st.one_of(st.sampled_from([HOUR, DAY]), _log(600, LONGEST)))
    some = leads(lifetime)
    one, other, at = draw(some), draw(some), draw(st.integers(2, 6))
    changes: tuple[Varying | Drift | Glitch, ...] = (
        Varying(min(one, other), max(one, other), at),
        Drift(one, other, at),
        Glitch(one, other, at),
    )
    return Policy(lifetime=lifetime, leads=draw(st.sampled_from(changes)), eager=draw(st.booleans()))


@st.composite
def moments(draw: DrawFn, policy: Policy, seconds: float) -> float:
    """A moment in a story, preferably one when something is about to happen."""
    if draw(st.booleans()):
        return round(draw(st.floats(0.0, seconds)), 3)
    number = draw(st.integers(1, max(1, int(seconds / policy.lifetime))))
    around = draw(st.sampled_from([0.0, policy.lead, policy.lead / 2, 0.2 * policy.lifetime]))
    off = draw(st.floats(-0.02 * policy.lifetime, 0.02 * policy.lifetime))
    return round(min(seconds, max(0.0, number * policy.lifetime - around + off)), 3)


@st.composite
def quiet(draw: DrawFn) -> Story:
    """Nothing goes wrong."""
    policy = draw(policies())
    if not policy.eager and draw(st.integers(0, 4)) == 0:
        # What a proxy replays is as old as the token only if nobody else requested it before.
        return Story(replace(policy, frozen=True, alternating=False), seconds=_length(policy, 3))
    return Story(
        policy,
        seconds=_length(policy, draw(st.integers(2, 6))),
        renew_before=draw(st.one_of(st.none(), _log(1.0, policy.lifetime))),
        stated=draw(st.one_of(st.none(), _log(1.0, policy.lifetime))),
        warmed=draw(_warmed(policy)),
        latency=draw(st.sampled_from([0.0, 0.0, 0.2])),
        dialect=draw(st.sampled_from([None, None, None, EXPIRES_EPOCH, REPLAYED])),
        members=draw(_patient()),
    )


@st.composite
def unknown(draw: DrawFn) -> Story:
    """Opaque tokens whose lifetime nothing states."""
    policy = replace(draw(policies(_log(HOUR, 10 * HOUR))), jwt=False, alternating=False)
    return Story(policy, seconds=_length(policy, 2), dialect=draw(st.sampled_from([EXPIRES_MISSING, EXPIRES_ZERO])))


@st.composite
def changing(draw: DrawFn) -> Story:
    """The lead changes, and nothing else goes wrong."""
    policy = draw(unsteady())
    return Story(policy, seconds=_length(policy, draw(st.integers(4, 10))), members=draw(_patient()))


@st.composite
def troubled(draw: DrawFn) -> Story:
    """The endpoint is broken at times."""
    policy = draw(policies())
    seconds = _length(policy, draw(st.integers(2, 5)))
    return Story(
        policy,
        seconds=seconds,
        troubles=draw(_troubles(policy, seconds)),
        latency=draw(st.sampled_from([0.0, 0.2])),
    )


@st.composite
def restarted(draw: DrawFn) -> Story:
    """The operator is restarted at times, even in the middle of its work."""
    policy = draw(policies())
    seconds = _length(policy, draw(st.integers(2, 5)))
    return Story(policy, seconds=seconds, restarts=draw(_restarts(policy, seconds)), members=draw(_patient()))


@st.composite
def stepped(draw: DrawFn) -> Story:
    """The operator's wall clock is wrong, and is set."""
    policy = draw(policies())
    seconds = _length(policy, draw(st.integers(2, 5)))
    return Story(policy, seconds=seconds, skew=draw(SKEWS), steps=draw(_steps(policy, seconds)))


@st.composite
def steady(draw: DrawFn) -> Story:
    """Enough tokens with the same lead for it to be long known."""
    lifetime = draw(_log(600.0, LONGEST))
    policy = Policy(lifetime=lifetime, lead=draw(leads(lifetime)), jwt=draw(st.booleans()), eager=draw(st.booleans()))
    return Story(policy, seconds=_length(policy, 60), members=draw(_patient()))


@st.composite
def interrupted(draw: DrawFn) -> Story:
    """A single restart and nothing else: not even alternating caches, which depend on who asks how often."""
    policy = replace(draw(policies()), alternating=False)
    seconds = _length(policy, 3)
    at = draw(moments(policy, seconds))
    return Story(
        policy, seconds=seconds, restarts=(Restart(at, kill=draw(st.booleans()), answered=draw(st.booleans())),)
    )


@st.composite
def shared(draw: DrawFn) -> Story:
    """Several resources, some with the same grant; each differs little from the first."""
    policy = Policy(lifetime=HOUR, lead=draw(st.sampled_from([HOUR / 2, 300.0, 0.0, -10.0])))
    found = []
    for number in range(draw(st.integers(2, 6))):
        twist = draw(st.sampled_from(TWISTS))
        namespace = draw(st.sampled_from(["store", "store", "outlet"]))
        found.append(Member(f"shop-{number}", namespace, delay=draw(DELAYS), **twist))
    restarts = draw(st.lists(st.builds(Restart, moments(policy, 3 * policy.lifetime), kill=st.booleans()), max_size=1))
    return Story(policy, seconds=_length(policy, 3), members=tuple(found), restarts=tuple(restarts))


@st.composite
def anything(draw: DrawFn) -> Story:
    """All of it together."""
    base = draw(st.one_of(troubled(), changing()))
    return replace(
        base,
        warmed=draw(_warmed(base.policy)),
        skew=draw(SKEWS),
        restarts=draw(_restarts(base.policy, base.seconds)),
        steps=draw(_steps(base.policy, base.seconds)),
    )


@st.composite
def _restarts(draw: DrawFn, policy: Policy, seconds: float) -> tuple[Restart, ...]:
    one = st.builds(Restart, moments(policy, seconds), kill=st.booleans(), answered=st.booleans())
    return tuple(sorted(draw(st.lists(one, min_size=1, max_size=4)), key=lambda each: each.at))


@st.composite
def _steps(draw: DrawFn, policy: Policy, seconds: float) -> tuple[Step, ...]:
    one = st.builds(Step, moments(policy, seconds), st.sampled_from([HOUR, -HOUR, 300.0, -300.0, 1.0, -1.0]))
    return tuple(sorted(draw(st.lists(one, max_size=3)), key=lambda each: each.at))


@st.composite
def _troubles(draw: DrawFn, policy: Policy, seconds: float) -> tuple[Trouble, ...]:
    found = []
    for _ in range(draw(st.integers(1, 4))):
        start = draw(moments(policy, seconds))
        length = draw(st.one_of(_log(1.0, 3 * HOUR), _log(max(1.0, policy.lifetime / 10), 2 * policy.lifetime)))
        # A tenth of a shorter lifetime would be too short for the promises.
        kind = draw(st.sampled_from([each for each in Kind if each is not Kind.SHORT or policy.lifetime >= 600]))
        pause = draw(st.sampled_from([1, 7, 60, 600, 3600]))
        found.append(Trouble(start, round(start + min(length, 3 * HOUR), 3), kind, pause))
    return tuple(sorted(found, key=lambda each: each.start))


def _patient() -> SearchStrategy[tuple[Member, ...]]:
    """A resource whose consumers may keep using an old token."""
    return DELAYS.map(lambda delay: (Member(delay=delay),))


def _warmed(policy: Policy) -> SearchStrategy[float | None]:
    """When somebody else filled the cache: part of a lifetime ago, or never."""
    if not policy.cached:
        return st.none()
    return st.one_of(st.none(), st.floats(0.0, policy.lifetime * 0.999).map(lambda each: round(each, 3)))


def _length(policy: Policy, lifetimes: int) -> float:
    return round((lifetimes + 0.5) * policy.lifetime, 3)
