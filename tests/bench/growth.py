"""How the cost grows with the number of resources: figures, a plot, and where time and memory go, for the document."""

import json
import re
import signal
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from math import ceil
from pathlib import Path
from typing import Final

import yaml

from tests.bench import cold, curve, sizing
from tests.bench.cold import Cold, Limits
from tests.bench.row import BenchError
from tests.bench.scene import DELAY
from tests.bench.stage import Stage
from tests.cluster.client import CHART
from tests.cluster.poll import poll
from tests.cluster.progress import say
from tests.fakes.process import Configuration, EndpointProcess

SIZES: Final = (100, 1000, 5000, 10_000, 20_000)
SAMPLED: Final = 10_000
"""Maximum number of resources in the run with samples."""
TRACED: Final = (500, 1500)
"""Resources in the two runs whose difference shows what one resource holds."""

DOCS: Final = Path(__file__).parents[2] / "operator" / "docs"
DOCUMENT: Final = DOCS / "performance.md"
PLOT: Final = DOCS / "performance-growth.svg"
MARKS: Final = "<!-- the {part} of `make growth` begin -->\n", "<!-- the {part} of `make growth` end -->"
FIGURES: Final = "figures"
SIZING: Final = "sizes"
"""The document's two generated parts."""

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
    ("its plan in the queue of due times", ("scheduler.py", "due_queue.py", "late_queue.py", "clock.py", "requeue.py")),
    ("its two Secrets, as the watch stores them", ("secret.py",)),
    ("the resource as the watch reported it, packed", ("packed.py",)),
    ("strings from the API server's answers: names, UIDs, versions", ("decoder.py", "scanner.py", "wire.py")),
    ("kopf's memory of it", ("kopf",)),
)
"""Holders of memory, by file or package name. `<string>` is where dataclasses are created."""
OTHERS: Final = "everything else"


@dataclass(frozen=True, slots=True)
class Growth:
    """All that was measured."""

    machine: str
    colds: Mapping[int, Cold]
    """By number of resources."""
    sampled: int
    """Resources in the sampled run."""
    samples: Counter[str]
    """By purpose."""
    held: Mapping[str, float]
    """Bytes of a resource, by holder."""


def write(machine: str, sizes: Sequence[int] = SIZES) -> None:
    """Measures, and updates the document; sizes other than the document's are only printed."""
    if len(set(sizes)) < 2 or min(sizes) < 1:
        raise BenchError("growth is seen between two numbers of resources, or more")
    for part in (FIGURES, SIZING):
        replaced(DOCUMENT.read_text(), part, "")  # it has its place: reported now and not at the end
    # The parts that look into the operator come first, since its changes may break them, and the rest takes long.
    few, many = (_looked_into(size, "traced") for size in TRACED)
    sampled = min(SAMPLED, max(sizes))
    samples = Counter(_looked_into(sampled, "sampled"))
    colds = {size: _cold(size) for size in sorted(set(sizes))}
    growth = Growth(re.sub(r", load .*", "", machine), colds, sampled, samples, held(few, many, TRACED[1] - TRACED[0]))
    figures, sizes_ = text(growth), sizing.text(colds, chart_limit())
    if tuple(colds) == SIZES:
        document = replaced(DOCUMENT.read_text(), FIGURES, figures)
        DOCUMENT.write_text(replaced(document, SIZING, sizes_))
        PLOT.write_bytes(curve.draw(colds))
    print(f"{figures}\n{sizes_}")


def minutes(sizes: Sequence[int]) -> int:
    """How many minutes measuring takes, on two otherwise idle cores."""
    looked_into, run, resource = 4.0, 1.3, 0.016 / 60
    return ceil(looked_into + run * len(sizes) + resource * sum(sizes))


def replaced(document: str, part: str, text_: str) -> str:
    """The document with a new generated part. Raises BenchError if it has no place for it."""
    begin, end = (mark.format(part=part) for mark in MARKS)
    before, found, rest = document.partition(begin)
    _, closed, after = rest.partition(end)
    if not (found and closed):
        raise BenchError(f"{DOCUMENT.name} has no place for the {part} of `make growth`")
    return before + begin + text_ + end + after


