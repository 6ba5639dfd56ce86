"""Tokens that expire together at an endpoint with a rate limit: pure functions.

They compare which tokens were renewed in time and in which order with what was possible.
"""

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from heapq import heappop, heappush
from typing import Final

from tests.bench.manifest import TARGET
from tests.bench.row import BenchError
from tests.fakes.record import Record

MINUTE: Final = 60.0
LAG: Final = 2.0
"""Seconds that a request may take into the queue, or from it to the endpoint.

The order of requests within that time of each other is chance.
"""


@dataclass(frozen=True, slots=True)
class Renewal:
    """One token's renewal. All are wall times in seconds."""

    namespace: str
    opened: float
    """When it was due at the latest."""
    expired: float
    """When the old token expired."""
    asked: float
    """When the endpoint got the request for the new one."""
    written: float
    """When the Secret had the new one."""

    @property
    def late(self) -> float:
        """Seconds for which consumers had an expired token."""
        return max(0.0, self.written - self.expired)


def savable(first: float, expiries: Iterable[float], per_minute: int) -> int:
    """How many tokens can at best be renewed before they expire.

    Each minute has as many requests as the limit allows, earliest expiry first, without those that are too late anyway.

    :param first: when the first request is sent; everything is due then.
    """
    saved = 0
    for expiry in sorted(expiries):
        saved += first + MINUTE * (saved // per_minute) <= expiry
    return saved


def overtaken(renewals: Iterable[Renewal], lag: float = LAG) -> list[float]:
    """Seconds by which a token renewed before a more urgent one expired later, for each such token.

    The more urgent one must have been waiting in the same namespace, unexpired, and have kept waiting.

    :param lag: minimum seconds that it kept waiting.
    """
    found: list[float] = []
    by_namespace: defaultdict[str, list[Renewal]] = defaultdict(list)
    for renewal in renewals:
        by_namespace[renewal.namespace].append(renewal)
    for members in by_namespace.values():
        due = sorted(members, key=lambda renewal: renewal.opened, reverse=True)
        waiting: list[tuple[float, float]] = []  # expiry, and when it was requested
        for renewal in sorted(members, key=lambda renewal: renewal.asked):
            while due and due[-1].opened + LAG <= renewal.asked:
                heappush(waiting, ((later := due.pop()).expired, later.asked))
            while waiting and (waiting[0][0] <= renewal.asked or waiting[0][1] <= renewal.asked + lag):
                heappop(waiting)
            if waiting and waiting[0][0] < renewal.expired:
                found.append(renewal.expired - waiting[0][0])
    return found


def pairs(records: Iterable[Record], clients: Iterable[str]) -> dict[str, tuple[Record, Record]]:
    """The requests for each client's first token and the next one. Raises BenchError if one is missing."""
    found: dict[str, list[Record]] = {client: [] for client in clients}
    for record in sorted(records, key=lambda record: record.received):
        if record.minted and record.client_id in found:
            found[record.client_id].append(record)
    if missing := [client for client, minted in found.items() if len(minted) < 2]:
        raise BenchError(f"{len(missing)} of {len(found)} tokens were not renewed, such as that of {min(missing)}")
    return {client: (minted[0], minted[1]) for client, minted in found.items()}


def written_after(writes: Iterable[tuple[str, float]], asked: dict[str, float]) -> dict[str, float]:
    """When each client's Secret was first written after its request.

    :param writes: names of Secrets, with the wall times of their writes, in order.
    """
    found: dict[str, float] = {}
    for name, time in writes:
        client = name.removesuffix(TARGET)
        if time >= asked.get(client, time + 1):
            found.setdefault(client, time)
    if missing := asked.keys() - found.keys():
        raise BenchError(f"{len(missing)} renewed tokens were not written, such as that of {min(missing)}")
    return found


def story(renewals: Sequence[Renewal], per_minute: int, *, small: str) -> list[tuple[str, str]]:
    """What happened, as lines of two cells for people; times start with the first renewal.

    :param small: the namespace with few of the tokens.
    """
    asked = sorted(renewal.asked for renewal in renewals)
    expired = sorted(renewal.expired for renewal in renewals)
    late = [renewal.late for renewal in renewals if renewal.late]
    out, far = overtaken(renewals, lag=0), overtaken(renewals)
    few = [renewal for renewal in renewals if renewal.namespace == small]
    first = asked[0]
    all_few = max((renewal.asked for renewal in few), default=first) - first
    late_few = sum(renewal.late > 0 for renewal in few)
    return [
        ("all tokens", f"{len(renewals):,}, expire at {expired[0] - first:.1f} to {expired[-1] - first:.1f} s"),
        ("last renewal", f"at {asked[-1] - first:.1f} s"),
        ("renewed in time", f"{len(renewals) - len(late):,} of {savable(first, expired, per_minute):,} by arithmetic"),
        ("expired", f"{len(late):,}, for {max(late, default=0):.1f} s at worst"),
        ("renewed before a more urgent one", f"{len(out):,}, {len(far):,} of them by {LAG:.0f} s or more"),
        ("that expired earlier by", f"{max(out, default=0):.2f} s at most"),
        ("a small namespace", f"{len(few):,}, the last renewed at {all_few:.1f} s, {late_few:,} expired"),
    ]
