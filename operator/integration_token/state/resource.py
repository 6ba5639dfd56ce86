"""What is remembered of one IntegrationToken between two passes."""

from dataclasses import dataclass, field
from typing import Final, NamedTuple

from integration_token.api.condition import Reason, Told
from integration_token.api.endpoint import EndpointRef
from integration_token.api.integration import Integration
from integration_token.clock import Instant
from integration_token.renewal.plan import NO_TOKEN, TokenPlan
from integration_token.state.failure import NONE, NOTHING, FailureState, Repairs, Revisions
from integration_token.state.grant import GrantState
from integration_token.workqueue.key import Key


class Remembered(NamedTuple):
    """What one pass leaves for the next: replaced as a whole when it ends. Times are wall times in seconds."""

    plan: TokenPlan = NO_TOKEN
    last_reconciled: tuple[Revisions, str] | None = None
    """The revisions of the last pass, and the target's resourceVersion at its end, if nothing was left to do but
    wait."""
    due: Instant | None = None
    """When that wait ends."""
    failing: FailureState = NOTHING
    repairs: Repairs = NONE
    status_pending: bool = False
    """Whether the status does not show the last renewal yet."""
    pods_notified: float = 0.0
    """Issue time of the last token whose pods were touched."""
    pods_pending: float = 0.0
    """Issue time of a token whose pods could not be touched and must be; 0 without one."""
    target_names: tuple[str, ...] = ()
    """The names of targets that this process may have written and that still exist; the status names only one."""
    written_for: Revisions | None = None
    """The revisions that the target was last brought up to date for."""
    handled_renew_request: str = ""
    """The last request for a renewal that this process followed."""
    waiting_since: Instant | None = None
    """Since when its request has been waiting for its turn."""
    untold_until: Instant | None = None
    """Until when only the condition reports the failure."""
    rate_told: bool = False
    """Whether an event has reported that the token's lifetime is too short for its grant's rate."""


NOTHING_YET = Remembered()
"""No pass yet: one object for all."""


Reference = tuple[str, str, str]
"""Kind, namespace and name of an object."""

ACCOUNT: Final = "ServiceAccount"
"""The kind of a reference to an object."""


class ReferencedObjects(NamedTuple):
    """What a resource refers to."""

    credentials: Reference
    """A Secret, or a ServiceAccount if there is none."""
    target: Reference
    endpoint: Reference


@dataclass(slots=True)
class ResourceState:
    """One IntegrationToken. Each field has a single writer."""

    uid: str
    fresh: Integration | None = None
    """The resource as the watch reported it before it had a status, until a pass takes it: packing it for such a short
    time isn't worth the CPU."""
    packed: bytes = b""
    """The resource as the watch last reported it with a status. If there is neither, it must be read when needed: it is
    too large, or was just written."""
    is_unseen: bool = True
    """Whether no pass has taken what the watch reported."""
    generation: int = 0
    renew_request: str = ""
    endpoint: EndpointRef | None = None
    references: ReferencedObjects | None = None
    """Everything above is written by the :class:`~integration_token.state.inventory.Inventory`."""

    remembered: Remembered = NOTHING_YET
    """Written by the reconciler at the end of each pass."""
    told: Told = ()
    """Written by the reporter once the status is written."""
    grant: GrantState = field(default_factory=GrantState)
    """Written by the refresher once it has read the credentials."""

    def is_expected(self, key: Key, now: Instant) -> bool:
        """Whether a pass is due anyway. Others follow a change of something else, and whoever made that may have
        changed or deleted the resource too: the watch may just not have reported it yet."""
        due, plan = self.remembered.due, self.remembered.plan
        return (due is not None and due.is_due(now)) or self.grant.offers_later(key, plan, now)

    def is_contested(self, now: Instant) -> bool:
        """Whether a wake-up is only another round of a fight over the target, which is checked now and then."""
        failure, due = self.remembered.failing.failure, self.remembered.due
        contested = failure is not None and failure.reason == Reason.TARGET_CONTESTED
        return contested and not self.is_unseen and due is not None and not due.is_due(now)
