"""Failures that keep a resource from progressing, as values that are replaced as a whole."""

from dataclasses import dataclass
from typing import NamedTuple

from integration_token.clock import Instant
from integration_token.errors import Failure

_FORGOTTEN = 120.0
"""Seconds without a repair after which someone else's changes of a target are counted from the beginning again."""

DELETED_WAIT = 5.5
"""Seconds between two repairs of a target that someone keeps deleting: each costs a token request, and with more than
twelve in a minute the last of them would wait much longer."""

CHANGED_WAIT = 30.0
"""Maximum seconds between two repairs of a target that someone keeps changing."""


class Revisions(NamedTuple):
    """The versions of everything that a pass's outcome depends on, except time and the target."""

    generation: int
    renew_request: str
    endpoint_uid: str
    endpoint_generation: int
    credentials_revision: str
    ca_bundle: bytes = b""
    """The digest of the ConfigMap's key with the endpoint's authorities; empty if no endpoint refers to one."""


@dataclass(frozen=True, slots=True)
class FailureState:
    """The last failure, how often it occurred in a row, and when the next attempt may be made. All empty if there is no
    failure.

    Each resource has one, and so do the requests of each grant.
    """

    failure: Failure | None = None
    failures: int = 0
    """Failures of that kind in a row: temporary ones, or those that need a change."""
    retry: Instant | None = None
    """When the next attempt may be made."""
    wanted: Revisions | None = None
    """The revisions for which a token was requested and has not arrived yet."""
    of_grant: bool = False
    """Whether it is the failure of a request of the resource's grant, made by it or by another resource."""
    unwritten: int = 0
    """Characters of a token that was issued and could not be written: before the next one is requested, a dry run must
    show that it could be."""
    failed: int = 0
    """Failed requests of the grant in a row, of either kind."""
    api_failures: int = 0
    """Passes in a row that the API server cut short."""

    def can_be_retried(self, now: Instant) -> bool:
        """Whether the next attempt may be made."""
        return self.retry is None or self.retry.is_due(now)

    def counted(self, failure: Failure) -> int:
        """How many failures of that kind there are in a row, including this one."""
        return self.failures + 1 if failure.same_kind(self.failure) else 1


NOTHING = FailureState()
"""No failure: one object for all healthy resources."""


@dataclass(frozen=True, slots=True)
class Repairs:
    """The repairs of a target that someone else deleted or changed."""

    count: int = 0
    """How many in a row."""
    last: Instant | None = None

    def due(self, now: Instant, *, deleted: bool) -> Instant:
        """When the next one may be made: the first at once, later ones after waits that grow as long as someone undoes
        them."""
        if self.last is None or not self._lasting(now):
            return now
        wait = DELETED_WAIT if deleted else min(CHANGED_WAIT, 2.0 ** (self.count - 1))
        return self.last.after(wait)

    def made(self, now: Instant) -> "Repairs":
        """With one more repair made now."""
        return Repairs(self.count + 1 if self._lasting(now) else 1, now)

    def _lasting(self, now: Instant) -> bool:
        return self.last is not None and now.boot - self.last.boot < _FORGOTTEN


NONE = Repairs()
"""No repairs: one object for all targets that no one else touches."""
