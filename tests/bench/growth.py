"""How the cost grows with the number of resources: figures, a plot, and where time and memory go, for the document."""

import json
import re
import signal
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from tests.bench import cold, curve
from tests.bench.cold import Cold, Limits
from tests.bench.stage import Stage
from tests.cluster.poll import poll
from tests.cluster.progress import say

SIZES: Final = (100, 1000, 5000, 10_000)
TRACED: Final = (500, 1500)
"""Resources of the two runs whose difference tells what one resource holds."""

DOCS: Final = Path(__file__).parents[2] / "operator" / "docs"
DOCUMENT: Final = DOCS / "performance.md"
PLOT: Final = DOCS / "performance-growth.svg"
BEGIN: Final = "<!-- the figures of `make growth` begin -->\n"
END: Final = "<!-- the figures of `make growth` end -->"

HOLDERS: Final = (
    (
        "the record of a resource, its references and its grant",
        (
            "inventory.py",
            "resource.py",
            "plan.py",
            "failure.py",
            "grant.py",
            "grant_rate.py",
            "response.py",
            "<string>",
        ),
    ),
    ("its plan in the queue of due times", ("scheduler.py", "due_queue.py", "clock.py", "requeue.py")),
    ("its two Secrets, as their watch knows them", ("secret.py",)),
    ("texts of the API server's answers that are kept: names, UIDs, versions", ("decoder.py", "scanner.py")),
    ("kopf's memory of it", ("kopf",)),
)
"""What is held, by names of files or of the packages that they are in. `<string>` is where dataclasses are made."""
OTHERS: Final = "everything else"


@dataclass(frozen=True, slots=True)
class Growth:
    """All that was measured."""

    machine: str
    colds: Mapping[int, Cold]
    """By number of resources."""
    samples: Counter[str]
    """Of the largest of them, by purpose."""
    held: Mapping[str, float]
    """Bytes of a resource, by holder."""


def write(machine: str) -> None:
    """Measure, and put what was found into the document."""
    colds = {size: _cold(size) for size in SIZES}
    samples = Counter(_looked_into(SIZES[-1], "sampled"))
    few, many = (_looked_into(size, "traced") for size in TRACED)
    growth = Growth(re.sub(r", load .*", "", machine), colds, samples, held(few, many, TRACED[1] - TRACED[0]))
    before, _, rest = DOCUMENT.read_text().partition(BEGIN)
    DOCUMENT.write_text(before + BEGIN + text(growth) + END + rest.partition(END)[2])
    PLOT.write_bytes(curve.draw(colds))
    print(text(growth))


def held(few: Mapping[str, int], many: Mapping[str, int], more: int) -> dict[str, float]:
    """Bytes that one resource holds, of what is held by file with few and with many of them."""
    found: dict[str, float] = dict.fromkeys([*(name for name, _ in HOLDERS), OTHERS], 0.0)
    for file in {*few, *many}:
        parts = Path(file).parts
        holder = next((name for name, files in HOLDERS if any(part in parts for part in files)), OTHERS)
        found[holder] += (many.get(file, 0) - few.get(file, 0)) / more
    return found


def text(growth: Growth) -> str:
    """The document's measured part."""
    colds = growth.colds
    small, large = colds[SIZES[1]], colds[SIZES[-1]]
    each = (large.mebibytes - small.mebibytes) / (SIZES[-1] - SIZES[1]) * 1024
    total = sum(growth.samples.values())
    rows = [
        f"| {size:,} | {run.seconds:.1f} s | {run.cpu:.1f} s | {run.mebibytes:.0f} MiB | {run.idle or 0:.2f} % |"
        for size, run in colds.items()
    ]
    shares = [f"| {name} | {100 * count / total:.0f} % |" for name, count in growth.samples.most_common()]
    bytes_ = [f"| {name} | {size / 1024:.1f} KiB |" for name, size in growth.held.items()]
    return "\n".join(
        [
            f"Measured on {growth.machine}, with etcd, kube-apiserver and the token endpoint on the same cores.",
            "",
            "| resources | cold start | its CPU | peak memory | CPU at rest, of a core |",
            "|---:|---:|---:|---:|---:|",
            *rows,
            "",
            f"![Cold start, memory and CPU at rest by the number of resources]({PLOT.name})",
            "",
            f"From {SIZES[1]:,} to {SIZES[-1]:,} resources each one more costs {each:.1f} KiB of peak memory and",
            f"{1000 * (large.cpu - small.cpu) / (SIZES[-1] - SIZES[1]):.1f} ms of CPU for its first token.",
            "",
            "| what Python holds of one resource at rest | |",
            "|---|---:|",
            *bytes_,
            f"| together | {sum(growth.held.values()) / 1024:.1f} KiB |",
            "",
            f"Where the CPU time of a cold start of {SIZES[-1]:,} goes:",
            "",
            "| purpose | share |",
            "|---|---:|",
            *shares,
            "",
        ]
    )


def _limits(size: int) -> Limits:
    """None of them is judged: they only say how long is waited."""
    return Limits(size, seconds=max(15.0, size * 0.015), mebibytes=160, idle=1)


def _cold(size: int) -> Cold:
    with Stage() as stage:
        return cold.measure(stage, cold.populate(stage, _limits(size)), _limits(size))


def _looked_into(size: int, how: str) -> dict[str, int]:
    """What the operator tells of itself after a cold start."""
    say(f"the same with {size:,}, {how}")
    with Stage() as stage:
        limits = _limits(size)
        cold.populate(stage, limits)
        tail = stage.audit()
        with stage.operator(module=f"tests.bench.{how}") as operator:
            cold.until_complete(stage, operator, tail, limits)
            tail.await_quiet(operator.check)
            operator.signal(signal.SIGUSR1)
            poll(lambda: _told(operator.log()), "the operator to tell of itself", 60)
            found: dict[str, int] = json.loads(_told(operator.log())[0])
    return found


def _told(log: str) -> list[str]:
    """The lines of JSON in a log, once they are whole."""
    return [line for line in log.splitlines() if line.startswith("{") and line.endswith("}")]
