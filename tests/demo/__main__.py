"""`python -m tests.demo`: shows rollovers, and counts what consumers noticed.

Exit codes: 0 if everything was as promised, 1 if it wasn't, 2 if the demo could not be run, 130 after Ctrl-C.
"""

import math
import signal
import sys
import time
from collections.abc import Callable
from typing import Final

from tests.cluster import tool
from tests.cluster.client import CommandError
from tests.cluster.daemon import DaemonError
from tests.cluster.progress import say
from tests.cluster.toolchain import ToolError
from tests.demo.case import CASES, NAMESPACE
from tests.demo.scene import PROGRAMS, DemoError, Scene
from tests.demo.summary import ROLLOVERS, faults, figures, line
from tests.fakes.call import Call, switches

USUAL: Final = 80
"""Seconds that it takes once the programs are built."""
LONGEST: Final = 2.0 * (ROLLOVERS + 1) * max(case.lifetime for case in CASES)
"""Seconds after which it stops waiting for missing rollovers."""


def main() -> int:
    """Runs the demo; its last line sums up."""
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    try:
        announce(tool.wait(PROGRAMS))
        tool.provide(PROGRAMS)
        with Scene() as scene:
            watch(scene)
        # Counted when everything has ended: no call is made after that.
        found = figures(scene.api.calls, scene.endpoint.log)
    except KeyboardInterrupt:
        print("interrupted: everything that was started has been stopped", flush=True)
        return 130
    except (DemoError, ToolError, DaemonError, CommandError) as error:
        print(f"the demo could not be run: {error}", file=sys.stderr, flush=True)
        return 2
    wrong = faults(found)
    wrong += [f"a consumer failed: {failure}" for consumer in scene.consumers for failure in consumer.failures[:1]]
    if scene.operator.exit_code:
        wrong.append(f"the operator ended with {scene.operator.exit_code}:\n{scene.operator.last_words}")
    for fault in wrong:
        print(f"not as promised: {fault}", flush=True)
    verdict = "not as promised" if wrong else "as promised"
    print(f"{verdict}, as the API saw it: {'; '.join(map(str, found))}", flush=True)
    return 1 if wrong else 0


def announce(seconds: int) -> None:
    """Prints what is to come, and how long it takes; `seconds` of that are for building programs."""
    say("the demo: the chart on a real API server, an operator that renews two tokens, and consumers that use them")
    if seconds:
        minutes = math.ceil((seconds + USUAL) / 60)
        say(f"about {minutes} min on two cores, most of it to get programs, once; {USUAL} s the next time")
    else:
        say(f"about {USUAL} s")


def watch(scene: Scene) -> None:
    """Prints each rollover, until there were enough of each token's."""
    show(scene, "get", "itok")
    say(f"consumers read their Secret every 100 ms and call the API; {ROLLOVERS} rollovers of each token, about 65 s")
    started = time.time()
    said = 0
    while time.time() < started + LONGEST:
        try:
            calls = scene.api.wait_for(_more_than(len(scene.api.calls) + len(CASES)), timeout=5)
        except TimeoutError:
            calls = scene.api.calls
        if not scene.operator.running:
            raise DemoError(f"the operator has ended:\n{scene.operator.tail()}")
        happened = sorted(switches(calls), key=lambda switch: switch.time)
        for switch in happened[said:]:
            print(line(switch, started, scene.endpoint.log), flush=True)
        if said < len(CASES) <= len(happened):
            show(scene, "get", "itok", "-o", "wide")
        said = len(happened)
        if all(sum(switch.consumer == case.name for switch in happened) >= ROLLOVERS for case in CASES):
            return
    say("no longer waiting for more rollovers")


def _more_than(count: int) -> Callable[[tuple[Call, ...]], bool]:
    return lambda calls: len(calls) > count


def show(scene: Scene, *arguments: str) -> None:
    """Prints a command, and its output for a user."""
    print(f"$ kubectl {' '.join(arguments)} -n {NAMESPACE}", flush=True)
    print(scene.show(*arguments[1:]).rstrip(), flush=True)


if __name__ == "__main__":
    sys.exit(main())
