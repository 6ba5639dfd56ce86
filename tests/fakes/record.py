"""The endpoint's log: everything that is counted comes from it. No token and no secret is in it."""

import threading
from collections.abc import Callable
from dataclasses import dataclass
from enum import StrEnum
from typing import Generic, TypeVar

_Entry = TypeVar("_Entry")


class Outcome(StrEnum):
    """What came of a token request."""

    MINTED = "minted"
    """Answered with a new token."""
    REPEATED = "repeated"
    """Answered with a token that was answered before."""
    REJECTED = "rejected"
    """Answered with an error, as the request deserved."""
    FAILED = "failed"
    """Spoiled by a fault before any token was looked up."""


@dataclass(frozen=True, slots=True)
class Record:
    """One request to the token endpoint."""

    received: float
    """Wall time in seconds, when the request's head had been read."""
    outcome: Outcome
    status: int
    """0 where nothing was answered."""
    client_id: str = ""
    audience: str = ""
    scopes: tuple[str, ...] = ()
    error: str = ""
    """The RFC's code, where the request was rejected."""
    fault: str = ""
    """The name of the fault that this request met."""
    serial: int | None = None
    """Which token was looked up for the answer; a fault may have spoiled it on the way."""
    expires_in: int | None = None
    """Of that token, before any fault."""
    expires: float | None = None
    """When that token expires: wall time in seconds."""

    @property
    def minted(self) -> bool:
        """Whether this request brought a token about."""
        return self.outcome is Outcome.MINTED


class Log(Generic[_Entry]):
    """A list that one thread writes and others read and wait for."""

    def __init__(self) -> None:
        """Begins empty."""
        self._entries: list[_Entry] = []
        self._added = threading.Condition()

    def add(self, entry: _Entry) -> None:
        """Note an entry, and wake who waits."""
        with self._added:
            self._entries.append(entry)
            self._added.notify_all()

    def entries(self) -> tuple[_Entry, ...]:
        """What was noted so far, oldest first."""
        with self._added:
            return tuple(self._entries)

    def wait_for(self, enough: Callable[[tuple[_Entry, ...]], bool], timeout: float) -> tuple[_Entry, ...]:
        """The entries, as soon as they are enough.

        :raises TimeoutError: when they aren't after `timeout` seconds.
        """
        with self._added:
            if not self._added.wait_for(lambda: enough(tuple(self._entries)), timeout):
                raise TimeoutError(f"not enough in {timeout} s: {len(self._entries)} entries")
            return tuple(self._entries)
