"""The status of an IntegrationToken, derived from what was observed: pure."""

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from integration_token.api.condition import Condition, ConditionType, Reason, condition_of, with_transition_times
from integration_token.api.integration import Integration
from integration_token.api.value import format_time
from integration_token.controller.outcome import Outcome
from integration_token.errors import UserActionRequired
from integration_token.renewal.rollover import SAFE_LEAD, Rollover
from integration_token.workqueue.grant_rate import MAX_PER_GRANT

_ASKING = frozenset(
    {
        Reason.ADDRESS_NOT_ALLOWED,
        Reason.CREDENTIALS_INVALID,
        Reason.INVALID_CLIENT,
        Reason.ACCESS_DENIED,
        Reason.UNAUTHORIZED_CLIENT,
        Reason.INVALID_SCOPE,
        Reason.REQUEST_REJECTED,
        Reason.ENDPOINT_UNREACHABLE,
        Reason.TLS_FAILED,
        Reason.TIMEOUT,
        Reason.ENDPOINT_ERROR,
        Reason.INVALID_RESPONSE,
    }
)
"""Failures that only the next request can show to be mended, be it after a restart."""

_WORDS_ALONE = frozenset({Reason.SUSPENDED, Reason.TOKEN_EXPIRED, Reason.SCOPES_REDUCED, Reason.RATE_LIMITED})
"""Reasons whose messages tell no more than the reason, or what it was at first."""

_CONSENT = frozenset({Reason.CREDENTIALS_NOT_LABELLED, Reason.NOT_ALLOWED, Reason.SECRET_NOT_OWNED})
"""Failures that make even a good token none of the resource's own."""


def ready_condition(status: Mapping[str, Any]) -> Mapping[str, Any]:
    """The Ready condition of a status, empty where there is none."""
    return condition_of(status, ConditionType.READY)


def build_status(outcome: Outcome) -> dict[str, Any]:
    """The whole status as it should stand."""
    integration = outcome.integration
    stored = outcome.stored
    status: dict[str, Any] = {
        "conditions": with_transition_times(
            _conditions(integration, outcome),
            integration.status.get("conditions") or (),
            integration.generation,
            format_time(outcome.wall),
        ),
        "observedGeneration": integration.generation,
        "targetName": outcome.target_name,
    }
    if stored is not None:
        status |= {
            "scope": list(stored.token.scope),
            "issueTime": format_time(stored.token.issued),
            "expirationTime": format_time(stored.token.expires),
            "renewalTime": format_time(outcome.plan.renews),
            "lifetimeSeconds": int(stored.token.lifetime),
        }
    lead = outcome.rollover.lead if outcome.rollover else integration.status.get("rolloverLeadSeconds")
    if lead is not None:
        status["rolloverLeadSeconds"] = lead
    if outcome.handled_renew_request:
        status["lastHandledRenewRequest"] = outcome.handled_renew_request
    return status


def merge_patch(before: Mapping[str, Any], after: Mapping[str, Any]) -> dict[str, Any]:
    """The merge patch (RFC 7396) that makes `before` into `after`; empty where nothing differs."""
    patch: dict[str, Any] = {key: value for key, value in after.items() if before.get(key) != value}
    return patch | {key: None for key in before if key not in after}


def _conditions(integration: Integration, outcome: Outcome) -> list[Condition]:
    refreshed = _refreshed(integration, outcome)
    conditions = (
        _ready(integration, outcome),
        refreshed,
        _stalled(integration, outcome, refreshed),
        _rollover_too_late(integration, outcome),
    )
    return [_in_words_that_stand(condition, integration, outcome) for condition in conditions]


def _in_words_that_stand(condition: Condition, integration: Integration, outcome: Outcome) -> Condition:
    """The condition as another version told it, where that says the same: wording alone is no write."""
    before = condition_of(integration.status, condition.type)
    if (condition.status, condition.reason) != (before.get("status") == "True", before.get("reason")):
        return condition
    same = condition.reason in _WORDS_ALONE
    if condition.reason is Reason.TOKEN_VALID and outcome.stored is not None:
        same = integration.status.get("expirationTime") == format_time(outcome.stored.token.expires)
    return replace(condition, message=str(before.get("message", ""))) if same else condition


