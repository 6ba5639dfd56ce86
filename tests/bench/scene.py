"""The scenes of a comparison.

They only use what both operators have, and observe both from outside: in the API server's audit log, the endpoint's log
and the kernel.
"""

import time
from collections.abc import Callable, Iterable, Mapping
from typing import Final

from tests.bench import cold
from tests.bench.api import TOKENS
from tests.bench.audit import AuditTail, Write
from tests.bench.cold import Limits
from tests.bench.comparison import percentile
from tests.bench.manifest import TARGET, credentials, names, token
from tests.bench.row import BenchError
from tests.bench.sharer import CREDENTIALS, RENEW, SHARERS
from tests.bench.stage import Operator, Stage
from tests.bench.target import Figure, Scene
from tests.bench.usage import cpu_seconds, peak_mebibytes
from tests.cluster.poll import poll
from tests.fakes.process import Configuration
from tests.fakes.record import Record

DELAY: Final = 0.02
"""Seconds that the endpoint takes for each response."""
RENEWALS: Final = 1000
PACE: Final = 50
"""Resources created per second, and so renewed per second later.

Both operators get the same load, which is less than they can handle.
"""
LIFETIME: Final = 120.0
"""Seconds. The window, at most half of it, opens when all tokens exist, and none expires meanwhile."""
LONGEST: Final = 300.0
"""Maximum seconds for a renewal: the older operator's is measured, not judged."""
MOST: Final = 0.95
"""The share of resources that needs no more than the reported calls: a rare conflict doesn't count."""

Figures = Mapping[Figure, float]


def run(scene: Scene, stage: Stage) -> Figures:
    """Runs one scene with the stage's operator. Raises BenchError, or TimeoutError."""
    return _SCENES[scene](stage)


def cold_start(stage: Stage, limits: Limits) -> Figures:
    """Resources with their own credentials, from the operator's start."""
    cold.populate(stage, limits, Configuration(delay=DELAY))
    tail, began = stage.audit(), time.time()
    with stage.operator() as operator:
        cold.until_complete(stage, operator, tail, limits)
        tail.await_quiet(operator.check)
        # Including events, which may come last: deferred work isn't saved work.
        cpu = cpu_seconds(operator.pid)
        for _ in range(cold.SCRAPES):
            operator.scrape()
        peak = peak_mebibytes(operator.pid)
    wanted = names("cold", limits.resources)
    return {
        Figure.LAST_SECRET: max(first_writes(tail.writes, wanted).values()) - began,
        Figure.LAST_STATUS: last_status(tail.writes) - began,
        Figure.CPU: cpu,
        Figure.MEMORY: peak,
        Figure.CALLS: calls(tail, wanted),
    }


def sharers(stage: Stage) -> Figures:
    """One renewal of a grant that very many resources share."""
    endpoint = stage.endpoint("shared", Configuration(delay=DELAY))
    stage.api.create(credentials(CREDENTIALS))
    wanted = names("sharer", SHARERS)
    stage.api.create_all(token(name, "shared", credentialsSecretRef={"name": CREDENTIALS}) for name in wanted)
    tail = stage.audit()
    with stage.operator() as operator:
        _await_secrets(operator, tail, wanted)
        endpoint.roll_over()
        tail, before, began = stage.audit(), cpu_seconds(operator.pid), time.time()
        stage.api.merge(f"{TOKENS}/{wanted[0]}", RENEW)
        _await_secrets(operator, tail, wanted)
        cpu = cpu_seconds(operator.pid) - before
    return {Figure.LAST_SECRET: max(first_writes(tail.writes, wanted).values()) - began, Figure.CPU: cpu}


def renewals(stage: Stage) -> Figures:
    """Renewals of tokens with their own credentials when they are due."""
    # The first request in the window returns a new token.
    endpoint = stage.endpoint("renewal", Configuration(lifetime=LIFETIME, lead=LIFETIME * 3 / 4, delay=DELAY))
    wanted = names("renewal", RENEWALS)
    stage.api.create_all(credentials(name) for name in wanted)
    tail = stage.audit()
    with stage.operator() as operator:
        operator.await_ready()
        began = time.monotonic()
        for number, name in enumerate(wanted):
            time.sleep(max(0.0, began + number / PACE - time.monotonic()))
            stage.api.create(token(name, "renewal", renewBefore=f"{LIFETIME / 2:.0f}s"))
        _await_secrets(operator, tail, wanted)
        tail, since = stage.audit(), time.time()
        _await_secrets(operator, tail, wanted)
    found = deliveries([record for record in endpoint.log if record.received >= since], tail.writes, wanted)
    return {
        Figure.DELIVERY_P50: 1000 * percentile(found, 0.5),
        Figure.DELIVERY_P99: 1000 * percentile(found, 0.99),
        Figure.CALLS: calls(tail, wanted),
    }


def first_writes(writes: Iterable[Write], wanted: Iterable[str]) -> dict[str, float]:
    """When each resource's Secret was first written, by the resource's name; missing ones are left out."""
    names_ = {name + TARGET: name for name in wanted}
    found: dict[str, float] = {}
    for write in writes:
        if write.resource == "secrets" and write.succeeded and write.name in names_:
            found.setdefault(names_[write.name], write.time)
    return found


def last_status(writes: Iterable[Write]) -> float:
    """When a status was last written."""
    return max(write.time for write in writes if write.resource == "integrationtokens" and write.succeeded)


def deliveries(records: Iterable[Record], writes: Iterable[Write], wanted: Iterable[str]) -> list[float]:
    """Seconds from the endpoint's new token for each resource until its Secret was written.

    Raises BenchError if a resource has none, or several.
    """
    wanted = list(wanted)
    answered: dict[str, float] = {}
    for record in records:
        if record.minted:
            answered.setdefault(record.client_id, record.received + DELAY)
    written = first_writes(writes, wanted)
    if missing := set(wanted) - (answered.keys() & written.keys()):
        raise BenchError(f"{len(missing)} of {len(wanted)} were not renewed, such as {min(missing)}")
    return [written[name] - answered[name] for name in wanted]


def calls(tail: AuditTail, wanted: Iterable[str]) -> float:
    """Requests for a resource, its credentials and its Secret, including reads, that most resources don't exceed."""
    return percentile([tail.calls[name] + tail.calls[name + TARGET] for name in wanted], MOST)


def _await_secrets(operator: Operator, tail: AuditTail, wanted: list[str]) -> None:
    """Returns when each resource's Secret was written and no more requests follow."""

    def all_written() -> bool:
        operator.check()
        return bool(tail.read()) and len(first_writes(tail.writes, wanted)) == len(wanted)

    poll(all_written, f"{len(wanted):,} Secrets to be written", LONGEST)
    tail.await_quiet(operator.check)


_SCENES: Final[Mapping[Scene, Callable[[Stage], Figures]]] = {
    Scene.COLD_1000: lambda stage: cold_start(stage, Limits(1000, seconds=15, mebibytes=0)),
    Scene.COLD_10000: lambda stage: cold_start(stage, Limits(10_000, seconds=150, mebibytes=0)),
    Scene.SHARERS: sharers,
    Scene.RENEWALS: renewals,
}
