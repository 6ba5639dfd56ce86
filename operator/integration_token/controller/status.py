"""The status of an IntegrationToken, derived from what was observed: pure."""

from collections.abc import Mapping
from typing import Any

from integration_token.api.condition import ConditionType, Reason, condition_of, with_transition_times
from integration_token.api.integration import Integration
from integration_token.api.value import format_time
from integration_token.cluster.template import has_placeholder
from integration_token.controller.condition import conditions_of
from integration_token.controller.outcome import Outcome

_WARNED = frozenset({Reason.ROLLOVER_TOO_LATE, Reason.LIFETIME_TOO_SHORT, Reason.CONSUMER_DELAY_TOO_LONG})
"""The reasons of the rollover that an event reports."""


def build_status(outcome: Outcome) -> dict[str, Any]:
    """The complete new status."""
    integration = outcome.integration
    stored = outcome.stored
    status: dict[str, Any] = {
        "conditions": with_transition_times(
            conditions_of(outcome),
            integration.status.get("conditions") or (),
            integration.generation,
            format_time(outcome.wall),
        ),
        "observedGeneration": integration.generation,
        "targetName": outcome.target_name,
    }
    if stored is not None:
        status |= {
            "scope": list(stored.token.scope or ()),
            "issueTime": format_time(stored.token.issued),
            "expirationTime": format_time(outcome.expires),
            "renewalTime": format_time(outcome.plan.expected(outcome.rollover)),
            "lifetimeSeconds": int(stored.token.lifetime),
        }
        # Only together with another change: an earlier version did not write it.
        known = integration.status
        if stored.token.assumed and ("expirationAssumed" in known or _differs(known, status, "expirationTime")):
            status["expirationAssumed"] = True
    lead = outcome.rollover.lead if outcome.rollover else integration.status.get("rolloverLeadSeconds")
    if lead is not None:
        status["rolloverLeadSeconds"] = lead
    if outcome.handled_renew_request:
        status["lastHandledRenewRequest"] = outcome.handled_renew_request
    return status


def merge_patch(before: Mapping[str, Any], after: Mapping[str, Any]) -> dict[str, Any]:
    """The merge patch (RFC 7396) that makes `before` into `after`; empty if nothing differs.

    Nothing is written for `renewalTime` alone: it follows from the rest, and may differ between versions.
    """
    patch: dict[str, Any] = {key: value for key, value in after.items() if _differs(before, after, key)}
    patch |= {key: None for key in before if key not in after}
    return {} if patch.keys() == {"renewalTime"} else patch


def _differs(before: Mapping[str, Any], after: Mapping[str, Any], key: str) -> bool:
    return bool(before.get(key) != after[key])


def is_unfilled(integration: Integration) -> bool:
    """Whether its spec is new and its template has no placeholder."""
    seen = integration.status.get("observedGeneration") == integration.generation
    return not seen and bool(integration.template.data) and not has_placeholder(integration.template)


def is_warned_of(integration: Integration, after: Mapping[str, Any]) -> bool:
    """Whether rollovers turned out to be too late; `after` is the new condition."""
    before = condition_of(integration.status, ConditionType.ROLLOVER_TOO_LATE)
    return after["reason"] in _WARNED and after["reason"] != before.get("reason")