def chart_limit() -> int:
    """The chart's memory limit, in MiB."""
    values = yaml.safe_load((CHART / "values.yaml").read_text())
    return int(values["resources"]["limits"]["memory"].removesuffix("Mi"))


def held(few: Mapping[str, int], many: Mapping[str, int], more: int) -> dict[str, float]:
    """Bytes that one resource holds, from what each file holds with few and with many of them."""
    found: dict[str, float] = dict.fromkeys([*(name for name, _ in HOLDERS), OTHERS], 0.0)
    for file in {*few, *many}:
        parts = Path(file).parts
        holder = next((name for name, files in HOLDERS if any(part in parts for part in files)), OTHERS)
        found[holder] += (many.get(file, 0) - few.get(file, 0)) / more
    return found


def text(growth: Growth) -> str:
    """The document's measured part."""
    colds, line = growth.colds, sizing.slope(growth.colds)
    total = sum(growth.samples.values())
    rows = [
        f"| {size:,} | {run.secrets:.1f} s | {run.seconds:.1f} s | {run.cpu:.1f} s | {run.mebibytes:.0f} MiB |"
        f" {run.idle or 0:.2f} % |"
        for size, run in colds.items()
    ]
    shares = [f"| {name} | {100 * count / total:.0f} % |" for name, count in growth.samples.most_common()]
    bytes_ = [f"| {name} | {size / 1024:.1f} KiB |" for name, size in growth.held.items()]
    return "\n".join(
        [
            f"Measured on {growth.machine}, with etcd, kube-apiserver and the token endpoint on the same cores.",
            f"The endpoint takes {1000 * DELAY:.0f} ms for each answer.",
            "",
            "| resources | all Secrets | cold start | its CPU | peak memory | CPU at rest, of a core |",
            "|---:|---:|---:|---:|---:|---:|",
            *rows,
            "",
            f"![Cold start, memory and CPU at rest by the number of resources]({PLOT.name})",
            "",
            f"Between {line.first:,} and {line.last:,} resources, each additional one costs",
            f"{1024 * line.mebibytes:.1f} KiB of peak memory and {1000 * line.cpu:.1f} ms of CPU for its first token.",
            "",
            "| what Python holds of one resource at rest | |",
            "|---|---:|",
            *bytes_,
            f"| total | {sum(growth.held.values()) / 1024:.1f} KiB |",
            "",
            f"Where the CPU time of a cold start of {growth.sampled:,} goes:",
            "",
            "| purpose | share |",
            "|---|---:|",
            *shares,
            "",
        ]
    )


def _limits(size: int) -> Limits:
    """None of them is checked: they only limit the waiting time."""
    return Limits(size, seconds=max(15.0, size * 0.015), mebibytes=160, idle=1)


def _cold(size: int) -> Cold:
    with Stage() as stage:
        return cold.measure(stage, _populated(stage, size), _limits(size))


def _populated(stage: Stage, size: int) -> EndpointProcess:
    return cold.populate(stage, _limits(size), Configuration(delay=DELAY))


def _looked_into(size: int, how: str) -> dict[str, int]:
    """What the operator reports about itself after a cold start."""
    say(f"the same with {size:,}, {how}")
    with Stage() as stage:
        _populated(stage, size)
        tail = stage.audit()
        with stage.operator(module=f"tests.bench.{how}") as operator:
            cold.until_complete(stage, operator, tail, _limits(size))
            tail.await_quiet(operator.check)
            operator.signal(signal.SIGUSR1)
            poll(lambda: _told(operator.log()), "the operator to tell of itself", 60)
            found: dict[str, int] = json.loads(_told(operator.log())[0])
    return found


def _told(log: str) -> list[str]:
    """The JSON lines in a log, once they are complete."""
    return [line for line in log.splitlines() if line.startswith("{") and line.endswith("}")]
