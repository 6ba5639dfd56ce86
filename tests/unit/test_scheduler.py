"""Every key is processed once, on time, by whatever clock, and whatever else goes wrong."""

import asyncio
import random
from collections import Counter
from collections.abc import Awaitable, Callable

import pytest
from integration_token.clock import Instant
from integration_token.workqueue.key import Key
from integration_token.workqueue.scheduler import AWAY_PER_NAMESPACE, PER_NAMESPACE, WORKERS, Scheduler

from tests.unit.virtual import FakeClock, run

HOUR = 3600.0
SECRET = "s3cr3t"
Work = Callable[[Key], Instant | None]


def key(name: str, namespace: str = "store") -> Key:
    """A key for some work."""
    return Key("token", namespace, name)


ONE, TWO, THREE = key("one"), key("two"), key("three")


class Works:
    """A scheduler that records its work and does what a test says."""

    def __init__(self, clock: FakeClock, *, takes: float = 0.0) -> None:
        """`takes`: virtual seconds per piece of work."""
        self.clock = clock
        self.takes = takes
        self.scheduler = Scheduler(clock, self._work, self._late_work)
        self.done: list[tuple[Key, float]] = []
        """The keys worked on, and when each began, in seconds since the start."""
        self.late: list[Key] = []
        """What of it was deferrable."""
        self.running = Counter[Key]()
        self.most = Counter[Key]()
        self.together = 0
        self.answer: Work = lambda _: None
        self.act: Callable[[Key], Awaitable[None]] | None = None
        """Runs first in each piece of work."""
        self._start = clock.now().boot
        self._task = asyncio.create_task(self.scheduler.run())

    async def _work(self, name: Key) -> Instant | None:
        self.done.append((name, self.clock.now().boot - self._start))
        self.running[name] += 1
        self.most[name] = max(self.most[name], self.running[name])
        self.together = max(self.together, self.running.total())
        try:
            if self.act is not None:
                await self.act(name)
            if self.takes:
                await asyncio.sleep(self.takes)
            return self.answer(name)
        finally:
            self.running[name] -= 1

    async def _late_work(self, name: Key) -> Instant | None:
        self.late.append(name)
        return await self._work(name)

    async def ended(self) -> None:
        """Stops, and waits for work under way."""
        self.scheduler.stop()
        await self._task


