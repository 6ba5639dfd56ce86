"""Whatever happens to the cluster around the operator, no resource is forgotten, and all recover with it."""

import asyncio
import base64

import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from hypothesis.strategies import DrawFn
from integration_token.api.names import INTEGRATION_TOKENS

from tests.fakes.issuer import Policy
from tests.simulation import promise
from tests.simulation.chronicle import Chronicle
from tests.simulation.disturbance import (
    Deletion,
    Disturbance,
    Gap,
    Manner,
    Rival,
    Storm,
    Weather,
    What,
    Wishes,
    over,
)
from tests.simulation.inside import awaited
from tests.simulation.settings import examples
from tests.simulation.stage import Simulation
from tests.simulation.story import Kind, Member, Story, Trouble
from tests.unit.virtual import EPOCH, FakeClock, run
from tests.unit.world import glancing

CALM = 700.0
"""Seconds without a disturbance after which everything is well.

The longest wait, after a refusal, is 5 min, and what comes after it may wait as long again.
"""
GLANCE = 5.0
"""Seconds between two checks for forgotten resources."""
LIFETIME = 600.0
LONG = Policy()
"""Tokens that aren't renewed while a story lasts."""
MEMBERS = (Member(), Member("till"), Member("stock", client="stock"), Member("own", endpoint="own", client="own"))


def play(story: Story) -> tuple[Chronicle, Simulation]:
    """Plays a story, and checks all the while that nothing is forgotten.

    :raises AssertionError: if something is.
    """

    async def main(clock: FakeClock) -> tuple[Chronicle, Simulation]:
        world = Simulation(clock, story)
        telling = asyncio.create_task(world.tell())
        try:
            while not telling.done():
                await asyncio.wait((telling,), timeout=GLANCE)
                _nothing_is_forgotten(world)
            await telling
            return world.chronicle, world
        finally:
            telling.cancel()
            await world.operator.stop(kill=True)

    with glancing(1.0):
        return run(main)


def _nothing_is_forgotten(world: Simulation) -> None:
    for key in world.operator.inventory.resources:
        if (INTEGRATION_TOKENS, key.namespace, key.name) in world.cluster.objects:
            told = awaited(world.operator, key.namespace, key.name)
            assert told, f"at {world.now:.3f} s {key.namespace}/{key.name} would never be looked at again"


def check(story: Story) -> Chronicle:
    """Plays a story, and checks the promises that hold in any."""
    try:
        chronicle, world = play(story)
        all_is_well(world)
        for member in story.members:
            promise.never_crossed(chronicle, (member.namespace, member.name), member)
        promise.never_a_burst(story, chronicle)
        promise.pauses_are_kept(story, chronicle)
    except AssertionError as error:
        raise AssertionError(f"{error}\nin {story!r}") from None
    return chronicle


def all_is_well(world: Simulation) -> None:
    """Every resource is Ready, and its Secret holds a valid token as the status says."""
    for member in world.story.members:
        if member.wrong:
            continue
        body = world.cluster.object(INTEGRATION_TOKENS, member.namespace, member.name)
        conditions = {each["type"]: each for each in body["status"]["conditions"]}
        assert conditions["Ready"]["status"] == "True", f"{member.namespace}/{member.name}: {conditions}"
        secret = world.cluster.find("secrets", member.namespace, member.name)
        assert secret is not None, f"{member.namespace}/{member.name} has no Secret"
        token, _ = world.find(base64.b64decode(secret["data"]["token"]).decode())
        assert token.expires - EPOCH > world.now, f"{member.namespace}/{member.name} holds an expired token"


def story(*disturbances: Disturbance, troubles: tuple[Trouble, ...] = (), members: tuple[Member, ...] = MEMBERS,
          policy: Policy | None = None) -> Story:  # fmt: skip
    """A story that ends well once the disturbances are over."""
    ends = [over(each) for each in disturbances] + [each.end for each in troubles]
    return Story(
        policy or Policy(LIFETIME, lead=60),
        # No renewal may repair what was forgotten.
        seconds=max(ends, default=0.0) + CALM,
        troubles=troubles,
        members=members,
        disturbances=disturbances,
    )


SECRETS = "secrets"

