"""Whether a candidate may claim a lease, given what it has observed, and how long a process may act."""

import pytest
from integration_token.cluster.election import Election, LeaseRecord, Timing
from integration_token.cluster.fence import Fence
from integration_token.errors import Fenced

from tests.unit.virtual import FakeClock

OTHERS = LeaseRecord("1", "other", 15.0)


def election() -> Election:
    """The election as the candidate `me` sees it, before any observation."""
    return Election("me", Timing())


@pytest.mark.parametrize(
    ("duration", "deadline", "retry"), [(10, 10, 2), (10, 15, 2), (15, 4, 2), (15, 10, 0), (15, 10, 5), (15, 10, -1)]
)
def test_durations_that_could_let_two_lead_are_refused(duration: float, deadline: float, retry: float) -> None:
    """The lease must outlast the renew deadline, and the deadline more than one attempt."""
    with pytest.raises(ValueError, match="must"):
        Timing(duration, deadline, retry)
    with pytest.raises(ValueError, match="must"):
        Timing(acquire_period=0)


def test_lease_that_never_was_is_claimed_at_once() -> None:
    """A first installation doesn't wait; a candidate that hasn't looked yet claims nothing."""
    candidate = election()
    assert candidate.claimable_in(100) > 0
    candidate.on_record(None, 100)
    assert candidate.claimable_in(100) == 0


def test_record_of_another_counts_from_when_it_was_first_seen() -> None:
    """However old the record is, and whatever times it states."""
    candidate = election()
    candidate.on_record(OTHERS, 100)
    candidate.on_record(OTHERS, 107)
    assert candidate.claimable_in(107) == 8
    assert candidate.claimable_in(115) == 0


def test_any_change_of_the_record_restarts_the_wait() -> None:
    """A renewal, or even a label that somebody adds: being too careful does no harm."""
    candidate = election()
    candidate.on_record(OTHERS, 100)
    candidate.on_record(LeaseRecord("2", "other", 15.0), 114)
    assert candidate.claimable_in(115) == 14


def test_released_lease_is_claimed_at_once() -> None:
    """An empty holder has no work under way."""
    candidate = election()
    candidate.on_record(OTHERS, 100)
    candidate.on_record(LeaseRecord("2", "", 15.0), 101)
    assert candidate.claimable_in(101) == 0


def test_own_lease_is_claimed_at_once() -> None:
    """After an outage or a lost answer the holder continues without waiting."""
    candidate = election()
    candidate.on_record(LeaseRecord("1", "me", 15.0), 100)
    assert candidate.claimable_in(100) == 0


def test_deleted_lease_is_not_a_released_one() -> None:
    """Its holder may not know yet that it is gone."""
    candidate = election()
    candidate.on_record(OTHERS, 100)
    candidate.on_record(None, 120)
    assert candidate.claimable_in(120) == 15
    candidate.on_record(None, 135)
    assert candidate.claimable_in(135) == 0


def test_holder_that_asks_for_a_longer_wait_gets_it() -> None:
    """During an upgrade, versions with different durations may meet; the longer one is safe for both."""
    candidate = election()
    candidate.on_record(LeaseRecord("1", "other", 60.0), 100)
    assert candidate.claimable_in(100) == 60
    candidate.on_record(LeaseRecord("2", "other", 1.0), 100)
    assert candidate.claimable_in(100) == 15


def test_waits_are_spread_and_never_past_the_moment_to_claim() -> None:
    """Between half and all of the interval; less if the lease is available sooner."""
    candidate = election()
    candidate.on_record(OTHERS, 100)
    assert candidate.delay(100, 0.0) == 0.5
    assert candidate.delay(100, 0.999) == pytest.approx(1, abs=0.01)
    assert candidate.delay(114.75, 0.999) == 0.25
    assert candidate.delay(116, 0.0) == 0.5, "a claim that failed is not repeated in a loop"


def test_fence_closes_by_time_for_good(clock: FakeClock) -> None:
    """Even if nothing ran meanwhile, as after a suspend; a late renewal never reopens it."""
    fence = Fence(clock, clock.now().boot + 10)
    assert fence.check() == 10
    clock.advance(9)
    fence.extend(clock.now().boot + 10)
    clock.advance(9)
    assert fence.check() == 1
    clock.advance(1)
    fence.extend(clock.now().boot + 10)
    with pytest.raises(Fenced):
        fence.check()
    assert not fence.is_open()
    assert fence.closed.is_set()


def test_fence_knows_nothing_of_the_wall_clock(clock: FakeClock) -> None:
    """Setting it back gains no time, and setting it forward loses none."""
    fence = Fence(clock, clock.now().boot + 10)
    for step in (-3600, 7200):
        clock.step(step)
        assert fence.check() == 10


def test_fence_of_a_process_that_works_alone_stays_open(clock: FakeClock) -> None:
    """Until it is closed."""
    fence = Fence(clock)
    clock.advance(1e9)
    assert fence.is_open()
    fence.close()
    with pytest.raises(Fenced):
        fence.check()
