"""`python -m tests.faults`: faults drawn by a seed for any length of time, on 500 resources.

Two cores handle them easily, but not together with other heavy work: while another control plane started, a new leader
brought 15 tokens a second instead of 80, and some of them came 10 s late.

Exit codes: 0 without violations, 1 with some, 2 if the run could not be made, 130 after Ctrl-C.
"""

import secrets
import signal
import sys
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import ExitStack
from random import Random
from typing import Final

from tests.bench.usage import machine
from tests.cluster.client import CommandError
from tests.cluster.daemon import DaemonError
from tests.cluster.parser import Parser
from tests.cluster.progress import say, step
from tests.cluster.toolchain import ToolError
from tests.fakes.issuer import Policy
from tests.faults.fault import CENTRAL, LOCAL
from tests.faults.hostile import HostileServer
from tests.faults.memory import Memory
from tests.faults.oracle import excused_share, judge
from tests.faults.record import History, Violation
from tests.faults.run import Plan, play
from tests.faults.tenant import Tenant, share
from tests.faults.world import Size, World

NAMESPACES: Final = 10
LIFETIMES: Final = (30, 90)
"""Seconds, minimum and maximum."""
LEADS: Final = (0, 20)
CENTRAL_REST: Final = (30.0, 60.0)
"""Seconds: a central fault excuses everybody for about 20, and more than half of the time should be judged."""
LOCAL_REST: Final = (30.0, 120.0)
SHOWN: Final = 40
"""Maximum number of violations printed."""


def main(arguments: Sequence[str] | None = None) -> int:
    """Runs; prints progress on stderr and the table on stdout."""
    parser = Parser(prog="python -m tests.faults", description="Breaks a control plane for a while.")
    parser.add_argument(
        "--minutes", type=float, default=20.0, help="how long there are faults, in minutes; default: 20"
    )
    parser.add_argument("--seed", type=int, help="seed of the schedule; default: a new one")
    parser.add_argument("--resources", type=int, default=500, help="default: 500")
    options = parser.parse_args(arguments)
    if not (options.minutes > 0 and options.resources >= 5 * NAMESPACES):
        parser.error(f"minutes must be more than 0, and resources {5 * NAMESPACES} or more")
    seed = secrets.randbelow(10**6) if options.seed is None else options.seed
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    say(f"{machine()}; seed {seed}")
    try:
        history, violations = soak(options.minutes * 60, seed, options.resources // NAMESPACES)
    except KeyboardInterrupt:
        print("interrupted: everything that was started has been stopped", file=sys.stderr)
        return 130
    except (ToolError, DaemonError, CommandError, TimeoutError) as error:
        print(f"the run could not be made: {error}", file=sys.stderr)
        return 2
    print(table(history, violations))
    print(f"seed {seed}: {len(violations)} violations" if violations else f"seed {seed}: all promises kept")
    return 1 if violations else 0


def soak(seconds: float, seed: int, resources: int) -> tuple[History, list[Violation]]:
    """One run, with `resources` in each namespace."""
    with ExitStack() as stack:
        with step("starting a control plane, token endpoints and two replicas", "about 20 s"):
            world = stack.enter_context(World(size(seed, resources), log_level="info"))
        with step(f"creating {NAMESPACES * resources} resources", "about 10 s"):
            world.populate()
        with step("letting a hostile tenant in", "about 5 s"):
            server = stack.enter_context(HostileServer())
            shared = share(world, 5, Policy(60, 15))
            tenant = Tenant(world.plane, server, world.logins[0], ".".join(shared[0]))
            tenant.begin()
            stack.callback(tenant.end)
        say(f"breaking things for {seconds / 60:.1f} min, then up to 90 s to recover")
        with Memory(world) as memory:
            violations = play(world, plan(seed, seconds), seed)
        history = world.history()
        return history, [*violations, *judge(history), *memory.growth(history)]


def size(seed: int, resources: int) -> Size:
    """Lifetimes, leads and windows of all sorts, by the resource's number."""

    def draw(number: int) -> tuple[int, int, int]:
        random = Random(f"{seed} {number}")  # noqa: S311  # to be repeated
        lifetime = random.randint(*LIFETIMES)
        return lifetime, random.randint(*LEADS), random.randint(6, lifetime // 2)

    def policy(number: int) -> Policy:
        lifetime, lead, _ = draw(number)
        return Policy(lifetime, lead)

    return Size(NAMESPACES, resources, policy, lambda number: draw(number)[2])


def plan(seed: int, seconds: float) -> Plan:
    """Endless lanes, each with its own faults."""

    def draw(kinds: Sequence[str], lane: int) -> Iterator[str]:
        random = Random(f"{seed} lane {lane}")  # noqa: S311  # to be repeated
        while True:
            yield from random.sample(kinds, len(kinds))

    local = [draw([*LOCAL], number) for number in range(NAMESPACES)]
    return Plan(draw([*CENTRAL], -1), local, CENTRAL_REST, LOCAL_REST, seconds)


def table(history: History, violations: Sequence[Violation]) -> str:
    """What was done, what it cost, and what was wrong."""
    kinds = Counter(injection.kind for injection in history.injections)
    tokens = {(place, sight.serial) for place, sights in history.sights.items() for sight in sights if sight.serial}
    written = Counter(write.resource for write in history.writes if write.succeeded)
    rows = [(kind, kinds[kind]) for kind in [*CENTRAL, *LOCAL]]
    rows += [
        ("resources, including recreated ones", len(history.lives)),
        ("leaders", len(history.terms)),
        ("tokens in Secrets", len(tokens)),
        ("token requests", len(history.requests)),
        ("writes of Secrets", written["secrets"]),
        ("writes of statuses", written["integrationtokens"]),
        ("refused writes", sum(not write.succeeded for write in history.writes)),
    ]
    lines = [f"{what:<50}{count:>10,}" for what, count in rows]
    lines.append(f"{'time in which an expired token is excused':<50}{excused_share(history):>10.0%}")
    lines += [
        f"{promise:<50}{count:>10,} violations" for promise, count in Counter(v.promise for v in violations).items()
    ]
    return "\n".join([*lines, *map(str, violations[:SHOWN])])


if __name__ == "__main__":
    sys.exit(main())
