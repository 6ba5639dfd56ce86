"""`python -m tests.consumers [NAME…]`: all programs and controllers here, or these, over three rollovers.

It prints a table of the programs, one of the controllers, and one of client-go's cache over one rollover.

Exit codes: 0 if each behaved as expected, 1 if one didn't, 2 if one isn't available.
"""

import sys
import threading
from collections.abc import Iterable, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import ExitStack

from tests.cluster import tool
from tests.cluster.progress import say, step
from tests.cluster.toolchain import ToolError
from tests.consumers import cached, controller
from tests.consumers.controller import Controller
from tests.consumers.controllers import CONTROLLERS
from tests.consumers.program import Program
from tests.consumers.programs import PROGRAMS
from tests.consumers.result import table
from tests.consumers.trial import played

TAIL = 800
"""Characters of a program's output that are shown when it fails."""


def main(names: list[str]) -> int:
    """Returns the exit code."""
    known = {kind.name: kind for kind in PROGRAMS}
    every = [*known, *(kind.name for kind in CONTROLLERS), cached.NAME]
    if unknown := [name for name in names if name not in every]:
        print(f"error: {', '.join(unknown)} isn't among: {', '.join(every)}", file=sys.stderr)
        return 2
    wanted = names or every
    programs = [known[name]() for name in wanted if name in known]
    controllers = [kind for kind in CONTROLLERS if kind.name in wanted]
    wrong = False
    try:
        tool.provide(tool.CONSUMERS)
        with ExitStack() as stack:
            rollovers = _begin(stack) if cached.NAME in wanted else None
            if programs:
                wrong |= _play(programs)
            if controllers:
                wrong |= _watch(controllers)
            if rollovers:
                wrong |= _judge(rollovers.result())
    except ToolError as error:
        print(f"error: {error}", file=sys.stderr)
        return 2
    return 1 if wrong else 0


def _begin(stack: ExitStack) -> Future[list[cached.Rollover]]:
    """Runs in parallel with the others: it takes as long as a token lives, mostly waiting."""
    executor, stopped = stack.enter_context(ThreadPoolExecutor(1)), threading.Event()
    stack.callback(stopped.set)  # before waiting for its end, so that an interrupt doesn't take minutes
    say(f"client-go's cache, with {cached.NAME} and without, over one rollover, meanwhile ({cached.USUAL})")
    return executor.submit(cached.watched, stopped)


def _judge(rollovers: Sequence[cached.Rollover]) -> bool:
    """Whether consumerDelay didn't do its job, or wasn't needed."""
    sys.stdout.write(cached.table(rollovers))
    return _tell((f"{cached.NAME} {rollover.delay:.0f} s", rollover.faults(), "") for rollover in rollovers)


def _play(programs: list[Program]) -> bool:
    """Whether any of them misbehaved. Raises ToolError."""
    versions = {program.name: program.version() for program in programs}
    longest = max(program.pace.lead * 3 + program.delay for program in programs) + 20
    with step(f"{len(versions)} programs over three rollovers", f"about {longest / 60:.1f} min"):
        results = played(programs)
    sys.stdout.write(table(result for result, _ in results))
    end = "; the end of its output:\n"
    return _tell((result.name, result.faults(), end + printed[-TAIL:]) for result, printed in results)


def _watch(controllers: list[type[Controller]]) -> bool:
    """Whether any of them misbehaved. Raises ToolError."""
    delays = []
    for kind in controllers:
        with step(f"the {kind.name} over three rollovers", "about 1 min"):
            delays.append(controller.watched(kind))
    sys.stdout.write(controller.table(delays))
    return _tell((delay.name, delay.faults(), "") for delay in delays)


def _tell(judged: Iterable[tuple[str, list[str], str]]) -> bool:
    """Prints any faults, with their program and further details; returns whether there were any."""
    wrong = False
    for who, faults, more in judged:
        if faults:
            wrong = True
            print(f"{who}: {'; '.join(faults)}{more}")
    return wrong


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
