"""A storm of renewals: tokens with their own credentials that all expire within a minute.

Their endpoint accepts far fewer requests per minute.
"""

import time
from dataclasses import dataclass
from math import ceil
from typing import Final, Self

from integration_token.renewal.schedule import MAX_DELAY_SHARE

from tests.bench.api import ENDPOINTS
from tests.bench.audit import AuditTail
from tests.bench.manifest import NAMESPACE, TARGET, credentials, moved, names, token
from tests.bench.onslaught import MINUTE, Renewal, overtaken, pairs, savable, story, written_after
from tests.bench.row import BenchError, Row, columns
from tests.bench.stage import Operator, Stage
from tests.bench.usage import cpu_seconds
from tests.cluster.progress import Meter, say, step
from tests.fakes.process import Configuration, EndpointProcess

SMALL: Final = "bench-small"
SHARE: Final = 20
"""One in this many tokens belongs to a small namespace next to a large one."""
SPREAD: Final = 55.0
"""Seconds over which the expiries are spread: still one minute after rounding down to whole seconds."""
ISSUE: Final = 0.015
"""Seconds that a first token may take, with many under way: half as much again as it does."""
LONGEST_WINDOW: Final = 4
"""Minutes: a token's default."""
PATIENCE: Final = 180.0
"""Seconds beyond what arithmetic allows, after which it stops waiting."""
INTERVAL: Final = 0.5
OUT_OF_ORDER: Final = 1.0
"""Seconds by which a token may expire later than one that still waits.

The operator counts from when it sent the request, not from when the endpoint received it.
"""
CPU: Final = 0.03
"""Seconds for each token: a renewal takes 6 ms, and waiting resources are checked, and reported if they expire."""


