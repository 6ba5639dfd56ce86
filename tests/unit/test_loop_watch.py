"""A stalled event loop is logged and fails the liveness probe; only repeated stalls restart the container.

The kubelet in these tests uses the chart's values.
"""

import asyncio
from collections.abc import Awaitable, Callable

import pytest
from integration_token.runtime.loop_watch import PERIOD, LoopWatch

from tests.unit.virtual import FakeClock, VirtualLoop, run

PROBES = 10.0
"""Seconds between the kubelet's probes."""
TIMEOUT = 5.0
"""Seconds that it waits for a response."""
RESTART = 3
"""Failures in a row that cause a restart."""


def play(act: Callable[[LoopWatch, VirtualLoop], Awaitable[None]]) -> None:
    """Lets the test act on a running watch."""

    async def main(_: FakeClock) -> None:
        loop = asyncio.get_running_loop()
        assert isinstance(loop, VirtualLoop)
        loop_watch = LoopWatch(loop.time)
        loop_watch.start()
        await act(loop_watch, loop)
        loop_watch.stop()

    run(main)


def test_a_loop_that_only_waits_never_stalls() -> None:
    """Neither within an hour nor at any probe."""

    async def act(loop_watch: LoopWatch, _: VirtualLoop) -> None:
        for _minute in range(60):
            await asyncio.sleep(59.9)
            assert loop_watch.describe_stall() == ""
        assert loop_watch.take_longest() < 0.001

    play(act)


@pytest.mark.parametrize("since_tick", [0.0, 0.1, 0.24])
def test_a_stall_is_reported_by_at_most_a_period_less(since_tick: float) -> None:
    """Wherever it began between two checks; once, including to a probe before the next check."""

    async def act(loop_watch: LoopWatch, loop: VirtualLoop) -> None:
        await asyncio.sleep(3 + since_tick)
        loop.stand_still(2)
        assert 2 - PERIOD <= loop_watch.take_longest() <= 2
        await asyncio.sleep(3)
        assert loop_watch.take_longest() < 0.001

    play(act)


@pytest.mark.parametrize("since_tick", [0.0, 0.1, 0.24])
def test_five_seconds_are_unhealthy_for_ten_more(since_tick: float) -> None:
    """Wherever they began between two checks, and whether or not a probe came meanwhile."""

    async def act(loop_watch: LoopWatch, loop: VirtualLoop) -> None:
        await asyncio.sleep(3 + since_tick)
        loop.stand_still(4.7)
        assert loop_watch.describe_stall() == ""
        await asyncio.sleep(3 + since_tick)
        loop.stand_still(5)
        await asyncio.sleep(0)
        ended = loop.time()
        assert loop_watch.describe_stall().startswith("the event loop was blocked for 5.")
        await asyncio.sleep(9)
        assert loop_watch.describe_stall()
        await asyncio.sleep(ended + 10.3 - loop.time())
        assert loop_watch.describe_stall() == ""

    play(act)


def failures(stall: float, breath: float, stalls: int, phase: float) -> int:
    """How many probes in a row fail at most if stalls follow each other."""
    answers: list[bool] = []

    async def act(loop_watch: LoopWatch, loop: VirtualLoop) -> None:
        def asked(due: float) -> None:
            answers.append(loop.time() - due < TIMEOUT and not loop_watch.describe_stall())

        for number in range(30):
            due = phase + PROBES * number
            loop.call_at(due, asked, due)
        await asyncio.sleep(50)
        for _ in range(stalls):
            loop.stand_still(stall)
            await asyncio.sleep(breath)
        await asyncio.sleep(400 - loop.time())

    play(act)
    assert answers[-1]
    longest = row = 0
    for well in answers:
        row = 0 if well else row + 1
        longest = max(longest, row)
    return longest


@pytest.mark.parametrize("phase", [0.5, 2.5, 4.5, 6.5, 8.5])
@pytest.mark.parametrize("stall", [5.0, 7.0, 9.5])
def test_one_stall_fails_a_question_and_restarts_nothing(stall: float, phase: float) -> None:
    """Wherever it falls between two probes."""
    assert 1 <= failures(stall, 0, 1, phase) < RESTART


@pytest.mark.parametrize("phase", [0.5, 2.5, 4.5, 6.5, 8.5])
@pytest.mark.parametrize(("stall", "breath"), [(5.5, 1.0), (5.5, 9.0), (8.0, 3.0)])
def test_stalls_that_come_again_are_a_restart(stall: float, breath: float, phase: float) -> None:
    """Even if the loop runs long enough in between to answer each probe in time."""
    assert failures(stall, breath, 5, phase) >= RESTART


def test_short_stalls_make_a_restart_no_more_likely() -> None:
    """With four-second stalls, each of which is shorter than the kubelet's timeout."""
    assert failures(4.0, 2.0, 20, 0.5) == 0
