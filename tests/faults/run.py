"""One run: faults in lanes, one for central faults and one for each namespace, then a time to recover."""

import threading
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import FIRST_EXCEPTION, ThreadPoolExecutor, wait
from dataclasses import dataclass
from functools import partial
from random import Random
from typing import Final

from tests.cluster.poll import poll
from tests.faults import log
from tests.faults.fault import CENTRAL, LOCAL, Central, Local
from tests.faults.record import Violation
from tests.faults.world import World

RECOVERED: Final = 90.0
"""Seconds after the last fault in which every resource is Ready."""


@dataclass(frozen=True, slots=True)
class Plan:
    """The faults' kinds, in the order in which each lane causes them; a lane may be endless."""

    central: Iterable[str]
    local: Sequence[Iterable[str]]
    """By namespace."""
    central_rest: tuple[float, float]
    """Seconds before each of the central faults, minimum and maximum."""
    local_rest: tuple[float, float]
    seconds: float = float("inf")
    """After that no fault begins, and active ones are ended."""


def play(world: World, plan: Plan, seed: int) -> list[Violation]:
    """Causes all faults; returns what was wrong during and after them, including logs and recovery."""
    central = _lane(world, plan.central_rest, _random(seed), (CENTRAL[kind] for kind in plan.central))
    lanes = [
        _lane(world, plan.local_rest, _random(seed, number), _at(number, kinds))
        for number, kinds in enumerate(plan.local)
    ]
    if plan.seconds < float("inf"):
        timer = threading.Timer(plan.seconds, world.over.set)
        timer.daemon = True
        timer.start()
    with ThreadPoolExecutor(len(lanes)) as pool:
        played = [pool.submit(lane) for lane in lanes]
        try:
            # In this thread, since a process that it starts ends with the thread.
            central()
            wait(played, return_when=FIRST_EXCEPTION)
        finally:
            world.over.set()
        for lane in played:
            lane.result()
    return [*_recovery(world), *_processes(world)]


def _recovery(world: World) -> Iterable[Violation]:
    """Whether all resources become Ready."""
    try:
        poll(lambda: not world.unready(), "all resources to be Ready", RECOVERED)
    except TimeoutError:
        for place in world.unready():
            yield Violation("recovered", f"{'/'.join(place)} is not Ready {RECOVERED:.0f} s after the last fault")


def _processes(world: World) -> Iterable[Violation]:
    """What the operators' processes and their logs show."""
    world.check()
    yield from (Violation("processes", ended) for ended in world.ended)
    yield from (Violation("logs", line) for line in log.noise(world.ledger.logs))
    yield from (Violation("secrets", leak) for leak in log.leaks(world.ledger))


def _random(*seed: int) -> Random:
    return Random(repr(seed))  # noqa: S311  # a schedule is to be repeated, not to be kept secret


def _at(number: int, kinds: Iterable[str]) -> Iterator[Central]:
    """The local faults of a namespace."""
    for kind in kinds:
        yield partial(_strike, LOCAL[kind], number)


def _strike(fault: Local, number: int, world: World, random: Random) -> None:
    fault(world, number, random)


def _lane(world: World, rest: tuple[float, float], random: Random, faults: Iterable[Central]) -> Callable[[], None]:
    def run() -> None:
        for apply in faults:
            world.hold(random.uniform(*rest))
            if world.over.is_set():
                return
            apply(world, random)

    return run
