"""What stands in the way of a resource, as values that are replaced whole."""

from dataclasses import dataclass
from typing import NamedTuple

from integration_token.clock import Instant
from integration_token.errors import Failure

_FORGOTTEN = 120.0
"""Seconds without a repair after which someone else's changes of a target count as the first ones again."""

DELETED_WAIT = 5.5
"""Seconds between two repairs of a target that someone keeps deleting: each costs a token request, and with more than
twelve in a minute the last of them would wait for much longer."""

CHANGED_WAIT = 30.0
"""Seconds between two repairs of a target that someone keeps changing, at most."""


class Revisions(NamedTuple):
    """The versions of all that a reconcile's outcome depends on, apart from time and the target."""

    generation: int
    renew_request: str
    endpoint_uid: str
    endpoint_generation: int
    credentials_revision: str
    ca_bundle: bytes = b""
    """What a ConfigMap with the endpoint's authorities holds, by its digest; empty if no endpoint refers to one."""


@dataclass(frozen=True, slots=True)
class FailureState:
    """What failed last, how often in a row, and when it may be tried again. With nothing in the way all is empty.

    A resource has one, and so have the requests of a grant.
    """

    failure: Failure | None = None
    failures: int = 0
    """Of that kind in a row: passing ones, or such as need a change."""
    retry: Instant | None = None
    """When it may be tried again."""
    wanted: Revisions | None = None
    """What was specified when a token was asked for that is still to come."""
    of_grant: bool = False
    """The failure is that of a request of the resource's grant, made by it or another resource."""
    unwritten: int = 0
    """Characters of a token that was issued and could not be written: before the next one is requested, it must be
    shown that it could be."""
    failed: int = 0
    """Requests of the grant in a row that failed, of whichever kind."""
    api_failures: int = 0
    """Passes in a row that the API server cut short."""

    def can_be_retried(self, now: Instant) -> bool:
        """Whether what failed may be tried again."""
        return self.retry is None or self.retry.is_due(now)

    def counted(self, failure: Failure) -> int:
        """How many failures of that kind there are in a row with this one."""
        return self.failures + 1 if failure.same_kind(self.failure) else 1


NOTHING = FailureState()
"""Nothing stands in the way: one for all that are well."""


@dataclass(frozen=True, slots=True)
class Repairs:
    """The repairs of a target that someone else deleted or changed."""

    count: int = 0
    """In a row."""
    last: Instant | None = None

    def due(self, now: Instant, *, deleted: bool) -> Instant:
        """When the next one may be made: the first at once, later ones after waits that grow as long as someone undoes
        them."""
        if self.last is None or not self._lasting(now):
            return now
        wait = DELETED_WAIT if deleted else min(CHANGED_WAIT, 2.0 ** (self.count - 1))
        return self.last.after(wait)

    def made(self, now: Instant) -> "Repairs":
        """With one that was made now."""
        return Repairs(self.count + 1 if self._lasting(now) else 1, now)

    def _lasting(self, now: Instant) -> bool:
        return self.last is not None and now.boot - self.last.boot < _FORGOTTEN


NONE = Repairs()
"""None was made: one for all that no one else touches."""
