"""The endpoint's log, the source of all counts. It contains no token and no secret."""

import threading
from collections.abc import Callable
from dataclasses import dataclass
from enum import StrEnum
from typing import Generic, TypeVar

_Entry = TypeVar("_Entry")


class Outcome(StrEnum):
    """The result of a token request."""

    MINTED = "minted"
    """A new token."""
    REPEATED = "repeated"
    """A token that was returned before."""
    REJECTED = "rejected"
    """An error that the request deserved."""
    FAILED = "failed"
    """A fault, before any token was looked up."""


@dataclass(frozen=True, slots=True)
class Record:
    """One request to the token endpoint."""

    received: float
    """Wall time in seconds at which the request's head had been read."""
    outcome: Outcome
    status: int
    """0 if there was no response."""
    client_id: str = ""
    audience: str = ""
    scopes: tuple[str, ...] = ()
    error: str = ""
    """The RFC's error code, if the request was rejected."""
    fault: str = ""
    """The name of the fault that this request met."""
    serial: int | None = None
    """The serial number of the token for the response; a fault may have spoiled it later."""
    expires_in: int | None = None
    """The token's `expires_in`, before any fault."""
    expires: float | None = None
    """When that token expires: wall time in seconds."""

    @property
    def minted(self) -> bool:
        """Whether this request minted a token."""
        return self.outcome is Outcome.MINTED


class Log(Generic[_Entry]):
    """A list that one thread writes and others read and wait for."""

    def __init__(self) -> None:
        """Starts empty."""
        self._entries: list[_Entry] = []
        self._added = threading.Condition()

    def add(self, entry: _Entry) -> None:
        """Adds an entry, and wakes waiting threads."""
        with self._added:
            self._entries.append(entry)
            self._added.notify_all()

    def entries(self) -> tuple[_Entry, ...]:
        """The entries so far, oldest first."""
        with self._added:
            return tuple(self._entries)

    def wait_for(self, enough: Callable[[tuple[_Entry, ...]], bool], timeout: float) -> tuple[_Entry, ...]:
        """The entries, as soon as there are enough.

        :raises TimeoutError: if there aren't after `timeout` seconds.
        """
        with self._added:
            if not self._added.wait_for(lambda: enough(tuple(self._entries)), timeout):
                raise TimeoutError(f"not enough in {timeout} s: {len(self._entries)} entries")
            return tuple(self._entries)
