"""The demo's results, counted from the logs of the endpoint and the API, never from the operator."""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final

from tests.demo.case import CASES, Case
from tests.fakes.call import Call, Switch, Verdict, gaps, switches
from tests.fakes.record import Record

ROLLOVERS: Final = 3
"""How often the API must see each token renewed."""


@dataclass(frozen=True, slots=True)
class Figure:
    """One case's numbers."""

    case: Case
    renewals: int
    requests: int
    calls: int
    rejected: int
    expired_seconds: float
    longest_gap: float

    def __str__(self) -> str:
        gap = f" (at most {self.longest_gap:.2f} s at a time)" if self.longest_gap else ""
        return (
            f"lead {self.case.lead} s: {self.renewals} renewals, {self.requests} token requests, "
            f"{self.expired_seconds:.2f} s with an expired token{gap}, "
            f"{self.rejected} of {self.calls} calls rejected"
        )


def figures(calls: Iterable[Call], records: Iterable[Record]) -> list[Figure]:
    """The numbers of every case."""
    calls, records = tuple(calls), tuple(records)
    found = []
    for case in CASES:
        own = [call for call in calls if call.consumer == case.name]
        lengths = [gap.seconds for gap in gaps(own)]
        found.append(
            Figure(
                case,
                renewals=len(switches(own)),
                requests=sum(record.client_id == case.name for record in records),
                calls=len(own),
                rejected=sum(call.verdict is not Verdict.ACCEPTED for call in own),
                expired_seconds=sum(lengths),
                longest_gap=max(lengths, default=0.0),
            )
        )
    return found


def faults(found: Iterable[Figure]) -> list[str]:
    """What is worse than promised."""
    said = []
    for figure in found:
        case = figure.case
        if figure.renewals < ROLLOVERS:
            said.append(f"{case.name}: {figure.renewals} renewals instead of {ROLLOVERS} or more")
        if figure.longest_gap > case.longest_gap:
            said.append(f"{case.name}: {figure.longest_gap:.2f} s without a valid token, not {case.longest_gap:.0f} s")
        if figure.rejected and not case.longest_gap:
            said.append(f"{case.name}: {figure.rejected} rejected calls")
    return said


def line(switch: Switch, started: float, records: Iterable[Record]) -> str:
    """The line about one renewal, as the API saw it."""
    requests = sum(record.client_id == switch.consumer and record.received <= switch.time for record in records)
    old = f"{switch.left:.2f} s before" if switch.left >= 0 else f"{-switch.left:.2f} s after"
    return (
        f"{switch.time - started:6.1f} s  {switch.consumer}: new token at the API {old} the old one's expiry, "
        f"{requests} token requests so far"
    )