FOUND = {
    "targets deleted before their creation is answered": story(
        Storm(0, 60, Weather.SLOW, SECRETS),
        Rival(0, 30, Manner.DELETES),
        Rival(0, 4, Manner.DELETES, name="stock"),
        Rival(0, 15, Manner.DELETES, name="own"),
        policy=LONG,
    ),
    "labels changed before writes are answered": story(
        Storm(0, 60, Weather.SLOW, SECRETS),
        Rival(0, 30, Manner.RELABELS),
        Rival(0, 4, Manner.RELABELS, name="stock"),
        policy=LONG,
    ),
    "an endpoint away, then conflicts": story(
        Storm(3, 30, Weather.CONFLICT, SECRETS), troubles=(Trouble(0, 3, Kind.UNREACHABLE),)
    ),
    "a hanging endpoint is deleted": story(
        Deletion(5, What.ENDPOINT, name="own-0", again=3000),
        troubles=(Trouble(0, 4000, Kind.HANG, host="own.store.example"),),
        members=(
            *(Member(f"own-{n}", endpoint="own", client=f"own-{n}") for n in range(8)),
            Member("other", endpoint="own2", client="other"),
        ),
    ),
    "credentials that come and go while the endpoint fails": story(
        *(Deletion(5.0 + 2 * number, What.CREDENTIALS, again=1.0) for number in range(28)),
        troubles=(Trouble(0, 70, Kind.ERROR),),
        members=(Member(),),
    ),
    "lost responses": story(Storm(0, 100, Weather.LOST)),
    "a quota for ten minutes": story(Storm(0, 600, Weather.DENIED, SECRETS), policy=Policy(LIFETIME, cached=False)),
    "an unavailable API server at a renewal": story(Storm(500, 700, Weather.AWAY)),
    "a gap in which a resource is created again": story(Gap(100, 160), Deletion(110, What.RESOURCE)),
    "a gap in which a target is deleted": story(Gap(100, 160), Deletion(110, What.TARGET)),
}
"""What was once found broken, as classes."""


@pytest.mark.parametrize("name", FOUND)
def test_found(name: str) -> None:
    """What was found once is never found again."""
    check(FOUND[name])


def test_a_quota_costs_few_tokens() -> None:
    """With an endpoint that mints per request: one per resource before it is known that none can be written."""
    told = story(Storm(0, 600, Weather.DENIED, SECRETS), policy=Policy(LIFETIME, cached=False), members=(Member(),))
    chronicle = check(told)
    assert len([each for each in chronicle.asked if each.at < 600]) == 1


@pytest.mark.parametrize(("manner", "most"), [(Manner.DELETES, 2 + 300 / 5), (Manner.OVERWRITES, 8 + 300 / 30),
                                              (Manner.RELABELS, 8 + 300 / 30)])  # fmt: skip
def test_a_rival_is_not_fought(manner: Manner, most: float) -> None:
    """Five minutes of it cost few writes and few requests."""
    chronicle = check(story(Rival(50, 350, manner), members=(Member(),)))
    writes = [each for each in chronicle.written["store", "shop"] if 50 <= each.at < 350]
    assert len(writes) <= most


@st.composite
def disturbances(draw: DrawFn) -> tuple[Disturbance, ...]:
    """Disturbances of all sorts."""
    start = st.one_of(st.floats(0, 1200), st.sampled_from([0.0, 470.0, 540.0, 600.0])).map(lambda at: round(at, 3))
    length = st.one_of(st.floats(0.5, 300), st.sampled_from([1.0, 30.0])).map(lambda seconds: round(seconds, 3))
    names = st.sampled_from([member.name for member in MEMBERS])
    found: list[Disturbance] = []
    for _ in range(draw(st.integers(1, 5))):
        at, until = draw(start), draw(length)
        kind = draw(st.sampled_from(["storm", "storm", "gap", "deletion", "deletion", "rival", "wishes"]))
        match kind:
            case "storm":
                plural = draw(st.sampled_from(["", SECRETS, INTEGRATION_TOKENS]))
                found.append(Storm(at, at + until, draw(st.sampled_from(Weather)), plural))
            case "gap":
                found.append(Gap(at, at + until))
            case "deletion":
                found.append(Deletion(at, draw(st.sampled_from(What)), name=draw(names), again=min(until, 60.0)))
            case "rival":
                manner = draw(st.sampled_from(Manner))
                found.append(Rival(at, at + min(until, 90.0), manner, name=draw(names)))
            case _:
                found.append(Wishes(at, at + until, name=draw(names)))
    gaps = [each for each in found if isinstance(each, Gap)]
    return tuple(each for each in found if each not in gaps[1:])


@st.composite
def disturbed(draw: DrawFn) -> Story:
    """All of it together."""
    policy = Policy(
        LIFETIME, lead=draw(st.sampled_from([60.0, 200.0, 5.0])), cached=draw(st.sampled_from([True] * 3 + [False]))
    )
    troubles: tuple[Trouble, ...] = ()
    if draw(st.booleans()):
        at = round(draw(st.floats(0, 1000)), 3)
        kinds = [Kind.UNREACHABLE, Kind.HANG, Kind.ERROR, Kind.REFUSED, Kind.LIMITED]
        troubles = (Trouble(at, at + round(draw(st.floats(1, 200)), 3), draw(st.sampled_from(kinds)), 30),)
    return story(*draw(disturbances()), troubles=troubles, policy=policy)


@examples(150)
@given(disturbed())
@example(story(Storm(0, 200, Weather.AWAY), Deletion(10, What.ENDPOINT, name="own")))
@example(story(Wishes(570.964, 677.15, name="till")))
def test_disturbed(told: Story) -> None:
    """Random disturbances."""
    check(told)
