"""The conditions of an IntegrationToken, each derived from what came of a pass. Pure.

To add a condition: its type in `api/condition.py`, a function here, and a row in `CONDITIONS`. A resource whose spec
cannot be read has Ready and Stalled alone, by :meth:`~integration_token.controller.reporter.Reporter.reject`.
"""

from collections.abc import Callable, Sequence
from dataclasses import replace

from integration_token.api.condition import Condition, ConditionType, Reason, Trait, condition_of, has_trait
from integration_token.api.value import format_time
from integration_token.controller.outcome import Outcome
from integration_token.errors import UserActionRequired
from integration_token.oauth.scope import MAX_SCOPE
from integration_token.renewal.rollover import SAFE_LEAD, Rollover
from integration_token.workqueue.grant_rate import MAX_PER_GRANT

_BY_REQUEST = Trait.SHOWN_BY_REQUEST


def conditions_of(outcome: Outcome) -> list[Condition]:
    """All of them."""
    return [_in_words_that_stand(condition(outcome), outcome) for condition in CONDITIONS]


def _in_words_that_stand(condition: Condition, outcome: Outcome) -> Condition:
    """The condition as another version told it, where that says the same: wording alone is no write."""
    before = condition_of(outcome.integration.status, condition.type)
    if (condition.status, condition.reason) != (before.get("status") == "True", before.get("reason")):
        return condition
    same = Trait.FIXED_MESSAGE in condition.reason.traits
    if condition.reason is Reason.TOKEN_VALID and outcome.stored is not None:
        same = outcome.integration.status.get("expirationTime") == format_time(outcome.stored.token.expires)
    return replace(condition, message=str(before.get("message", ""))) if same else condition


def ready(outcome: Outcome) -> Condition:
    """Whether the target Secret holds an unexpired token of the grant as now specified."""
    kind, stored = ConditionType.READY, outcome.stored
    if stored is not None and _holds_token(outcome):
        return Condition(
            kind, True, Reason.TOKEN_VALID, f"the token is valid until {format_time(stored.token.expires)}"
        )
    return _held_up(kind, outcome, "spec.suspend is true and no valid token is held; set it to false") or Condition(
        kind,
        False,
        Reason.TOKEN_EXPIRED,
        "the token has expired and the endpoint still answers the same one; asking again",
    )


def refreshed(outcome: Outcome) -> Condition:
    """Whether the last request succeeded, or why no request is made."""
    kind = ConditionType.REFRESHED
    held_up = _held_up(kind, outcome, "spec.suspend is true: nothing is asked for and nothing is written")
    if held_up is not None:
        return held_up
    before = condition_of(outcome.integration.status, kind)
    same_spec = before.get("observedGeneration") == outcome.integration.generation
    shown = outcome.asked or outcome.copied
    if not shown and same_spec and before.get("status") == "False" and has_trait(before.get("reason"), _BY_REQUEST):
        return Condition(kind, False, Reason(before["reason"]), str(before.get("message", "")))
    if outcome.scopes_reduced or (before.get("reason") == Reason.SCOPES_REDUCED and not outcome.renewed):
        return Condition(
            kind, True, Reason.SCOPES_REDUCED, "the new token has fewer scopes; check the integration's permissions"
        )
    return Condition(kind, True, Reason.REFRESHED, _scopes_left_out(outcome))


def stalled(outcome: Outcome) -> Condition:
    """Whether only a change by a person helps."""
    kind, failure = ConditionType.STALLED, outcome.failure
    if isinstance(failure, UserActionRequired):
        return Condition(kind, True, Reason(failure.reason), failure.message)
    before = condition_of(outcome.integration.status, kind)
    if failure is None and before.get("status") == "True" and _BY_REQUEST in refreshed(outcome).reason.traits:
        return Condition(kind, True, Reason(before["reason"]), str(before.get("message", "")))
    return Condition(kind, False, Reason.PROGRESSING, "")


def rollover_too_late(outcome: Outcome) -> Condition:
    """Whether the endpoint answers with a new token so late that a mounted file may hold an expired one."""
    kind, rollover, stored = ConditionType.ROLLOVER_TOO_LATE, outcome.rollover, outcome.stored
    # Learned with a renewal, and written with it.
    too_late = None if rollover is None or stored is None else rollover.too_late(stored.token.lifetime)
    if rollover is None or too_late is None:
        before = condition_of(outcome.integration.status, kind)
        for status, reason in ((True, Reason.ROLLOVER_TOO_LATE), (False, Reason.ROLLOVER_IN_TIME)):
            if before.get("reason") == reason:
                return Condition(kind, status, reason, str(before.get("message", "")))
        return Condition(kind, None, Reason.ROLLOVER_UNKNOWN, "")
    if not too_late:
        return Condition(kind, False, Reason.ROLLOVER_IN_TIME, "")
    return Condition(kind, True, Reason.ROLLOVER_TOO_LATE, _too_late(rollover))


def _holds_token(outcome: Outcome) -> bool:
    if outcome.stored is None or outcome.plan.expires <= outcome.wall:
        return False
    if outcome.failure is not None and has_trait(outcome.failure.reason, Trait.NOT_OURS):
        return False
    if outcome.matches is not None:
        return outcome.matches
    # What the spec refers to is missing, so the grant cannot be told. The token is of what the spec meant before.
    before = outcome.integration.status
    was_ready = condition_of(before, ConditionType.READY).get("status") == "True"
    return was_ready and before.get("observedGeneration") == outcome.integration.generation


def _too_late(rollover: Rollover) -> str:
    seconds = rollover.lead or 0
    when = f"{seconds} s before the old one expires" if seconds > 0 else "only when the old one has expired"
    return (
        f"the endpoint answers with a new token {when}, and a mounted file may follow its Secret up to 90 s later:"
        f" pods may read an expired token; let the endpoint issue new tokens {SAFE_LEAD:.0f} s or more before expiry,"
        " or have the operator installed with mountRefresh.enabled, which brings them into mounted files in a second"
    )


def _scopes_left_out(outcome: Outcome) -> str:
    """What is said of scopes that are not told; empty where all are."""
    if outcome.stored is None or not outcome.stored.token.scope_incomplete:
        return ""
    return (
        f"status.scope does not list all scopes of the token, only {MAX_SCOPE} characters of them and none that may"
        " hold a part of a secret, so fewer scopes are not noticed; set spec.scopes to those that are needed"
    )


def _held_up(kind: ConditionType, outcome: Outcome, suspended: str) -> Condition | None:
    """What keeps a token from being refreshed, in the words of that condition; None if nothing does."""
    if outcome.failure is not None:
        return Condition(kind, False, Reason(outcome.failure.reason), outcome.failure.message)
    if outcome.integration.suspend:
        return Condition(kind, False, Reason.SUSPENDED, suspended)
    if outcome.is_rate_limited:
        why = outcome.wait.why or f"its own limit of {MAX_PER_GRANT} in a minute"
        return Condition(kind, False, Reason.RATE_LIMITED, f"the request waits for {why}")
    return None


CONDITIONS: Sequence[Callable[[Outcome], Condition]] = (ready, refreshed, stalled, rollover_too_late)
"""In the order in which they are written. Each makes every status larger: see `_SMALL` of `api/integration.py`."""
