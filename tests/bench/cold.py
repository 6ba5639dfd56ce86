"""Many resources from cold: only they and their credentials exist when the operator starts."""

import time
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final, NamedTuple

from tests.bench.api import TOKENS
from tests.bench.audit import AuditTail
from tests.bench.count import Counts, count
from tests.bench.manifest import TARGET, credentials, names, token
from tests.bench.row import BenchError, Judge, Row
from tests.bench.stage import Operator, Stage
from tests.bench.usage import cpu_seconds, foreign_seconds, peak_mebibytes, program_seconds
from tests.cluster.progress import say, step
from tests.fakes.process import Configuration, EndpointProcess

INTERVAL: Final = 0.1
"""Seconds between two reads of the audit log: the CPU time is read this late at most."""

IDLE: Final = 60.0
"""Seconds for which the CPU is measured once nothing is left to do."""

SCRAPES: Final = 5
"""Scrapes of the metrics once everything exists: their memory is part of the peak."""

PATIENCE: Final = 5
"""Multiple of the limit after which it stops waiting: a busy machine gets time, and a fault shows soon."""


@dataclass(frozen=True, slots=True)
class Limits:
    """The budget for a number of resources."""

    resources: int
    seconds: float
    mebibytes: float
    cpu: float | None = None
    """In seconds; None if the budget has none."""
    idle: float | None = None
    """Percent of a core while nothing is due; None if that isn't measured."""


@dataclass(frozen=True, slots=True)
class Cold:
    """The result of one run."""

    seconds: float
    """From the start of the operator's process until the API server answered its last write, except events."""
    secrets: float
    """The same until its last write of a Secret."""
    cpu: float
    """Of the operator, until its last write."""
    mebibytes: float
    """Of the operator at its peak, until the events were also posted."""
    foreign: float
    """CPU seconds of programs unrelated to the bench, until the last write."""
    counts: Counts
    scrapes: tuple[float, ...]
    """Seconds for each scrape."""
    idle: float | None
    """Percent of a core, if that was measured."""
    plane: float
    """CPU seconds of etcd and the API server, until everything existed."""

    @property
    def writes(self) -> float:
        """Writes of Secrets and status per second."""
        return sum(self.counts.issues) / self.seconds


class Used(NamedTuple):
    """CPU seconds when everything existed."""

    operator: float
    plane: float
    """Of etcd and the API server, since their start."""


def populate(stage: Stage, limits: Limits, configuration: Configuration | None = None) -> EndpointProcess:
    """Creates the resources, each with its own credentials."""
    endpoint = stage.endpoint("bench", configuration)
    wanted = names("cold", limits.resources)
    with step(f"creating {limits.resources:,} resources with credentials", f"about {limits.resources // 100} s"):
        stage.api.create_all(credentials(name) for name in wanted)
        stage.api.create_all(token(name, "bench") for name in wanted)
    return endpoint


def measure(stage: Stage, endpoint: EndpointProcess, limits: Limits) -> Cold:
    """Runs the operator until everything exists and the events are posted."""
    say(f"{limits.resources:,} resources from cold to Secret and status (at most {limits.seconds:.0f} s)")
    tail = stage.audit()
    foreign, plane, start = foreign_seconds(), plane_seconds(), time.time()
    with stage.operator() as operator:
        used = until_complete(stage, operator, tail, limits)
        end = max(write.time for write in tail.writes if write.counted)
        secrets = max(write.time for write in tail.writes if write.resource == "secrets" and write.succeeded)
        foreign = max(0.0, foreign_seconds() - foreign)  # ticks are coarse
        tail.await_quiet(operator.check)
        scrapes = tuple(operator.scrape() for _ in range(SCRAPES))
        peak = peak_mebibytes(operator.pid)
        idle = None if limits.idle is None else _idle(operator)
    counts = count(endpoint.log, tail.writes)
    times = f"{secrets - start:.1f} s for the Secrets, {end - start:.1f} s in all"
    say(f"took {times}, {used.operator:.1f} s of CPU, {peak:.0f} MiB")
    return Cold(
        seconds=end - start,
        secrets=secrets - start,
        cpu=used.operator,
        mebibytes=peak,
        foreign=foreign,
        counts=counts,
        scrapes=scrapes,
        idle=idle,
        plane=used.plane - plane,
    )


def plane_seconds() -> float:
    """CPU time of the control plane's programs; only one plane runs at a time."""
    return program_seconds("etcd", "kube-apiserver")


def rows(colds: Sequence[Cold], limits: Limits) -> list[Row]:
    """The rows of all runs."""
    what = f"{limits.resources:,} resources from cold to Secret and status"
    median = Judge.MEDIAN
    found = [Row(f"{what}: time", tuple(cold.seconds for cold in colds), limits.seconds, "s", median)]
    if limits.cpu is not None:
        found.append(Row(f"{what}: the operator's CPU", tuple(cold.cpu for cold in colds), limits.cpu, "s", median))
    peaks = tuple(cold.mebibytes for cold in colds)
    found.append(Row(f"{what}: its peak memory", peaks, limits.mebibytes, "MiB", median))
    scrapes = tuple(seconds for cold in colds for seconds in cold.scrapes)
    found.append(Row(f"a scrape of the metrics of {limits.resources:,} resources", scrapes, 1, "s"))
    if limits.idle is not None:
        idle = tuple(cold.idle for cold in colds if cold.idle is not None)
        found.append(Row(f"{limits.resources:,} resources at rest: CPU, of a core", idle, limits.idle, "%"))
    return found


def _idle(operator: Operator) -> float:
    """Percent of a core that the operator uses while nothing is due."""
    say(f"at rest, watched for {IDLE:.0f} s")
    before, since = cpu_seconds(operator.pid), time.monotonic()
    time.sleep(IDLE)
    operator.check()
    return 100 * (cpu_seconds(operator.pid) - before) / (time.monotonic() - since)


def until_complete(stage: Stage, operator: Operator, tail: AuditTail, limits: Limits) -> Used:
    """The CPU time when everything existed."""
    wanted = names("cold", limits.resources)
    missing = {("secrets", name + TARGET) for name in wanted} | {("integrationtokens", name) for name in wanted}
    deadline = time.monotonic() + PATIENCE * limits.seconds
    while time.monotonic() < deadline:
        time.sleep(INTERVAL)
        operator.check()
        new = tail.read()
        missing -= {(write.resource, write.name) for write in new if write.succeeded}
        if new and not missing:
            used = Used(cpu_seconds(operator.pid), plane_seconds())
            if all_ready(stage):
                return used
    raise BenchError(
        f"{len(missing)} writes are missing after {PATIENCE * limits.seconds:.0f} s, or not all are Ready;"
        f" the operator's log:\n{operator.tail()}"
    )


def all_ready(stage: Stage) -> bool:
    """Whether all resources are Ready. The response is large: call it only once, after the measurement."""
    return all(
        any(
            condition["type"] == "Ready" and condition["status"] == "True"
            for condition in item.get("status", {}).get("conditions", ())
        )
        for item in stage.api.get(TOKENS)["items"]
    )
