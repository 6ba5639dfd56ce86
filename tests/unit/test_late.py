"""Deferrable work gets a share next to other work, and everything if there is no other work."""

import asyncio

import pytest
from integration_token.workqueue.key import Key
from integration_token.workqueue.late_pace import BESIDE, LONGEST, SHARE, SPACING, TOGETHER, LatePace
from integration_token.workqueue.late_queue import LateQueue
from integration_token.workqueue.scheduler import PER_NAMESPACE

from tests.unit.test_scheduler import Works, key
from tests.unit.virtual import FakeClock, run


def begun(pace: LatePace, now: float, *, alone: bool = False, idle: bool = False) -> int:
    """How many pieces may begin in a row without any ending."""
    count = 0
    while pace.has_place(now, alone=alone, idle=idle) and count < 1000:
        pace.on_begin(now)
        count += 1
    return count


class TestPace:
    """How much of it runs at once."""

    def test_without_other_work_many_are_done_together(self) -> None:
        """When one ends, another begins."""
        pace = LatePace()
        assert begun(pace, 1.0, alone=True) == TOGETHER
        pace.on_end()
        assert begun(pace, 1.0, alone=True) == 1

    def test_while_other_work_ends_all_the_time_it_gets_its_share(self) -> None:
        """One in a fixed number of pieces."""
        pace, done = LatePace(), 0
        for number in range(10 * SHARE):
            pace.on_other_end(number / 1000)
            done += begun(pace, number / 1000)
        assert done == 10

    def test_next_to_work_that_only_waits_some_is_done(self) -> None:
        """Such as for a hanging endpoint: some is done soon after the last piece of other work."""
        pace = LatePace()
        pace.on_other_end(1.0)
        assert begun(pace, 1.0) == 0
        later = 1.0 + pace.delay(1.0)
        assert later <= 1.1
        assert begun(pace, later) == BESIDE
        assert pace.delay(later) == 0

    def test_while_all_other_work_waits_some_is_done_at_once(self) -> None:
        """Such as for an endpoint that answers quickly: statuses follow while it sets the pace."""
        pace = LatePace()
        pace.on_other_end(1.0)
        assert begun(pace, 1.0, idle=True) == BESIDE
        pace.on_end()
        assert begun(pace, 1.0, idle=True) == 1

    @pytest.mark.parametrize("last", [1.0, 1001.701, 86400.123, 1234567.891])
    def test_work_that_comes_back_after_the_delay_finds_a_place(self, last: float) -> None:
        """However times are rounded, nothing has to come back twice."""
        pace = LatePace()
        pace.on_other_end(last)
        later = last + pace.delay(last)
        assert pace.delay(later) == 0
        assert pace.has_place(later, alone=False, idle=False)


class TestQueue:
    """The order of turns."""

    def test_namespaces_take_turns(self) -> None:
        """However much one namespace has."""
        queue = LateQueue()
        for each in [*(key(f"{number}") for number in range(5)), key("one", "vault")]:
            queue.add(each)
            queue.line_up(each)
        assert queue.pop(lambda _: False) == key("0")
        assert queue.pop(lambda _: False) == key("one", "vault")
        assert [queue.pop(lambda _: False) for _ in range(5)] == [*(key(f"{number}") for number in range(1, 5)), None]

    def test_one_that_is_busy_has_its_turn_once_it_is_lined_up_again(self) -> None:
        """Once, however often it was queued."""
        queue = LateQueue()
        queue.add(key("one"))
        queue.line_up(key("one"))
        assert queue.pop(lambda _: True) is None
        assert key("one") in queue
        queue.line_up(key("one"))
        queue.line_up(key("one"))
        assert queue.pop(lambda _: False) == key("one")
        assert queue.pop(lambda _: False) is None
        assert len(queue) == 0

    def test_what_is_lined_up_again_and_again_takes_no_more_room(self) -> None:
        """Such as a resource that somebody keeps changing."""
        queue = LateQueue()
        for _ in range(1000):
            queue.add(key("one"))
            queue.line_up(key("one"))
            queue.line_up(key("one"))
            assert queue.pop(lambda _: False) == key("one")
        assert not queue._lines