@dataclass(frozen=True, slots=True)
class Size:
    """The size of a storm."""

    resources: int
    per_minute: int

    @classmethod
    def read(cls, text: str) -> Self:
        """Parses `5000/600`: this many tokens at this many requests a minute. Raises BenchError."""
        resources, slash, per_minute = text.partition("/")
        if not (slash and resources.isdecimal() and per_minute.isdecimal()):
            raise BenchError(f"no storm: {text}; one of 5,000 tokens at 600 requests a minute is 5000/600")
        found = cls(int(resources), int(per_minute))
        if not 0 < found.per_minute < found.resources <= 10_000:
            raise BenchError(f"no storm: {text}; more tokens than requests a minute are needed, and 10,000 at most")
        return found

    def __str__(self) -> str:
        """As it is read."""
        return f"{self.resources}/{self.per_minute}"

    @property
    def minutes(self) -> int:
        """How many minutes it lasts, rounded up."""
        return ceil(self.resources / self.per_minute)

    @property
    def window(self) -> float:
        """Seconds before expiry at which tokens are due: a quarter of the storm, so that only some are saved."""
        return MINUTE * min(LONGEST_WINDOW, max(1, self.resources // self.per_minute // 4))

    @property
    def issue(self) -> float:
        """Seconds that all first tokens may take."""
        return 20 + ISSUE * self.resources

    @property
    def duration(self) -> float:
        """Minutes for all of it."""
        return (20 + self.resources / 100 + self.issue + self.window) / MINUTE + self.minutes


DEFAULT: Final = Size(600, 200)
LARGE: Final = Size(5000, 600)
"""The load of a larger endpoint after an outage: for a separate run."""


def measure(size: Size) -> tuple[list[Row], str]:
    """All rows, and a table with more detail."""
    what = f"a storm of {size.resources:,} renewals at {size.per_minute} a minute"
    say(f"{what}: about {size.duration:.0f} min")
    wanted = names("storm", size.resources)
    small = frozenset(wanted[::SHARE])
    with Stage() as stage:
        _create(stage, wanted, small, size)
        end = time.time() + size.issue
        configuration = Configuration(first_expiry=end + 2 * size.window, spread=SPREAD)
        endpoint, tail = stage.endpoint("storm", configuration), stage.audit()
        with stage.operator() as operator:
            _await_written(operator, tail, wanted, 5 * size.issue, "issued")
            if max(write.time for write in tail.writes) > end + size.window - MINUTE:
                raise BenchError("first tokens still counted in the endpoint's minute: a smaller storm is needed here")
            stage.api.merge(f"{ENDPOINTS}/storm", {"spec": {"rateLimit": {"requestsPerMinute": size.per_minute}}})
            tail.await_quiet(operator.check)
            tail, before = stage.audit(), cpu_seconds(operator.pid)
            say(f"all issued; the storm begins in {configuration.first_expiry - size.window - time.time():.0f} s")
            longest = configuration.first_expiry - time.time() + MINUTE * size.minutes + PATIENCE
            _await_written(operator, tail, wanted, longest, "renewed")
            cpu = cpu_seconds(operator.pid) - before
        extra = endpoint.count() - 2 * len(wanted)
        renewals = _renewals(endpoint, tail, wanted, small, size)
    told = columns([(what, "from the first renewal"), *story(renewals, size.per_minute, small=SMALL)])
    return _rows(renewals, size, what, extra, cpu), told


def _create(stage: Stage, wanted: list[str], small: frozenset[str], size: Size) -> None:
    """Creates the resources in both namespaces with their credentials; their endpoint follows later."""
    stage.api.create({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": SMALL}})
    namespaces = {name: SMALL if name in small else NAMESPACE for name in wanted}
    window = f"{size.window:.0f}s"
    with step(f"creating {len(wanted):,} resources with credentials", f"about {len(wanted) // 100} s"):
        stage.api.create_all(moved(credentials(name), namespaces[name]) for name in wanted)
        stage.api.create_all(moved(token(name, "storm", renewBefore=window), namespaces[name]) for name in wanted)


def _await_written(operator: Operator, tail: AuditTail, wanted: list[str], seconds: float, done: str) -> None:
    """Returns when each resource's Secret was written and no more requests follow."""
    missing, deadline, meter = {name + TARGET for name in wanted}, time.monotonic() + seconds, Meter()
    while missing:
        if time.monotonic() > deadline:
            raise BenchError(f"{len(missing):,} of {len(wanted):,} were not {done}; the log:\n{operator.tail()}")
        time.sleep(INTERVAL)
        operator.check()
        missing -= {write.name for write in tail.read() if write.resource == "secrets" and write.succeeded}
        meter.show(f"{len(wanted) - len(missing):,} of {len(wanted):,} {done}")
    meter.clear()
    tail.await_quiet(operator.check)


def _renewals(
    endpoint: EndpointProcess, tail: AuditTail, wanted: list[str], small: frozenset[str], size: Size
) -> list[Renewal]:
    """Each token's renewal, from the endpoint's log and the API server's."""
    found = pairs(endpoint.log, wanted)
    if any((first.expires_in or 0) < 2 * size.window for first, _ in found.values()):
        raise BenchError("first tokens were issued too late for their windows: a smaller storm is needed here")
    writes = ((write.name, write.time) for write in tail.writes if write.resource == "secrets" and write.succeeded)
    written = written_after(writes, {name: second.received for name, (_, second) in found.items()})
    return [
        Renewal(
            SMALL if name in small else NAMESPACE,
            (first.expires or 0.0) - (1 - MAX_DELAY_SHARE) * size.window,
            first.expires or 0.0,
            second.received,
            written[name],
        )
        for name, (first, second) in found.items()
    ]


def _rows(renewals: list[Renewal], size: Size, what: str, extra: int, cpu: float) -> list[Row]:
    asked = sorted(renewal.asked for renewal in renewals)
    saved = sum(not renewal.late for renewal in renewals)
    possible = savable(asked[0], (renewal.expired for renewal in renewals), size.per_minute)
    few = sum(renewal.late > 0 for renewal in renewals if renewal.namespace == SMALL)
    return [
        Row(f"{what}: tokens expired that arithmetic can save", (max(0, possible - saved),), 0),
        Row(f"{what}: expired tokens of a small namespace", (few,), 0),
        Row(f"{what}: token requests beyond one for each", (extra,), 0),
        Row(
            f"{what}: renewed before one left waiting that expired earlier, by",
            tuple(overtaken(renewals)) or (0,),
            OUT_OF_ORDER,
            "s",
        ),
        Row(f"{what}: from the first to the last", (asked[-1] - asked[0],), MINUTE * size.minutes, "s"),
        Row(f"{what}: the operator's CPU", (cpu,), CPU * size.resources, "s"),
    ]
