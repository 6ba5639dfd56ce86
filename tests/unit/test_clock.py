"""A deadline is due when either clock reaches it: neither a stepped wall clock nor a suspend misses a renewal."""

import time

import pytest
from integration_token.clock import Instant, SystemClock

from tests.unit.virtual import FakeClock

HOUR = 3600.0


def test_a_moment_comes_after_as_many_seconds_on_both_clocks(clock: FakeClock) -> None:
    """As long as nobody steps a clock, the two agree."""
    due = clock.now().after(100)
    clock.advance(99.5)
    assert not due.is_due(clock.now())
    assert due.seconds_from(clock.now()) == 0.5
    clock.advance(0.5)
    assert due.is_due(clock.now())
    assert due.seconds_from(clock.now()) == 0


@pytest.mark.parametrize(
    ("step", "early", "reached"),
    [
        pytest.param(HOUR, 0.0, True, id="a wall clock set forward past the moment makes it due"),
        pytest.param(-HOUR, 100.0, True, id="with a wall clock set back the boot clock decides"),
        pytest.param(-HOUR, 99.0, False, id="a wall clock set back makes nothing due"),
        pytest.param(50.0, 40.0, False, id="a small step forward brings it nearer"),
        pytest.param(50.0, 50.0, True, id="by just that step"),
    ],
)
def test_a_moment_has_come_when_either_clock_says_so(
    clock: FakeClock, step: float, early: float, reached: bool
) -> None:
    """The moment is a hundred seconds ahead, the wall clock is stepped, and some seconds pass."""
    due = clock.now().after(100)
    clock.step(step)
    clock.advance(early)
    assert due.is_due(clock.now()) is reached
    assert (due.seconds_from(clock.now()) <= 0) is reached


def test_the_clock_that_gets_there_first_says_how_long_it_takes(clock: FakeClock) -> None:
    """It also tells how long ago the moment was."""
    due = clock.now().after(100)
    clock.step(30)
    assert due.seconds_from(clock.now()) == 70
    clock.step(-60)
    assert due.seconds_from(clock.now()) == 100
    clock.advance(250)
    assert due.seconds_from(clock.now()) == -150


@pytest.mark.parametrize(
    ("step", "passed"),
    [
        pytest.param(0.0, 100.0, id="the clock was not set"),
        pytest.param(-HOUR, 100.0, id="a wall clock set back since then is ignored"),
        pytest.param(HOUR, HOUR + 100.0, id="a wall clock set forward counts"),
    ],
)
def test_the_later_reading_of_the_time_counts(clock: FakeClock, step: float, passed: float) -> None:
    """A token seen a hundred seconds ago is now at least that much older."""
    anchor = clock.now()
    clock.advance(100)
    clock.step(step)
    assert anchor.read_at(clock.now()) == anchor.wall + passed


def test_the_machines_clocks_are_read_together() -> None:
    """The wall clock counts from the epoch; the other clock never goes back."""
    wall = time.time()
    first, second = SystemClock().now(), SystemClock().now()
    assert wall <= first.wall <= second.wall <= time.time()
    assert first.boot <= second.boot


@pytest.mark.skipif(not hasattr(time, "CLOCK_BOOTTIME"), reason="only Linux has a clock that goes on in a suspend")
def test_the_second_clock_goes_on_during_a_suspend() -> None:
    """CLOCK_MONOTONIC stops during a suspend."""
    before = time.clock_gettime(time.CLOCK_BOOTTIME)
    assert before <= SystemClock().now().boot <= time.clock_gettime(time.CLOCK_BOOTTIME)


def test_moments_are_values() -> None:
    """Two equal readings compare equal."""
    assert Instant(5, 1).after(2) == Instant(7, 3)
