"""Faults of every kind on a real control plane with two replicas, judged only by the API and the endpoint's log.

One run of a fixed schedule serves all tests: each checks one promise.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Final

import pytest

from tests.fakes.issuer import Policy
from tests.faults import oracle
from tests.faults.fault import CENTRAL, LOCAL
from tests.faults.oracle import excused_share
from tests.faults.record import History, Violation
from tests.faults.run import Plan, play
from tests.faults.world import Size, World

SIZE: Final = Size(
    namespaces=5,
    resources=20,
    policy=lambda number: Policy(lifetime=30, lead=8),
    window=lambda number: (6, 12)[number % 2],
)
"""Half of the windows exceed the lead, so that polls return the old token until the lead is learned."""

PLAN: Final = Plan(
    central=[
        "leader killed",
        "certificate rotated",
        "history compacted",
        "leader stopped and continued",
        "etcd killed",
        "account token late",
        "API server killed",
    ],
    local=[
        ["endpoint answers 500", "credentials broken", "endpoint hangs"],
        ["namespace recreated", "endpoint answers 429", "writes denied"],
        ["resources recreated", "endpoint answers 429 with Retry-After", "targets deleted"],
        ["writes denied", "endpoint resets connections", "resources recreated"],
        ["targets deleted", "endpoint truncates answers", "endpoint away"],
    ],
    central_rest=(10, 14),
    local_rest=(10, 18),
)
"""Every kind at least once."""

SEED: Final = 7

LEADERS: Final = 2
"""Fewer than there are in a run, each by another fault."""
RENEWALS: Final = 2
"""Minimum number of tokens beyond this that every Secret has held: much of the run it is without any."""
MOST_EXCUSED: Final = 0.9
"""Maximum share of time for which an expired token is excused; with more the run would prove too little.

A central fault strikes every 25 s, and is felt for about 18.
"""


@dataclass(frozen=True, slots=True)
class Run:
    """A finished run."""

    history: History
    violations: list[Violation]
    """In addition to the oracle's."""

    def broken(self, promise: str) -> list[str]:
        """How a promise was broken."""
        return [str(violation) for violation in self.violations if violation.promise == promise]


@pytest.fixture(scope="module")
def run() -> Run:
    """The run."""
    with World(SIZE) as world:
        world.populate()
        violations = play(world, PLAN, SEED)
        return Run(world.history(), violations)


def test_the_schedule_has_every_kind_of_fault() -> None:
    """None is missing."""
    assert {*PLAN.central} == CENTRAL.keys()
    assert {kind for kinds in PLAN.local for kind in kinds} == LOCAL.keys()


@pytest.mark.parametrize("promise", oracle.PROMISES, ids=lambda promise: promise.__name__)
def test_promise_is_kept(run: Run, promise: Callable[[History], Iterator[Violation]]) -> None:
    """Whatever breaks, each of the oracle's promises holds for each resource."""
    assert not [str(violation) for violation in promise(run.history)]


def test_enough_was_judged(run: Run) -> None:
    """Tokens were renewed several times, several processes led, and much of the time was not excused."""
    assert excused_share(run.history) < MOST_EXCUSED
    assert len(run.history.terms) > LEADERS
    renewed = [len({sight.serial for sight in sights if sight.serial}) for sights in run.history.sights.values()]
    assert min(renewed) > RENEWALS


def test_all_recover(run: Run) -> None:
    """Soon after the last fault every resource is Ready and has a valid token."""
    assert not run.broken("recovered")


def test_no_process_ends_by_itself(run: Run) -> None:
    """Only killed processes have ended."""
    assert not run.broken("processes")


def test_no_error_was_unforeseen(run: Run) -> None:
    """No log has a traceback."""
    assert not run.broken("logs")


def test_no_secret_is_logged(run: Run) -> None:
    """Neither tokens nor client secrets."""
    assert not run.broken("secrets")