def _rollover_too_late(integration: Integration, outcome: Outcome) -> Condition:
    kind, rollover, stored = ConditionType.ROLLOVER_TOO_LATE, outcome.rollover, outcome.stored
    # Learned with a renewal, and written with it.
    too_late = None if rollover is None or stored is None else rollover.too_late(stored.token.lifetime)
    if rollover is None or too_late is None:
        before = condition_of(integration.status, kind)
        for status, reason in ((True, Reason.ROLLOVER_TOO_LATE), (False, Reason.ROLLOVER_IN_TIME)):
            if before.get("reason") == reason:
                return Condition(kind, status, reason, str(before.get("message", "")))
        return Condition(kind, None, Reason.ROLLOVER_UNKNOWN, "")
    if not too_late:
        return Condition(kind, False, Reason.ROLLOVER_IN_TIME, "")
    return Condition(kind, True, Reason.ROLLOVER_TOO_LATE, _too_late(rollover))


def _too_late(rollover: Rollover) -> str:
    seconds = rollover.lead or 0
    when = f"{seconds} s before the old one expires" if seconds > 0 else "only when the old one has expired"
    return (
        f"the endpoint answers with a new token {when}, and a mounted file may follow its Secret up to 90 s later:"
        f" pods may read an expired token; let the endpoint issue new tokens {SAFE_LEAD:.0f} s or more before expiry,"
        " or have the operator installed with mountRefresh.enabled, which brings them into mounted files in a second"
    )


def _stalled(integration: Integration, outcome: Outcome, refreshed: Condition) -> Condition:
    kind, failure = ConditionType.STALLED, outcome.failure
    if isinstance(failure, UserActionRequired):
        return Condition(kind, True, Reason(failure.reason), failure.message)
    before = condition_of(integration.status, kind)
    if failure is None and refreshed.reason in _ASKING and before.get("status") == "True":
        return Condition(kind, True, Reason(before["reason"]), str(before.get("message", "")))
    return Condition(kind, False, Reason.PROGRESSING, "")


def _holds_token(integration: Integration, outcome: Outcome) -> bool:
    if outcome.stored is None or outcome.plan.expires <= outcome.wall:
        return False
    if outcome.failure is not None and outcome.failure.reason in _CONSENT:
        return False
    if outcome.matches is not None:
        return outcome.matches
    # What the spec refers to is missing, so the grant cannot be told. The token is of what the spec meant before.
    before = integration.status
    return (
        before.get("observedGeneration") == integration.generation and ready_condition(before).get("status") == "True"
    )


def _ready(integration: Integration, outcome: Outcome) -> Condition:
    kind = ConditionType.READY
    stored, failure = outcome.stored, outcome.failure
    if stored is not None and _holds_token(integration, outcome):
        return Condition(
            kind, True, Reason.TOKEN_VALID, f"the token is valid until {format_time(stored.token.expires)}"
        )
    if failure is not None:
        return Condition(kind, False, Reason(failure.reason), failure.message)
    if integration.suspend:
        return Condition(
            kind, False, Reason.SUSPENDED, "spec.suspend is true and no valid token is held; set it to false"
        )
    if outcome.is_rate_limited:
        return Condition(kind, False, Reason.RATE_LIMITED, _rate_limited(outcome))
    return Condition(
        kind,
        False,
        Reason.TOKEN_EXPIRED,
        "the token has expired and the endpoint still answers the same one; asking again",
    )


def _rate_limited(outcome: Outcome) -> str:
    return f"the request waits for {outcome.wait.why or f'its own limit of {MAX_PER_GRANT} in a minute'}"


def _refreshed(integration: Integration, outcome: Outcome) -> Condition:
    kind = ConditionType.REFRESHED
    failure = outcome.failure
    if failure is not None:
        return Condition(kind, False, Reason(failure.reason), failure.message)
    if integration.suspend:
        return Condition(
            kind, False, Reason.SUSPENDED, "spec.suspend is true: nothing is asked for and nothing is written"
        )
    if outcome.is_rate_limited:
        return Condition(kind, False, Reason.RATE_LIMITED, _rate_limited(outcome))
    before = condition_of(integration.status, kind)
    same_spec = before.get("observedGeneration") == integration.generation
    if (
        not (outcome.asked or outcome.copied)
        and same_spec
        and before.get("status") == "False"
        and before.get("reason") in _ASKING
    ):
        return Condition(kind, False, Reason(before["reason"]), str(before.get("message", "")))
    if outcome.scopes_reduced or (before.get("reason") == Reason.SCOPES_REDUCED and not outcome.renewed):
        return Condition(
            kind, True, Reason.SCOPES_REDUCED, "the new token has fewer scopes; check the integration's permissions"
        )
    return Condition(kind, True, Reason.REFRESHED, "")
