"""`python -m tests.bench`: measure the performance budget.

Exit codes: 0 where all limits are kept, 1 where one is missed, 2 where the bench could not be run, 130 after Ctrl-C.
"""

import argparse
import json
import signal
import sys
from collections.abc import Callable, Sequence
from typing import Final

import httpx

from tests.bench import (
    against,
    build,
    cold,
    failover,
    growth,
    lifetime,
    mount,
    renewal,
    repair,
    restart,
    scrub,
    sharer,
    unrelated,
)
from tests.bench.cold import Cold, Limits
from tests.bench.count import Counts
from tests.bench.row import BenchError, Row, table
from tests.bench.stage import Stage
from tests.bench.target import Scene
from tests.bench.usage import PROC, machine
from tests.cluster import debian
from tests.cluster.client import CommandError
from tests.cluster.daemon import DaemonError
from tests.cluster.image import ImageError
from tests.cluster.progress import say
from tests.cluster.toolchain import ToolError

FAULTS: Final = (BenchError, ToolError, DaemonError, CommandError, ImageError)
"""Of the harness; their text is for whoever runs it."""

THOUSAND: Final = Limits(resources=1000, seconds=15, mebibytes=90, cpu=6)
TEN_THOUSAND: Final = Limits(resources=10_000, seconds=150, mebibytes=160, idle=1)

