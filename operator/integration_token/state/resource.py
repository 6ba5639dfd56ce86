"""What is remembered of one IntegrationToken between two passes."""

from dataclasses import dataclass, field
from typing import Final, NamedTuple

from integration_token.api.condition import Told
from integration_token.api.endpoint import EndpointRef
from integration_token.api.integration import Integration
from integration_token.clock import Instant
from integration_token.renewal.plan import NO_TOKEN, TokenPlan
from integration_token.state.failure import NONE, NOTHING, FailureState, Repairs, Revisions
from integration_token.state.grant import GrantState


class Remembered(NamedTuple):
    """What a pass leaves to the next one: replaced whole when it ends. Times are wall times in seconds."""

    plan: TokenPlan = NO_TOKEN
    last_reconciled: tuple[Revisions, str] | None = None
    """What the last pass went by, and the target's resourceVersion at its end, if it left nothing to do but wait."""
    due: Instant | None = None
    """When that wait ends."""
    failing: FailureState = NOTHING
    repairs: Repairs = NONE
    status_pending: bool = False
    """A renewal has not been told by the status yet."""
    pods_notified: float = 0.0
    """Issue time of the last token that pods were told of."""
    pods_pending: float = 0.0
    """Issue time of a token that they could not be told of, and are to be yet; 0 without one."""
    target_names: tuple[str, ...] = ()
    """The names under which this process may have written a target that is still there; the status tells one alone."""
    written_for: Revisions | None = None
    """What this process brought the target up to date for last."""
    handled_renew_request: str = ""
    """The wish for a renewal that this process followed last."""
    waiting_since: Instant | None = None
    """Since when its request waits for its turn."""
    untold_until: Instant | None = None
    """Until when what fails is told by the condition alone."""
    rate_told: bool = False
    """An event has told that the token lives too short for its grant's rate."""


NOTHING_YET = Remembered()
"""No pass has been made: one for all."""


Reference = tuple[str, str, str]
"""Kind, namespace and name of an object."""

ACCOUNT: Final = "ServiceAccount"
"""The kind of a reference to one."""


class ReferencedObjects(NamedTuple):
    """What a resource refers to."""

    credentials: Reference
    """A Secret; an account if there is none."""
    target: Reference
    endpoint: Reference


@dataclass(slots=True)
class ResourceState:
    """One IntegrationToken. Each field has one writer."""

    uid: str
    watched_spec: Integration | None
    """What the watch brought last, until a pass takes it: then the resource is read again when it is needed. So is what
    is too large to be kept."""
    generation: int = 0
    renew_request: str = ""
    endpoint: EndpointRef | None = None
    references: ReferencedObjects | None = None
    """All above by the :class:`~integration_token.state.inventory.Inventory`."""

    remembered: Remembered = NOTHING_YET
    """By the reconciler, at the end of each pass."""
    told: Told = ()
    """By the reporter, once the status stands."""
    grant: GrantState = field(default_factory=GrantState)
    """By the refresher, once it has read the credentials."""
