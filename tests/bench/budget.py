"""The performance budget: its parts, which can be chosen, and their rows."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any, Final

from tests.bench import cold, failover, lifetime, mount, renewal, repair, restart, scrub, sharer, storm, unrelated
from tests.bench.cold import Cold, Limits
from tests.bench.count import Counts
from tests.bench.row import BenchError, Row, table
from tests.bench.stage import Stage
from tests.cluster import debian
from tests.cluster.progress import say

THOUSAND: Final = Limits(resources=1000, seconds=12, mebibytes=90, cpu=6)
TEN_THOUSAND: Final = Limits(resources=10_000, seconds=130, mebibytes=160, idle=1)


class Part(StrEnum):
    """What can be run alone, in the order of a full run."""

    COLD_1000 = "cold-1000"
    """With a restart, repairs and the cost of a renewal, after the last run."""
    UNRELATED = "unrelated"
    """Compared with the cold runs of 1,000, which it includes."""
    COLD_10000 = "cold-10000"
    SHARERS = "sharers"
    LIFETIME = "lifetime"
    FAILOVER = "failover"
    SCRUB = "scrub"
    STORM = "storm"
    MOUNT = "mount"
    """Last, so that other missing things show earlier: it needs a node."""


MINUTES: Final = {
    Part.COLD_1000: 2.0,
    Part.UNRELATED: 1.5,
    Part.COLD_10000: 4.5,
    Part.SHARERS: 1.0,
    Part.LIFETIME: 0.1,
    Part.FAILOVER: 1.5,
    Part.SCRUB: 0.1,
    Part.STORM: storm.DEFAULT.duration,
    Part.MOUNT: 6.0,
}
"""Minutes of a part, plus one for each further cold run."""

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
A storm: all tokens expire within a minute. Arithmetic saves as many at once as the limit lets, each minute again, and
those that expire first first. A token is renewed when its Secret is written; the order is that of the endpoint's log.
Files: from the Secret's write, by the API server's audit log, to a pod's first call with the new token; it reads its
file and calls every 0.1 s."""


@dataclass(slots=True)
class Found:
    """What was measured."""

    rows: list[Row] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)
    """Tables without limits."""
    foreign: float = 0.0
    """CPU seconds that others used during the cold runs."""

    @property
    def missed(self) -> list[str]:
        """The rows that missed their limits."""
        return [row.what for row in self.rows if not row.met]

    def document(self, machine: str) -> dict[str, Any]:
        """All of it for machines; the notes are for people."""
        rows = [row.document() for row in self.rows]
        return {"machine": machine, "foreignCPUSeconds": self.foreign, "rows": rows}

    def text(self, machine: str) -> str:
        """All of it for people, and how to read it."""
        missed = self.missed
        footer = FOOTER.format(resources=THOUSAND.resources, idle=cold.IDLE)
        used = f"Machine: {machine} at the start; other programs used {self.foreign:.1f} s of CPU during the cold runs."
        verdict = (
            f"{len(missed)} of {len(self.rows)} limits missed: {'; '.join(missed)}" if missed else "all limits kept"
        )
        return "\n\n".join([table(self.rows), *self.notes, f"{footer}\n{used}\n{verdict}"])


def choose(names: str | None) -> list[Part]:
    """The parts with these names, separated by blanks; all if none is given. Raises BenchError."""
    wanted = list(Part) if names is None else names.split()
    if unknown := sorted(set(wanted) - set(Part)):
        raise BenchError(f"no such part: {', '.join(unknown)}; known parts: {', '.join(Part)}")
    if not wanted:
        raise BenchError(f"no part given; known parts: {', '.join(Part)}")
    chosen = {*wanted, *([Part.COLD_1000] if Part.UNRELATED in wanted else [])}
    return [part for part in Part if part in chosen]


def minutes(parts: Sequence[Part], runs: int, size: storm.Size) -> float:
    """Their minutes, with this many cold runs of 1,000 and a storm of that size."""
    found = sum(MINUTES[part] for part in parts) + (runs / 2 if Part.COLD_1000 in parts else 0)
    return found + (size.duration - storm.DEFAULT.duration if Part.STORM in parts else 0)


def measure(parts: Sequence[Part], runs: int, size: storm.Size) -> Found:
    """Runs the parts that `choose` returned. Raises BenchError if one can't be run."""
    obstacle = debian.obstacle() if Part.MOUNT in parts else None
    if obstacle and len(parts) == 1:
        raise BenchError(obstacle)
    if obstacle:
        say(f"the rows about mounted files are skipped: {obstacle}")
    elif Part.MOUNT in parts:
        debian.require((*debian.IMAGE, *debian.NODE))  # they come last
    found = Found()
    _cold(found, parts, runs)
    if Part.SHARERS in parts:
        with Stage() as stage:
            found.rows += sharer.measure(stage)
    for part, measured in ((Part.LIFETIME, lifetime), (Part.FAILOVER, failover), (Part.SCRUB, scrub)):
        if part in parts:
            found.rows += measured.measure()
    if Part.STORM in parts:
        rows, note = storm.measure(size)
        found.rows += rows
        found.notes.append(note)
    if Part.MOUNT in parts and not obstacle:
        found.rows += mount.measure()
    return found


def _cold(found: Found, parts: Sequence[Part], runs: int) -> None:
    """The parts that begin with cold runs, and the writes of all of these."""
    colds: list[Cold] = []
    large: list[Cold] = []
    rest: list[Row] = []
    counts = Counts()
    if Part.COLD_1000 in parts:
        colds, rest, counts = _thousand(runs, THOUSAND)
        found.rows += cold.rows(colds, THOUSAND)
    if Part.UNRELATED in parts:
        found.rows += unrelated.measure(THOUSAND, colds)
    if Part.COLD_10000 in parts:
        with Stage() as stage:
            large = [cold.measure(stage, cold.populate(stage, TEN_THOUSAND), TEN_THOUSAND)]
        found.rows += cold.rows(large, TEN_THOUSAND)
    issues = [number for run in (*colds, *large) for number in run.counts.issues]
    written = [
        ("API writes for an issue", (*issues, *counts.issues), 2),
        ("API writes for a renewal", tuple(counts.renewals), 2),
        ("API writes for a poll that answers the same token", tuple(counts.polls), 0),
    ]
    found.rows += [Row(what, measured, limit) for what, measured, limit in written if measured]
    found.rows += rest
    found.foreign = sum(run.foreign for run in (*colds, *large))


def _thousand(runs: int, limits: Limits) -> tuple[list[Cold], list[Row], Counts]:
    """Cold runs, rows for a restart and repairs after the last of them, and the cost of renewals."""
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
