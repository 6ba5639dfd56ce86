"""The result of a pass, in the few values that its status depends on."""

from dataclasses import dataclass, replace
from typing import Any

from integration_token.api.integration import Integration
from integration_token.api.token import GrantIdentity, StoredToken
from integration_token.clock import Instant
from integration_token.controller.observation import Observation
from integration_token.controller.outcome import Outcome, Wait
from integration_token.controller.status import build_status
from integration_token.errors import Failure
from integration_token.renewal.plan import TokenPlan
from integration_token.renewal.rollover import Rollover
from integration_token.state.resource import Remembered
from integration_token.workqueue.endpoint_queue import WaitReason


@dataclass(frozen=True, kw_only=True)
class Situation:
    """Times are wall times in seconds."""

    now: float
    stored: StoredToken | None
    matches: bool | None
    """Whether it is a token of the grant as specified; None if the grant is unknown."""
    expires: float
    renews: float
    target: str = "shop"
    failure: Failure | None = None
    rate_limited: bool = False
    why: str = ""
    grant_rate: float = 0.0
    wishes: float = 0.0
    scopes_reduced: bool = False
    asked: bool = False
    renewed: bool = False
    handled_renew_request: str = ""
    rollover: Rollover | None = None

    def status(self, integration: Integration) -> dict[str, Any]:
        """The resource's new status."""
        return build_status(self.outcome(integration))

    def outcome(self, integration: Integration) -> Outcome:
        """The outcome of the resource's pass."""
        if self.rollover is not None:
            # Reported only with a renewal.
            integration = replace(integration, status={"issueTime": "before", **integration.status})
        now = Instant(self.now, self.now)
        plan = TokenPlan(expires=self.expires, renews=self.renews)
        remembered = Remembered(
            handled_renew_request=self.handled_renew_request, status_pending=self.rollover is not None
        )
        identity = None if self.stored is None else self.stored.identity
        if not self.matches:
            identity = None if self.matches is None else GrantIdentity("another", "", "")
        old = () if self.target == integration.target else ({"metadata": {"name": self.target}},)
        return Outcome(
            Observation(integration, now, remembered, plan, identity=identity, predecessors=old),
            now,
            plan,
            remembered,
            self.rollover,
            self.stored,
            self.failure,
            wait=Wait(WaitReason.RATE if self.rate_limited else None, self.grant_rate, self.wishes, why=self.why),
            asked=self.asked,
            renewed=self.renewed,
            scopes_reduced=self.scopes_reduced,
        )
