"""What an API saw of one program, and whether that is as it should be."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Final

from tests.cluster import markdown
from tests.consumers.pace import Pace
from tests.fakes.call import Call, Verdict

ROLLOVERS: Final = 3
"""Rollovers that each program must see."""
GRACE: Final = 5.0
"""Seconds in addition to the program's own: a request under way, the next one's interval, a busy machine."""


@dataclass(frozen=True, slots=True)
class Exchange:
    """One exchange of all files in a directory."""

    time: float
    """Its wall time in seconds."""
    serial: int
    """The token that it brought."""


@dataclass(frozen=True, slots=True)
class Result:
    """One program's row."""

    name: str
    version: str
    pace: Pace
    delay: float
    """Seconds for which it is documented to keep using an old token."""
    calls: int
    rejected: int
    renewals: int
    """Exchanges of its files that brought another token while it ran."""
    old: float
    """The longest time in seconds for which it sent an old token after an exchange."""
    used: bool
    """Whether it sent the token from the last of these exchanges, or a later one."""

    def faults(self) -> list[str]:
        """What went wrong, one sentence each."""
        found = []
        if not self.calls:
            found.append("it never called")
        if self.renewals < ROLLOVERS:
            found.append(f"its files were exchanged {self.renewals} times")
        if self.rejected and self.pace.covers(self.delay):
            found.append(f"{self.rejected} calls were rejected")
        if not self.used:
            found.append("it didn't send the last token")
        if self.old > self.delay + GRACE:
            found.append(f"it sent an old token for {self.old:.1f} s")
        return found


def longest_old(calls: Iterable[Call], exchanges: Iterable[Exchange]) -> float:
    """The longest time in seconds for which a replaced token was sent; 0 if none was."""
    calls = [call for call in calls if call.serial is not None]
    late = [
        call.received - exchange.time
        for exchange in exchanges
        for call in calls
        if call.serial is not None and call.serial < exchange.serial and call.received > exchange.time
    ]
    return max(late, default=0.0)


def rejections(calls: Iterable[Call]) -> int:
    """Calls with anything but a valid token."""
    return sum(call.verdict is not Verdict.ACCEPTED for call in calls)


def used(calls: Iterable[Call], exchanges: Sequence[Exchange]) -> bool:
    """Whether the token of the last exchange, or a later one, was sent and accepted."""
    last = exchanges[-1].serial
    return any(call.verdict is Verdict.ACCEPTED and (call.serial or 0) >= last for call in calls)


def table(results: Iterable[Result]) -> str:
    """As Markdown, with a row for each program."""
    head = ["program", "version", "lead", "renewals", "calls", "rejected", "old token after the file changed, at most"]
    rows = (
        [
            result.name,
            result.version,
            f"{result.pace.lead:.0f} s",
            f"{result.renewals}",
            f"{result.calls:,}",
            f"{result.rejected}",
            f"{result.old:.2f} s",
        ]
        for result in results
    )
    return markdown.table(head, rows)
