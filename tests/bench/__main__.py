"""`python -m tests.bench`: measures the performance budget.

Exit codes: 0 if all limits are kept, 1 if one is missed, 2 if the bench could not be run, 130 after Ctrl-C.
"""

import argparse
import json
import signal
import sys
from collections.abc import Callable, Sequence
from typing import Final

import httpx

from tests.bench import against, budget, build, growth, storm
from tests.bench.budget import Part
from tests.bench.row import BenchError
from tests.bench.storm import Size
from tests.bench.target import Scene
from tests.bench.usage import PROC, machine
from tests.cluster.client import CommandError
from tests.cluster.daemon import DaemonError
from tests.cluster.image import ImageError
from tests.cluster.progress import say
from tests.cluster.toolchain import ToolError

FAULTS: Final = (BenchError, ToolError, DaemonError, CommandError, ImageError)
"""Errors of the harness; their text is for its user."""

EXCLUSIVE: Final = {
    "against": ("growth", "only", "storm"),
    "growth": ("json", "only", "storm"),
}
"""Options that choose what is measured, and the options that they exclude."""


def main(arguments: Sequence[str] | None = None) -> int:
    """Runs the bench; prints the table on stdout."""
    chosen = _parser().parse_args(arguments)
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    return _guarded(lambda: _run(chosen))


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m tests.bench", description="Measures the performance budget.")
    parser.add_argument(
        "--runs", type=int, default=3, help="cold runs of 1,000, each on a control plane of its own; default: 3"
    )
    parser.add_argument("--json", action="store_true", help="one JSON document instead of the table")
    parser.add_argument("--only", metavar="PARTS", help=f"some of them, separated by blanks: {' '.join(Part)}")
    parser.add_argument(
        "--storm", metavar="SIZE", help=f"tokens and requests a minute; default: {storm.DEFAULT}; large: {storm.LARGE}"
    )
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
        help="some of them, with --against, separated by blanks; default: %(default)s",
    )
    return parser


def _guarded(run: Callable[[], int]) -> int:
    """The exit code of `run`; if it could not be run, prints the reason in one line."""
    try:
        return run()
    except KeyboardInterrupt:
        print("interrupted: everything that was started has been stopped", file=sys.stderr)
        return 130
    except (*FAULTS, httpx.HTTPError, TimeoutError, RuntimeError) as error:
        print(f"the bench could not be run: {error}", file=sys.stderr, flush=True)
        return 2


def _run(chosen: argparse.Namespace) -> int:
    for option, others in EXCLUSIVE.items():
        for other in others:
            if getattr(chosen, option) and getattr(chosen, other):
                raise BenchError(f"--{option} and --{other} exclude each other")
    if min(chosen.runs, chosen.pairs) < 1 or not (PROC / "self" / "stat").exists():
        raise BenchError("it needs Linux's /proc, and one run or more")
    size = machine()
    if chosen.against is not None:
        return _against(chosen, size)
    if chosen.growth:
        say(f"{size}; about {growth.minutes(chosen.sizes)} min in all, more if other programs are busy")
        growth.write(size, chosen.sizes)
        return 0
    return _budget(chosen, size)


def _against(chosen: argparse.Namespace, size: str) -> int:
    full, scenes = build.resolve(chosen.against), chosen.scenes.split()
    if unknown := set(scenes) - set(Scene):
        raise BenchError(f"no such scene: {', '.join(sorted(unknown))}; known scenes: {', '.join(Scene)}")
    found = against.compare(full, chosen.pairs, [scene for scene in Scene if scene in scenes])
    if chosen.json:
        print(json.dumps(against.document(found, full, size), indent=2))
    else:
        print(f"{against.text(found, full)}\nMachine: {size} at the start")
    return 0 if all(each.met for each in found) else 1


def _budget(chosen: argparse.Namespace, size: str) -> int:
    parts = budget.choose(chosen.only)
    if chosen.storm is not None and Part.STORM not in parts:
        raise BenchError("--storm means nothing where --only leaves the storm out")
    gale = storm.DEFAULT if chosen.storm is None else Size.read(chosen.storm)
    about = budget.minutes(parts, chosen.runs, gale)
    say(f"{size}; about {max(1.0, about):.0f} min in all, more if other programs are busy")
    found = budget.measure(parts, chosen.runs, gale)
    print(json.dumps(found.document(size), indent=2) if chosen.json else found.text(size))
    return 1 if found.missed else 0


if __name__ == "__main__":
    sys.exit(main())
