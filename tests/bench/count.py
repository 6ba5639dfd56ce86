"""Which write belongs to which token request: a pure function of the logs of API server and endpoint."""

from bisect import bisect_right
from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass, field

from tests.bench.audit import Write
from tests.bench.manifest import resource_of
from tests.fakes.record import Outcome, Record


@dataclass(slots=True)
class Counts:
    """How many writes each request caused."""

    issues: list[int] = field(default_factory=list)
    renewals: list[int] = field(default_factory=list)
    polls: list[int] = field(default_factory=list)
    """Requests that returned the current token."""


def count(records: Iterable[Record], writes: Iterable[Write]) -> Counts:
    """Counts every write for the last request before it of the same resource; one before the first, for the first.

    A resource is identified by the name of its client, after which all its objects are named.
    """
    requests: dict[str, list[Record]] = defaultdict(list)
    for record in sorted(records, key=lambda record: record.received):
        requests[record.client_id].append(record)
    written = {client: [0] * len(asked) for client, asked in requests.items()}
    for write in writes:
        client = resource_of(write.name)
        if write.counted and client in requests:
            position = bisect_right(requests[client], write.time, key=lambda record: record.received) - 1
            written[client][max(0, position)] += 1
    counts = Counts()
    for client, asked in requests.items():
        for position, (record, number) in enumerate(zip(asked, written[client], strict=True)):
            if record.outcome is Outcome.REPEATED:
                counts.polls.append(number)
            elif record.outcome is Outcome.MINTED:
                (counts.renewals if position else counts.issues).append(number)
    return counts