class TestScheduler:
    """Processes each key when it is due or woken."""

    def test_a_woken_key_is_worked_on_at_once_and_one_that_is_due_in_its_time(self) -> None:
        """Neither twice."""

        async def story(clock: FakeClock) -> None:
            works = Works(clock)
            works.scheduler.wake(ONE)
            works.scheduler.wake_at(TWO, clock.now().after(10))
            await asyncio.sleep(100)
            await works.ended()
            assert works.done == [(ONE, 0), (TWO, 10)]

        run(story)

    def test_a_key_comes_back_at_the_moment_that_its_work_answers(self) -> None:
        """Indefinitely, as long as it returns one."""

        async def story(clock: FakeClock) -> None:
            works = Works(clock)
            works.answer = lambda _: clock.now().after(30)
            works.scheduler.wake(ONE)
            await asyncio.sleep(100)
            await works.ended()
            assert [round(time, 3) for _, time in works.done] == [0, 30, 60, 90]

        run(story)

    def test_waking_a_key_replaces_its_due_time(self) -> None:
        """The work for the wake-up covers what was due."""

        async def story(clock: FakeClock) -> None:
            works = Works(clock)
            works.scheduler.wake_at(ONE, clock.now().after(10))
            works.scheduler.wake(ONE)
            await asyncio.sleep(100)
            await works.ended()
            assert works.done == [(ONE, 0)]

        run(story)

    def test_waking_a_key_many_times_before_its_work_begins_costs_one_work(self) -> None:
        """A burst of watch events is one pass."""

        async def story(clock: FakeClock) -> None:
            works = Works(clock)
            for _ in range(50):
                works.scheduler.wake(ONE)
            await asyncio.sleep(10)
            await works.ended()
            assert works.done == [(ONE, 0)]

        run(story)

    def test_what_is_planned_for_a_key_that_waits_or_is_worked_on_does_not_count(self) -> None:
        """The time that the work returns counts instead: it is better informed."""

        async def story(clock: FakeClock) -> None:
            works = Works(clock, takes=5)
            works.scheduler.wake(ONE)
            works.scheduler.wake_at(ONE, clock.now().after(20))
            await asyncio.sleep(2)
            works.scheduler.wake_at(ONE, clock.now().after(20))
            await asyncio.sleep(60)
            await works.ended()
            assert works.done == [(ONE, 0)]

        run(story)

    def test_a_key_that_is_woken_while_it_is_worked_on_is_worked_on_once_more(self) -> None:
        """After the work under way, and once for any number of wake-ups."""

        async def story(clock: FakeClock) -> None:
            works = Works(clock, takes=5)
            works.scheduler.wake(ONE)
            await asyncio.sleep(2)
            for _ in range(10):
                works.scheduler.wake(ONE)
            await asyncio.sleep(60)
            await works.ended()
            assert works.done == [(ONE, 0), (ONE, 5)]

        run(story)

    def test_one_key_is_never_worked_on_twice_at_once(self) -> None:
        """Whatever wakes it, and whenever it is due."""

        async def story(clock: FakeClock) -> None:
            chance = random.Random(3)  # noqa: S311  # no secret
            works = Works(clock, takes=0.7)
            works.answer = lambda _: clock.now().after(chance.uniform(0, 2))
            keys = [key(str(number)) for number in range(10)]
            for _ in range(300):
                works.scheduler.wake(chance.choice(keys))
                works.scheduler.wake_at(chance.choice(keys), clock.now().after(chance.uniform(0, 1)))
                await asyncio.sleep(chance.uniform(0, 0.5))
            await works.ended()
            assert works.most == dict.fromkeys(keys, 1)
            assert works.together > 1

        run(story)

    def test_no_more_keys_than_workers_are_worked_on_at_once_and_none_is_forgotten(self) -> None:
        """Three times as many keys as workers are done in three rounds."""

        async def story(clock: FakeClock) -> None:
            works = Works(clock, takes=1)
            for number in range(3 * WORKERS):
                works.scheduler.wake(key(str(number), f"team-{number % 12}"))
            await asyncio.sleep(10)
            await works.ended()
            assert works.together == WORKERS
            assert len({name for name, _ in works.done}) == len(works.done) == 3 * WORKERS
            assert max(time for _, time in works.done) == 2

        run(story)

    def test_a_namespace_with_thousands_of_keys_keeps_nobody_waiting(self) -> None:
        """Another namespace's key is next, however many were queued before it."""

        async def story(clock: FakeClock) -> None:
            works = Works(clock, takes=1)
            for number in range(3000):
                works.scheduler.wake(key(str(number), "crowd"))
            await asyncio.sleep(2.5)
            works.scheduler.wake(ONE)
            await asyncio.sleep(200)
            await works.ended()
            begun = dict(works.done)
            assert begun[ONE] == 2.5
            assert works.together <= PER_NAMESPACE + 1
            assert len(works.done) == 3001

        run(story)

    def test_namespaces_take_turns(self) -> None:
        """Among waiting namespaces, none gets two more turns than another."""

        async def story(clock: FakeClock) -> None:
            works = Works(clock, takes=1)
            for number in range(40):
                for team in range(20):
                    works.scheduler.wake(key(str(number), f"team-{team}"))
            await asyncio.sleep(3.5)
            counts = Counter(name.namespace for name, _ in works.done)
            assert len(counts) == 20
            assert max(counts.values()) - min(counts.values()) <= 1
            await works.ended()

        run(story)

    def test_work_that_waits_elsewhere_takes_nobodys_place(self) -> None:
        """Hanging endpoints let others be processed, and their own keys still run one at a time."""

        async def story(clock: FakeClock) -> None:
            done: list[Key] = []
            hanging = asyncio.Event()

            async def work(name: Key) -> None:
                if name.namespace.startswith("hung"):
                    with scheduler.away(name.namespace):
                        await hanging.wait()
                done.append(name)

            scheduler = Scheduler(clock, work, work)
            task = asyncio.create_task(scheduler.run())
            hung = [key(str(number), f"hung-{team}") for team in range(20) for number in range(10)]
            for name in hung:
                scheduler.wake(name)
            await asyncio.sleep(1)
            for name in hung:
                scheduler.wake(name)
            for number in range(50):
                scheduler.wake(key(str(number)))
            await asyncio.sleep(1)
            assert len(done) == 50
            hanging.set()
            await asyncio.sleep(1)
            assert Counter(done)[hung[0]] == 2
            assert len(done) == 50 + 2 * len(hung)
            scheduler.stop()
            await task

        run(story)

    def test_a_namespace_may_have_so_much_away_and_no_more(self) -> None:
        """A caller that asks first is refused, so it can do without."""

        async def story(clock: FakeClock) -> None:
            told: list[bool] = []

            async def work(name: Key) -> None:
                told.append(scheduler.may_leave(name.namespace))
                if told[-1]:
                    with scheduler.away(name.namespace):
                        await asyncio.sleep(5)

            scheduler = Scheduler(clock, work, work)
            task = asyncio.create_task(scheduler.run())
            for number in range(AWAY_PER_NAMESPACE + 7):
                scheduler.wake(key(str(number)))
            await asyncio.sleep(1)
            scheduler.wake(key("one", "other"))
            await asyncio.sleep(20)
            assert Counter(told) == {True: AWAY_PER_NAMESPACE + 1, False: 7}
            scheduler.stop()
            await task

        run(story)

    @pytest.mark.parametrize(
        ("step", "passed", "at"),
        [
            pytest.param(HOUR, 0.0, 11, id="a wall clock set forward makes it due within a second"),
            pytest.param(-HOUR, 0.0, 600, id="a wall clock set back delays nothing"),
            pytest.param(0.0, HOUR, HOUR + 11, id="a suspend makes it due within a second after resuming"),
        ],
    )
    def test_neither_a_stepped_clock_nor_a_suspend_loses_a_key(self, step: float, passed: float, at: float) -> None:
        """Ten minutes are planned; ten seconds later the clocks are disturbed."""

        async def story(clock: FakeClock) -> None:
            works = Works(clock)
            works.scheduler.wake_at(ONE, clock.now().after(600))
            await asyncio.sleep(10)
            clock.step(step)
            clock.advance(passed)
            await asyncio.sleep(700)
            await works.ended()
            ((name, time),) = works.done
            assert name == ONE
            assert at - 1 <= time <= at

        run(story)

    def test_a_stepped_clock_makes_nothing_loop(self) -> None:
        """A key that comes back each minute still does so an hour ahead and an hour behind."""

        async def story(clock: FakeClock) -> None:
            works = Works(clock)
            works.answer = lambda _: clock.now().after(60)
            works.scheduler.wake(ONE)
            for step in (HOUR, -HOUR, -HOUR, HOUR):
                await asyncio.sleep(600)
                clock.step(step)
            await asyncio.sleep(600)
            await works.ended()
            assert 50 <= len(works.done) <= 55

        run(story)

    def test_work_that_raises_comes_back_in_half_a_minute_and_stops_nobody(
        self, caplog: pytest.LogCaptureFixture
    ) -> None:
        """The log has the kind of error and where it was raised, but not its text."""

        async def story(clock: FakeClock) -> None:
            works = Works(clock)

            def answer(name: Key) -> Instant | None:
                if name == ONE and len([each for each, _ in works.done if each == ONE]) == 1:
                    raise ValueError(SECRET)
                return None

            works.answer = answer
            works.scheduler.wake(ONE)
            works.scheduler.wake(TWO)
            works.scheduler.wake_at(THREE, clock.now().after(5))
            await asyncio.sleep(100)
            await works.ended()
            assert works.done == [(ONE, 0), (TWO, 0), (THREE, 5), (ONE, 30)]

        run(story)
        (record,) = caplog.records
        values = record.__dict__["values"]
        assert (values["namespace"], values["name"], values["error"]) == ("store", "one", "ValueError")
        assert values["where"].startswith("test_scheduler.py:")
        assert SECRET not in str(record.__dict__)

    def test_work_whose_own_task_was_cancelled_comes_back_too(self) -> None:
        """A library gave up on something: other keys aren't affected."""

        async def story(clock: FakeClock) -> None:
            works = Works(clock)

            def answer(_: Key) -> None:
                if len(works.done) == 1:
                    raise asyncio.CancelledError

            works.answer = answer
            works.scheduler.wake(ONE)
            await asyncio.sleep(100)
            await works.ended()
            assert works.done == [(ONE, 0), (ONE, 30)]

        run(story)

    def test_stopping_lets_the_work_under_way_end_and_begins_no_other(self) -> None:
        """A token that was just issued is still written."""

        async def story(clock: FakeClock) -> None:
            works = Works(clock, takes=5)
            for number in range(WORKERS + 10):
                works.scheduler.wake(key(str(number), f"team-{number % 12}"))
            works.scheduler.wake_at(ONE, clock.now().after(3))
            await asyncio.sleep(2)
            await works.ended()
            assert clock.now().boot - 1000 == 5
            assert len(works.done) == WORKERS
            assert works.running.total() == 0

        run(story)

    def test_stopping_ends_an_idle_scheduler_at_once(self) -> None:
        """Even if nothing is due, or ever will be."""

        async def story(clock: FakeClock) -> None:
            works = Works(clock)
            await asyncio.sleep(2)
            await works.ended()
            assert clock.now().boot - 1000 == 2

        run(story)