class TestScheduler:
    """Deferrable work next to other work."""

    def test_it_is_done_at_once_without_other_work(self) -> None:
        """Nothing is delayed needlessly."""

        async def story(clock: FakeClock) -> None:
            works = Works(clock, takes=1)
            for number in range(TOGETHER):
                works.scheduler.wake_late(key(f"{number}"))
            await asyncio.sleep(0.01)
            assert [when for _, when in works.done] == [0] * TOGETHER
            await works.ended()

        run(story)

    def test_other_work_goes_first(self) -> None:
        """Of a thousand keys woken later only a few come after it."""

        async def story(clock: FakeClock) -> None:
            works = Works(clock, takes=0.01)
            first = [key(f"first {number}") for number in range(PER_NAMESPACE)]
            for each in first:
                works.scheduler.wake(each)
            await asyncio.sleep(0)
            for number in range(200):
                works.scheduler.wake_late(key(f"late {number}"))
            for number in range(1000):
                works.scheduler.wake(key(f"{number}"))
            await asyncio.sleep(100)
            order = [name in works.late for name, _ in works.done]
            assert sum(order[: len(first) + 1000]) <= 1000 / SHARE + BESIDE
            assert len(works.late) == 200
            await works.ended()

        run(story)

    def test_work_that_hangs_keeps_it_from_nothing(self) -> None:
        """Waiting for an endpoint's response takes no time from others."""

        async def story(clock: FakeClock) -> None:
            works = Works(clock)

            async def hang(_: object) -> None:
                with works.scheduler.away("store"):
                    await asyncio.sleep(3600)

            works.act = hang
            works.scheduler.wake(key("hangs"))
            await asyncio.sleep(1)
            works.act = None
            for number in range(100):
                works.scheduler.wake_late(key(f"{number}"))
            await asyncio.sleep(1)
            assert len(works.late) == 100
            await asyncio.sleep(3600)
            await works.ended()

        run(story)

    @pytest.mark.parametrize("late_first", [False, True])
    def test_a_key_is_never_worked_on_twice_at_once(self, *, late_first: bool) -> None:
        """Its deferrable work runs before or after the urgent work, and only once."""

        async def story(clock: FakeClock) -> None:
            works = Works(clock, takes=1)
            begin = [works.scheduler.wake_late, works.scheduler.wake]
            for wake in begin if late_first else reversed(begin):
                wake(key("one"))
                await asyncio.sleep(0.1)
            await asyncio.sleep(10)
            assert len(works.done) == 2
            assert works.late == [key("one")]
            assert works.most[key("one")] == 1
            await works.ended()

        run(story)

    def test_nobody_keeps_it_from_being_done(self) -> None:
        """Even if something always hangs and something has always just ended."""

        async def story(clock: FakeClock) -> None:
            works = Works(clock)

            async def act(name: Key) -> None:
                if name == key("hangs"):
                    with works.scheduler.away("store"):
                        await asyncio.sleep(3600)
                await asyncio.sleep(0.01)

            works.act = act
            works.scheduler.wake(key("hangs"))
            for number in range(100):
                works.scheduler.wake_late(key(f"{number}", "vault"))
            for _ in range(int((LONGEST + 120 * SPACING) / 0.02)):
                works.scheduler.wake(key("busy"))
                await asyncio.sleep(0.02)
            assert len(works.late) == 100
            await asyncio.sleep(3600)
            await works.ended()

        run(story)

    def test_it_leaves_a_key_the_moment_at_which_it_is_due(self) -> None:
        """Even if it begins just as the key's other work has ended."""

        async def story(clock: FakeClock) -> None:
            works = Works(clock, takes=0.01)
            works.answer = lambda _: None if works.late else clock.now().after(5)
            works.scheduler.wake(key("other"))
            await asyncio.sleep(0.011)
            works.scheduler.wake(key("another"))
            works.scheduler.wake_late(key("one"))
            works.scheduler.wake(key("one"))
            await asyncio.sleep(1)
            assert works.late == [key("one")]
            await asyncio.sleep(10)
            assert [round(when, 2) for name, when in works.done if name == key("one")] == [0.01, 0.02, 5.02]
            await works.ended()

        run(story)

    def test_what_is_due_meanwhile_is_done_in_its_time(self) -> None:
        """A key that waits for its deferred turn is processed like any other."""

        async def story(clock: FakeClock) -> None:
            works, start = Works(clock), clock.now().boot
            works.answer = lambda name: (
                clock.now() if name.namespace == "vault" and clock.now().boot < start + 1 else None
            )

            async def take(name: Key) -> None:
                await asyncio.sleep(0.01 + 0.0007 * len(name.name))

            works.act = take
            for number in range(1, PER_NAMESPACE):
                works.scheduler.wake(key("x" * number, "vault"))
            await asyncio.sleep(0.01)
            for number in range(100):
                works.scheduler.wake_late(key(f"late {number}"))
            works.scheduler.wake_late(key("one"))
            works.scheduler.wake_at(key("one"), clock.now().after(0.1))
            await asyncio.sleep(0.12)
            assert [name for name, _ in works.done].count(key("one")) == 1
            assert key("one") not in works.late
            await asyncio.sleep(30)
            assert key("one") in works.late
            await works.ended()

        run(story)

    def test_an_orderly_end_does_all_of_it_and_nothing_else(self) -> None:
        """Whatever was woken before or is woken meanwhile."""

        async def story(clock: FakeClock) -> None:
            works = Works(clock, takes=1)
            for number in range(PER_NAMESPACE + 10):
                works.scheduler.wake(key(f"{number}"))
            await asyncio.sleep(0.5)
            for number in range(5, 100):
                works.scheduler.wake_late(key(f"{number}"))
            works.scheduler.stop()
            works.scheduler.wake(key("too late"))
            await works.ended()
            assert set(works.late) == {key(f"{number}") for number in range(5, 100)}
            assert len(works.done) == PER_NAMESPACE + 95
            assert works.most.total() == len(works.most)

        run(story)

    def test_an_orderly_end_does_it_in_parallel_with_what_hangs(self) -> None:
        """As many at once as if nothing else ran, because a shutdown must be short."""

        async def story(clock: FakeClock) -> None:
            works = Works(clock)

            async def act(name: Key) -> None:
                if name == key("hangs"):
                    with works.scheduler.away("store"):
                        await asyncio.sleep(10)
                await asyncio.sleep(0.1)

            works.act = act
            works.scheduler.wake(key("hangs"))
            await asyncio.sleep(0.01)
            for number in range(10 * TOGETHER):
                works.scheduler.wake_late(key(f"{number}"))
            works.scheduler.stop()
            await asyncio.sleep(1.5)
            assert len(works.late) == 10 * TOGETHER
            await works.ended()

        run(story)