FOOTER: Final = """\
Of several cold runs the median is judged, of everything else the worst. 10,000 resources are run once.
Time: from the start of the operator's process to its last write by the API server's audit log, events apart.
CPU: of the operator's process until then, user and system. Peak memory: its VmHWM, with the pages of mapped files.
Writes: the operator's in the audit log, events and leases apart. Token requests: by the endpoint's log.
At rest: over {idle:.0f} s once nothing was asked for any more. Unrelated Secrets: the difference to the run without.
In virtual time: the operator's own code with a fake of the API server, its requests counted by the fake endpoint.
Repairs: from the API server's answer to the change until a watch of the Secret shows it; {resources:,} others rest.
A killed leader: by SIGKILL; a target is changed right after, and the time is taken as with repairs.
Answers: CPU of one thread for reading one of each hostile kind, in the best of a few rounds.
Files: from the Secret's write, by the API server's audit log, to a pod's first call with the new token; it reads its
file and calls every 0.1 s."""


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the bench; prints the table on stdout."""
    parser = argparse.ArgumentParser(prog="python -m tests.bench", description="Measures the performance budget.")
    parser.add_argument(
        "--runs", type=int, default=3, help="cold runs of 1,000, each on a control plane of its own; default: 3"
    )
    parser.add_argument("--json", action="store_true", help="one JSON document instead of the table")
    parser.add_argument(
        "--growth", action="store_true", help="measure how the cost grows instead, for operator/docs/performance.md"
    )
    parser.add_argument(
        "--sizes",
        type=int,
        nargs="+",
        default=growth.SIZES,
        metavar="RESOURCES",
        help="of --growth; with others than the document's, what was found is only printed; default: %(default)s",
    )
    parser.add_argument("--against", metavar="COMMIT", help="compare with that commit's operator instead")
    parser.add_argument("--pairs", type=int, default=5, help="of runs, with --against; default: 5")
    parser.add_argument(
        "--scenes",
        default=" ".join(Scene),
        help="some of them, with --against, with blanks between; default: %(default)s",
    )
    chosen = parser.parse_args(arguments)
    runs = chosen.runs
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    if min(runs, chosen.pairs) < 1 or not (PROC / "self" / "stat").exists():
        print("the bench could not be run: it needs Linux's /proc, and one run or more", file=sys.stderr)
        return 2
    size = machine()
    if chosen.against is not None:
        return _guarded(lambda: _against(chosen.against, chosen.pairs, chosen.scenes, size))
    return _guarded(lambda: _budget(chosen, size))


def _guarded(run: Callable[[], int]) -> int:
    """The exit code of `run`, or the one for why it could not be run, with that reason in a line."""
    try:
        return run()
    except KeyboardInterrupt:
        print("interrupted: everything that was started has been ended", file=sys.stderr)
        return 130
    except (*FAULTS, httpx.HTTPError, TimeoutError, RuntimeError) as error:
        print(f"the bench could not be run: {error}", file=sys.stderr, flush=True)
        return 2


def _against(commit: str, pairs: int, scenes: str, size: str) -> int:
    full = build.resolve(commit)
    if unknown := set(scenes.split()) - set(Scene):
        raise BenchError(f"no such scene: {', '.join(sorted(unknown))}; there are {', '.join(Scene)}")
    found = against.compare(full, pairs, [scene for scene in Scene if scene in scenes.split()])
    print(against.text(found, full))
    print(f"Machine: {size} at the start")
    return 0 if all(each.met for each in found) else 1


def _budget(chosen: argparse.Namespace, size: str) -> int:
    runs: int = chosen.runs
    say(f"{size}; about {minutes(chosen)} min in all, more where others are busy too")
    if chosen.growth:
        growth.write(size, chosen.sizes)
        return 0
    if obstacle := debian.obstacle():
        say(f"the rows about mounted files are left out: {obstacle}")
    else:
        debian.require((*debian.IMAGE, *debian.NODE))  # they come last
    rows, foreign = measure(runs)
    if not obstacle:
        rows += mount.measure()
    missed = [row.what for row in rows if not row.met]
    if chosen.json:
        found = {"machine": size, "foreignCPUSeconds": foreign, "rows": [row.document() for row in rows]}
        print(json.dumps(found, indent=2))
        return 1 if missed else 0
    print(table(rows))
    print(f"\n{FOOTER.format(resources=THOUSAND.resources, idle=cold.IDLE)}")
    print(f"Machine: {size} at the start; other programs used {foreign:.1f} s of CPU during the cold runs.")
    print(f"{len(missed)} of {len(rows)} limits missed: {'; '.join(missed)}" if missed else "all limits kept")
    return 1 if missed else 0


def minutes(chosen: argparse.Namespace) -> int:
    """How long the chosen bench takes on two cores."""
    return growth.minutes(chosen.sizes) if chosen.growth else 17 + chosen.runs // 2


def measure(runs: int) -> tuple[list[Row], float]:
    """All rows but those of a node, and the CPU seconds that others used during the cold runs."""
    colds, rows, counts = _thousand(runs, THOUSAND)
    with Stage() as stage:
        large = cold.measure(stage, cold.populate(stage, TEN_THOUSAND), TEN_THOUSAND)
    with Stage() as stage:
        shared = sharer.measure(stage)
    issues = [number for run in (*colds, large) for number in run.counts.issues]
    writes = [
        Row("API writes for an issue", (*issues, *counts.issues), 2),
        Row("API writes for a renewal", tuple(counts.renewals), 2),
        Row("API writes for a poll that answers the same token", tuple(counts.polls), 0),
    ]
    found = [
        *cold.rows(colds, THOUSAND),
        *unrelated.measure(THOUSAND, colds),
        *cold.rows([large], TEN_THOUSAND),
        *writes,
        *rows,
        *shared,
        *lifetime.measure(),
        *failover.measure(),
        *scrub.measure(),
    ]
    return found, sum(run.foreign for run in (*colds, large))


def _thousand(runs: int, limits: Limits) -> tuple[list[Cold], list[Row], Counts]:
    """Cold runs, the rows of a restart and of repairs after the last of them, and what renewals cost then."""
    colds: list[Cold] = []
    for _ in range(runs - 1):
        with Stage() as stage:
            colds.append(cold.measure(stage, cold.populate(stage, limits), limits))
    with Stage() as stage:
        endpoint = cold.populate(stage, limits)
        colds.append(cold.measure(stage, endpoint, limits))
        requests, tail = endpoint.count(), stage.audit()
        with stage.operator() as operator:
            restarted = restart.measure(operator, tail, endpoint, requests)
            repaired = repair.measure(stage, operator)
            short_lived = renewal.run(stage, operator)
        counts = renewal.counts(short_lived, tail)
    return colds, [*restarted, *repaired], counts


if __name__ == "__main__":
    sys.exit(main())
