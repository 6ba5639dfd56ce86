"""What a pass observes of a resource before it decides: frozen, and completed in steps as more is read."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any, NamedTuple

from integration_token.api.condition import ConditionType, condition_of
from integration_token.api.endpoint import Endpoint
from integration_token.api.integration import Integration, shortened
from integration_token.api.token import GrantIdentity, StoredToken, Token
from integration_token.api.value import format_time, parse_time
from integration_token.clock import Instant
from integration_token.cluster.collection import Object
from integration_token.controller.target import Target
from integration_token.errors import Failure
from integration_token.renewal.plan import TokenPlan, plan
from integration_token.renewal.rollover import OPENING, SAFE_LEAD, Rollover
from integration_token.renewal.schedule import stated, window
from integration_token.state.failure import FailureState, Revisions
from integration_token.state.resource import Remembered


@dataclass(frozen=True, slots=True)
class GrantView:
    """The grant at the time of the decision to ask: its other resources may change it meanwhile."""

    failing: FailureState
    """Why its last request returned no token, and when the next one may be sent."""
    paused: bool
    """Whether the endpoint asked for a pause."""
    wish_wait: float
    """Seconds until a person's request for a renewal may be followed again; 0 if it may now."""
    rate_wait: float
    """Seconds until the grant may ask again; 0 if it may now."""
    asking: bool
    """Another resource's request is in flight."""
    held: bool
    """Whether the target holds the grant's newest token."""


class Observation(NamedTuple):
    """One resource as a pass observes it. Times are wall times in seconds unless they are Instants."""

    integration: Integration
    now: Instant
    before: Remembered
    """What the last pass left."""
    plan: TokenPlan
    """For the current token."""
    taught: Rollover | None = None
    """What responses have taught about the grant's rollover."""
    predecessors: tuple[Object, ...] = ()
    """The targets from before a renaming that could not be moved yet."""
    target: Target | None = None
    stored: StoredToken | None = None
    endpoint: Endpoint | None = None
    identity: GrantIdentity | None = None
    """The grant as currently specified; None if it is unknown."""
    revisions: Revisions | None = None
    failure: Failure | None = None
    """The first obstacle."""
    disturbed: bool = False
    """Whether someone else deleted or changed the target since we last wrote it."""
    contested_until: Instant | None = None
    """Someone keeps doing so: the target is left alone until then."""
    is_member: bool = False
    """Whether it is known which resources share the grant."""
    offered: bool = False
    """Whether another resource of the grant holds a token that expires later."""
    grant: GrantView | None = None
    """None until the credentials have been read."""
    rehearsed: bool = False
    """Whether a dry run has shown that a new token could be written."""

    @property
    def wall(self) -> float:
        """The time by which the current token is judged."""
        return self.plan.read_clock(self.now)

    @property
    def left(self) -> float:
        """Seconds that a token of the current grant is still valid; 0 without one."""
        return remaining(self.stored, self.identity, self.plan, self.now)

    @property
    def version(self) -> str:
        """The target's resourceVersion; empty if there is none."""
        secret = None if self.target is None else self.target.secret
        return "" if secret is None else str(secret["metadata"]["resourceVersion"])

    @property
    def last_revisions(self) -> Revisions | None:
        """The revisions of the last pass, if it left nothing to do."""
        return self.before.last_reconciled[0] if self.before.last_reconciled else None

    @property
    def wanted(self) -> Revisions | None:
        """The revisions for which a token was requested before and has not arrived yet."""
        return self.before.failing.wanted

    @property
    def handled_renew_request(self) -> str:
        """The last request for a renewal that was followed, which the status may not show yet."""
        told = shortened(str(self.integration.status.get("lastHandledRenewRequest", "")))
        return self.before.handled_renew_request or told

    @property
    def renew_requested(self) -> bool:
        """Whether a person's request for a renewal has not been followed yet."""
        return self.integration.renew_request not in {"", self.handled_renew_request}

    def plan_by_what_was_known(self, endpoint: Endpoint, plan: TokenPlan) -> TokenPlan:
        """The plan, with the rollover from the status or the endpoint's spec unless that was looked up before: if it
        differs, the next poll must be planned again.

        :param plan: the plan to start from.
        """
        status = self.integration.status
        before, prior = plan.prior, Rollover()
        if before not in (None, Rollover()):
            return plan
        known = status.get("rolloverLeadSeconds")
        # Only if the current token came from that endpoint.
        ours = self.stored is not None and self.stored.identity.endpoint_uid == endpoint.uid
        if before is None and isinstance(known, int) and ours:
            told = condition_of(status, ConditionType.ROLLOVER_TOO_LATE).get("status") == "True"
            late = told and self.stored is not None and self._is_proof(known, self.stored.token.lifetime)
            prior = Rollover.remembered(known, too_late=late)
        return plan.with_prior(prior if prior != Rollover() else stated_rollover(self.integration, endpoint))

    def _is_proof(self, lead: int, lifetime: float) -> bool:
        """Whether a RolloverTooLate with that lead was proved by the old token: earlier versions also set it for short
        lifetimes when the first poll of the window had returned the new token."""
        before = replace(self.integration.renew_before, least=0.0)
        return lifetime > SAFE_LEAD or lead < OPENING * window(lifetime, before)


def stated_rollover(integration: Integration, endpoint: Endpoint) -> Rollover:
    """The rollover stated in the endpoint's spec."""
    lead = endpoint.rollover_lead
    return Rollover() if lead is None else stated(integration.uid, lead)


def plan_for(
    integration: Integration, stored: StoredToken | None, before: TokenPlan, now: Instant, taught: Rollover | None
) -> TokenPlan:
    """The resource's plan for the current token."""
    token = None if stored is None else stored.token
    return plan(
        before,
        token,
        now,
        taught=taught,
        renew_before=integration.renew_before,
        consumer_delay=integration.consumer_delay,
        uid=integration.uid,
        assumed_until=_assumed_until(integration.status, token) if token is not None and token.assumed else 0.0,
    )


def _assumed_until(status: Mapping[str, Any], token: Token) -> float:
    """The assumed expiry in the status: an earlier process may have put it off."""
    if status.get("issueTime") != format_time(token.issued):
        return 0.0
    try:
        return parse_time(str(status.get("expirationTime", "")))
    except ValueError:
        return 0.0


def remaining(stored: StoredToken | None, identity: GrantIdentity | None, plan: TokenPlan, now: Instant) -> float:
    """Seconds that a token of the current grant is still valid; 0 without one."""
    if stored is None or (identity is not None and stored.identity != identity):
        return 0.0
    return max(0.0, plan.expires - plan.read_clock(now))
