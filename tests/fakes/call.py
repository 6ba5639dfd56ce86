"""The calls that an API saw, and how long consumers had only an expired token."""

from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass
from enum import StrEnum


class Verdict(StrEnum):
    """The API's verdict on a call's token."""

    ACCEPTED = "accepted"
    MISSING = "missing"
    """No Authorization header with a Bearer token."""
    UNKNOWN = "unknown"
    EXPIRED = "expired"


@dataclass(frozen=True, slots=True)
class Call:
    """One call of the API, without its token."""

    received: float
    """Wall time in seconds."""
    consumer: str
    verdict: Verdict
    serial: int | None = None
    """The serial number of its token."""
    expires: float | None = None
    """When that token expires: wall time in seconds."""

    @property
    def expired_for(self) -> float:
        """Seconds since the token's expiry; 0 for a valid one."""
        return max(0.0, self.received - self.expires) if self.expires is not None else 0.0


@dataclass(frozen=True, slots=True)
class Gap:
    """A time in which a consumer had only an expired token."""

    consumer: str
    start: float
    """The expiry of the last valid token."""
    end: float
    """The first accepted call after it, or the last call of all if there was none."""

    @property
    def seconds(self) -> float:
        """Its length."""
        return self.end - self.start


@dataclass(frozen=True, slots=True)
class Switch:
    """The moment at which a consumer began to use another token."""

    consumer: str
    time: float
    """Wall time in seconds of the first accepted call with the new token."""
    left: float
    """Seconds that the old token had left; negative if it had expired."""
    serial: int
    """The new token."""


def gaps(calls: Iterable[Call]) -> list[Gap]:
    """Each consumer's gaps, from its calls in order of time, starting with the first refused as expired."""
    found = []
    for consumer, sequence in _by_consumer(calls).items():
        start: float | None = None
        end = 0.0
        for call in sequence:
            if call.verdict is Verdict.EXPIRED and start is None:
                start = call.expires
            end = call.received
            if call.verdict is Verdict.ACCEPTED and start is not None:
                found.append(Gap(consumer, start, end))
                start = None
        if start is not None:
            found.append(Gap(consumer, start, end))
    return found


def switches(calls: Iterable[Call]) -> list[Switch]:
    """Every change from one accepted token to the next, by consumer and then by time."""
    found = []
    for consumer, sequence in _by_consumer(calls).items():
        held: Call | None = None
        for call in sequence:
            if call.verdict is not Verdict.ACCEPTED or call.serial is None:
                continue
            if held is not None and held.serial != call.serial and held.expires is not None:
                found.append(Switch(consumer, call.received, held.expires - call.received, call.serial))
            held = call
    return found


def _by_consumer(calls: Iterable[Call]) -> dict[str, list[Call]]:
    grouped: dict[str, list[Call]] = defaultdict(list)
    for call in sorted(calls, key=lambda call: call.received):
        grouped[call.consumer].append(call)
    return grouped
