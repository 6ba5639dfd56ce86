"""The operator's writes, read from the growing API server's audit log.

Only its tail is read, so that watching it costs nothing during a measurement.
"""

import json
import time
from collections import Counter
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any, Final

READS: Final = frozenset({"get", "list", "watch"})

BESIDE: Final = frozenset({"events", "leases"})
"""Writes that the budget ignores: events are for people, and a lease is renewed whatever the tokens do."""

QUIET: Final = 3.0
"""Seconds without any request after which the operator is considered finished."""


@dataclass(frozen=True, slots=True)
class Write:
    """One request of the operator that changes something, or was meant to."""

    time: float
    """Wall time in seconds by the API server's clock, when its response was complete."""
    verb: str
    resource: str
    subresource: str
    name: str
    code: int

    @property
    def counted(self) -> bool:
        """Whether the budget counts it; a refused write has cost the API server work, too."""
        return self.resource not in BESIDE

    @property
    def succeeded(self) -> bool:
        """Whether it changed something."""
        return self.code < 300


class AuditTail:
    """One user's requests from now on."""

    def __init__(self, path: Path, user: str) -> None:
        """Starts at the current end of the log."""
        self._path = path
        self._user = f'"username":"{user}"'.encode()
        self._offset = path.stat().st_size
        self._rest = b""
        self.writes: list[Write] = []
        """Oldest first."""
        self.requests = 0
        """Including reads, except for leases, which never end; a watch counts when it has ended."""
        self.calls: Counter[str] = Counter()
        """Including reads, by the name of their object, except for events and leases."""

    def read(self) -> list[Write]:
        """Reads what was logged since the last call; returns the writes among it."""
        with self._path.open("rb") as log:
            log.seek(self._offset)
            new = log.read()
        self._offset += len(new)
        complete, _, self._rest = (self._rest + new).rpartition(b"\n")
        lines = [line for line in complete.splitlines() if self._user in line]
        self.requests += sum(b'"resource":"leases"' not in line for line in lines)
        events = [json.loads(line) for line in lines]
        self.calls.update(
            about["name"]
            for event in events
            if "name" in (about := event.get("objectRef") or {}) and about["resource"] not in BESIDE
        )
        found = writes(events)
        self.writes += found
        return found

    def await_quiet(self, check: Callable[[], None]) -> None:
        """Returns once there were no requests for a while; meanwhile it calls `check`, which may raise."""
        before, since = -1, 0.0
        while before != self.requests or time.monotonic() < since + QUIET:
            if before != self.requests:
                before, since = self.requests, time.monotonic()
            time.sleep(0.2)
            check()
            self.read()


def writes(events: Iterable[dict[str, Any]]) -> list[Write]:
    """The writes among audit events (audit.k8s.io/v1)."""
    found = []
    for event in events:
        if event["verb"] in READS or rehearsed(event):
            continue
        about = event.get("objectRef") or {}
        found.append(
            Write(
                time=datetime.fromisoformat(event["stageTimestamp"]).timestamp(),
                verb=event["verb"],
                resource=about.get("resource", ""),
                subresource=about.get("subresource", ""),
                name=about.get("name", ""),
                code=event["responseStatus"]["code"],
            )
        )
    return found


def rehearsed(event: Mapping[str, Any]) -> bool:
    """Whether it was a successful dry run, which has changed nothing."""
    return "dryRun=All" in event.get("requestURI", "") and event["responseStatus"]["code"] < 300
