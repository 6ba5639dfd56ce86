"""A namespace's story has the same times with and without a hostile neighbour."""

from dataclasses import replace

import pytest

from tests.fakes.issuer import Policy
from tests.simulation.chronicle import Chronicle, Place
from tests.simulation.disturbance import Disturbance, Manner, Rival, Wishes
from tests.simulation.oracle import expired
from tests.simulation.stage import simulate
from tests.simulation.story import Kind, Member, Story, Trouble

SAME = 2.0
"""Seconds by which a neighbour may change a time."""
HOSTILE = "crowd"
SECONDS = 2400.0

VICTIMS = (
    Member(namespace="bank", client="bank"),
    Member("till", namespace="bank", client="till"),
    Member("own", namespace="bank", endpoint="own", client="own"),
)
ALONE = Story(Policy(300, lead=60), seconds=SECONDS, members=VICTIMS, per_minute=120, renew_before=60)
"""One request per lifetime: everybody's requests together fit into the endpoint's rate."""


def crowd(count: int, **what: str) -> tuple[Member, ...]:
    """This many resources of the hostile namespace, each with its own client."""
    return tuple(Member(f"a-{n}", HOSTILE, client=f"a-{n}", **what) for n in range(count))  # type: ignore[arg-type]


def hostile(
    members: tuple[Member, ...] = (), disturbances: tuple[Disturbance, ...] = (), troubles: tuple[Trouble, ...] = ()
) -> Story:
    """The same story with a neighbour."""
    return replace(ALONE, members=(*members, *VICTIMS), disturbances=disturbances, troubles=troubles)


STORIES = {
    "many first tokens": hostile(crowd(400)),
    "many refused ones, with renewal requests": hostile(
        tuple(replace(member, wrong=True) for member in crowd(20)),
        tuple(Wishes(10, SECONDS - 100, HOSTILE, f"a-{n}", 5.0) for n in range(20)),
    ),
    "hanging endpoints": hostile(
        crowd(60, endpoint="own-hanging"), troubles=(Trouble(0, SECONDS, Kind.HANG, host="own-hanging.crowd.example"),)
    ),
    "a client asked to stay away": hostile(
        crowd(5), troubles=tuple(Trouble(0, SECONDS, Kind.LIMITED, 900, client=f"a-{n}") for n in range(5))
    ),
    "fights about targets": hostile(
        crowd(len(Manner)),
        tuple(Rival(5, SECONDS - 100, manner, HOSTILE, f"a-{n}") for n, manner in enumerate(Manner)),
    ),
}  # fmt: skip


def times(chronicle: Chronicle, place: Place) -> list[float]:
    """When a resource's Secret got each of its tokens."""
    return [held.at for held, _ in chronicle.held(place)]


@pytest.fixture(scope="module")
def alone() -> Chronicle:
    """The story without a neighbour."""
    return simulate(ALONE)


@pytest.mark.parametrize("name", STORIES)
def test_a_neighbour_changes_no_times(alone: Chronicle, name: str) -> None:
    """Of no token of others, by more than two seconds."""
    beside = simulate(STORIES[name])
    for member in VICTIMS:
        place = (member.namespace, member.name)
        usual, found = times(alone, place), times(beside, place)
        assert len(usual) == len(found), f"{place}: {found} instead of {usual}"
        for before, after in zip(usual, found, strict=True):
            assert abs(before - after) <= SAME, f"{place}: {found} instead of {usual}"


@pytest.mark.parametrize("manner", Manner)
@pytest.mark.parametrize("wishes", [False, True], ids=["", "with renewal requests"])
def test_a_neighbour_with_the_same_credentials_costs_no_second(manner: Manner, *, wishes: bool) -> None:
    """Whatever it does to its own Secret: none of the others' tokens expires in use that wouldn't have anyway."""
    shared = Member(namespace=HOSTILE, client="bank")
    disturbances: tuple[Disturbance, ...] = (Rival(5, SECONDS - 100, manner, HOSTILE, "shop", every=1.0),)
    if wishes:
        disturbances += (Wishes(10, SECONDS - 100, HOSTILE, "shop", every=3.0),)
    story = hostile((shared,), disturbances)
    place = ("bank", "shop")
    alone = sum(gap.seconds for gap in expired(ALONE, simulate(ALONE), place))
    beside = sum(gap.seconds for gap in expired(story, simulate(story), place))
    assert beside <= alone + SAME
