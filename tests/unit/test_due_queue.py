"""A key is due once, at its time, by either clock."""

import random

import pytest
from integration_token.clock import Instant
from integration_token.workqueue.due_queue import DueQueue
from integration_token.workqueue.key import Key

from tests.unit.virtual import FakeClock

HOUR = 3600.0


def key(name: str) -> Key:
    """A key for some work."""
    return Key("token", "store", name)


ONE, TWO, THREE = key("one"), key("two"), key("three")


class TestDueQueue:
    """Keys ordered by when they are due."""

    def test_a_key_is_due_at_its_moment_and_then_no_longer_in_the_queue(self, clock: FakeClock) -> None:
        """It is returned once."""
        queue = DueQueue()
        queue.put(ONE, clock.now().after(10))
        clock.advance(9.5)
        assert (queue.pop(clock.now()), queue.delay(clock.now())) == (None, 0.5)
        clock.advance(0.5)
        assert (queue.pop(clock.now()), queue.pop(clock.now())) == (ONE, None)
        assert queue.delay(clock.now()) is None

    def test_keys_come_in_the_order_in_which_they_are_due(self, clock: FakeClock) -> None:
        """Regardless of insertion order."""
        queue, start = DueQueue(), clock.now()
        for name, seconds in ((THREE, 30), (ONE, 10), (TWO, 20)):
            queue.put(name, start.after(seconds))
        clock.advance(60)
        assert [queue.pop(clock.now()) for _ in range(4)] == [ONE, TWO, THREE, None]

    @pytest.mark.parametrize("seconds", [10, 1000])
    def test_a_later_moment_replaces_an_earlier_one_and_an_earlier_one_a_later(
        self, clock: FakeClock, seconds: float
    ) -> None:
        """Only the last time set counts."""
        queue, start = DueQueue(), clock.now()
        queue.put(ONE, start.after(100))
        queue.put(ONE, start.after(seconds))
        assert queue.delay(start) == seconds
        assert queue.pop(start.after(seconds - 0.5)) is None
        assert queue.pop(start.after(seconds)) == ONE
        assert queue.pop(start.after(HOUR)) is None

    def test_a_dropped_key_is_not_due(self, clock: FakeClock) -> None:
        """The others still are."""
        queue, start = DueQueue(), clock.now()
        queue.put(ONE, start.after(10))
        queue.put(TWO, start.after(20))
        queue.drop(ONE)
        queue.drop(THREE)
        assert queue.delay(start) == 20
        assert [queue.pop(start.after(60)) for _ in range(2)] == [TWO, None]

    def test_a_wall_clock_set_forward_makes_due_what_was_planned_in_between(self, clock: FakeClock) -> None:
        """A token planned by wall time has expired by then."""
        queue, start = DueQueue(), clock.now()
        queue.put(ONE, start.after(60))
        queue.put(TWO, start.after(2 * HOUR))
        clock.step(HOUR)
        assert queue.delay(clock.now()) == 0
        assert [queue.pop(clock.now()) for _ in range(2)] == [ONE, None]

    def test_a_wall_clock_set_back_delays_nothing(self, clock: FakeClock) -> None:
        """The other clock decides."""
        queue = DueQueue()
        queue.put(ONE, clock.now().after(60))
        clock.step(-HOUR)
        assert queue.delay(clock.now()) == 60
        clock.advance(60)
        assert queue.pop(clock.now()) == ONE

    def test_what_is_put_after_a_step_and_before_it_are_both_in_time(self, clock: FakeClock) -> None:
        """The two clocks may order two keys differently."""
        queue = DueQueue()
        queue.put(ONE, clock.now().after(60))
        clock.step(-HOUR)
        queue.put(TWO, clock.now().after(30))
        clock.advance(30)
        assert [queue.pop(clock.now()) for _ in range(2)] == [TWO, None]
        clock.advance(30)
        assert [queue.pop(clock.now()) for _ in range(2)] == [ONE, None]

    def test_what_was_replaced_a_thousand_times_takes_no_more_room_for_it(self, clock: FakeClock) -> None:
        """Otherwise an operator that runs for months would grow."""
        queue, start = DueQueue(), clock.now()
        queue.put(TWO, start.after(5000))
        for number in range(1000):
            queue.put(ONE, start.after(3000 - number))
        assert max(len(queue._by_wall), len(queue._by_boot)) < 100
        assert queue.delay(start) == 2001
        assert [queue.pop(start.after(HOUR * 2)) for _ in range(3)] == [ONE, TWO, None]

    @pytest.mark.parametrize("seed", range(5))
    def test_no_key_is_lost_and_none_comes_early_whatever_happens(self, clock: FakeClock, seed: int) -> None:
        """Seeded sequences, compared with a plain table that is searched in full."""
        chance = random.Random(seed)  # noqa: S311  # no secret
        queue, table = DueQueue(), dict[Key, Instant]()
        for _ in range(1500):
            name = key(f"key {chance.randrange(30)}")
            match chance.randrange(6):
                case 0 | 1 | 2:
                    table[name] = clock.now().after(chance.uniform(0, 100))
                    queue.put(name, table[name])
                case 3:
                    table.pop(name, None)
                    queue.drop(name)
                case 4:
                    clock.advance(chance.uniform(0, 20))
                case 5:
                    clock.step(chance.choice((-HOUR, -5, 5, 30)))
            now = clock.now()
            due = {each for each, moment in table.items() if moment.is_due(now)}
            popped = set[Key]()
            while (each := queue.pop(now)) is not None:
                popped.add(each)
                del table[each]
            assert popped == due
            wait = min((moment.seconds_from(now) for moment in table.values()), default=None)
            assert queue.delay(now) == wait
