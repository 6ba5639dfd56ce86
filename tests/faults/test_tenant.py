"""A tenant with the role `edit` in one namespace attacks in every way at once, and others hardly notice."""

from collections.abc import Iterator
from typing import Final

import pytest

from tests.fakes.issuer import Policy
from tests.faults.hostile import HostileServer
from tests.faults.neighbour import Felt, felt, longest_gap, row
from tests.faults.record import Sight
from tests.faults.tenant import Tenant, share
from tests.faults.world import Size, World

SIZE: Final = Size(namespaces=3, resources=8, policy=lambda _: Policy(lifetime=40, lead=12), window=lambda _: 16)
ALONE: Final = 50.0
BESIDE: Final = 100.0
"""In seconds."""

MOST_EXPIRED: Final = 2.0
MOST_HEALTHZ: Final = 1.0
MOST_MEMORY: Final = 60 * 2**20


@pytest.fixture(scope="module")
def runs() -> Iterator[tuple[Felt, Felt, Tenant]]:
    """What others experienced without and with the tenant."""
    with World(SIZE, log_level="info") as world, HostileServer() as server:
        world.populate()
        victims = share(world, 5, Policy(lifetime=40, lead=12))
        places = [life.place for life in world.lives] + victims
        tenant = Tenant(world.plane, server, world.logins[0], ".".join(victims[0]))
        # Its first tokens are not part of the comparison.
        felt(world, places, 20.0)
        alone = felt(world, places, ALONE)
        tenant.begin()
        try:
            beside = felt(world, places, BESIDE)
        finally:
            tenant.end()
        yield alone, beside, tenant


def test_others_hardly_feel_a_hostile_tenant(
    runs: tuple[Felt, Felt, Tenant], capsys: pytest.CaptureFixture[str]
) -> None:
    """Their tokens are renewed, probes are answered, and no process has grown, ended or lost its lease."""
    alone, beside, tenant = runs
    with capsys.disabled():
        print(f"\n{row(alone, beside)}\nthe tenant's rounds: {tenant.done}")
    assert beside.expired - alone.expired <= MOST_EXPIRED
    assert beside.healthz <= MOST_HEALTHZ
    assert beside.memory - alone.memory <= MOST_MEMORY
    assert beside.transitions == alone.transitions
    assert beside.ended == alone.ended


def test_the_tenant_has_done_all_that_it_could(runs: tuple[Felt, Felt, Tenant]) -> None:
    """Otherwise the run proves nothing."""
    assert len(runs[2].done) >= 7
    assert all(runs[2].done.values())


@pytest.mark.parametrize(
    ("sights", "longest"),
    [
        ([], 100.0),
        ([(0, 40), (30, 70), (60, 120)], 0.0),
        ([(0, 40), (45, 120)], 5.0),
        ([(0, 40), (30, None), (33, 120)], 3.0),
        ([(0, 40), (30, 70)], 30.0),
    ],
    ids=["never one", "always one", "late", "deleted", "none in the end"],
)
def test_the_longest_time_without_a_valid_token_is_found(
    sights: list[tuple[float, float | None]], longest: float
) -> None:
    """Between two tokens, after a deletion, and at the end."""
    found = [Sight(at, "uid", "owner", None if until is None else 1, "c", until or 0.0) for at, until in sights]
    assert longest_gap(found, 0.0, 100.0) == longest
