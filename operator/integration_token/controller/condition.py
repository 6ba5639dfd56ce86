"""The conditions of an IntegrationToken, each derived from the outcome of a pass. Pure.

To add a condition: add its type in `api/condition.py`, a function here, and a row in `CONDITIONS`. A resource whose
spec cannot be read has all but RolloverTooLate, set by :meth:`~integration_token.controller.reporter.Reporter.reject`.
"""

import math
from collections.abc import Callable, Sequence
from dataclasses import replace

from integration_token.api.condition import Condition, ConditionType, Reason, Trait, condition_of, has_trait
from integration_token.api.token import StoredToken
from integration_token.api.value import format_time
from integration_token.controller.outcome import Outcome
from integration_token.controller.wording import due_within, keep_wording
from integration_token.errors import EndpointUnusable, Failure, UserActionRequired
from integration_token.oauth.scope import MAX_SCOPE
from integration_token.renewal.rollover import MOUNT_DELAY, MOUNTED_LIFETIME, SAFE_LEAD, Rollover
from integration_token.workqueue.grant_rate import MAX_PER_GRANT, MAX_PER_SHARE, MAX_WISHES

_BY_REQUEST = Trait.SHOWN_BY_REQUEST


def conditions_of(outcome: Outcome) -> list[Condition]:
    """All of them."""
    return [_keep_wording(condition(outcome), outcome) for condition in CONDITIONS]


def _keep_wording(condition: Condition, outcome: Outcome) -> Condition:
    status, same = outcome.integration.status, None
    if condition.reason is Reason.TOKEN_VALID and outcome.stored is not None:
        # The only fact in the message is the expiry, which the status has too.
        same = status.get("expirationTime") == format_time(outcome.expires)
    return keep_wording(condition, status, same=same)


def ready(outcome: Outcome) -> Condition:
    """Whether the target Secret holds an unexpired token of the grant as currently specified."""
    kind, stored = ConditionType.READY, outcome.stored
    if stored is not None and _holds_token(outcome):
        return Condition(kind, True, Reason.TOKEN_VALID, _valid(outcome, stored))
    return _held_up(kind, outcome, "spec.suspend is true and there is no valid token; set it to false") or Condition(
        kind,
        False,
        Reason.TOKEN_EXPIRED,
        "the token has expired and the endpoint still returns the same one; retrying",
    )


def refreshed(outcome: Outcome) -> Condition:
    """Whether the last request succeeded, or why no request is made."""
    kind = ConditionType.REFRESHED
    held_up = _held_up(kind, outcome, "spec.suspend is true: no token is requested and nothing is written")
    if held_up is not None:
        return _beside_what_is_held(held_up, outcome)
    before = condition_of(outcome.integration.status, kind)
    same_spec = before.get("observedGeneration") == outcome.integration.generation
    shown = outcome.asked or outcome.copied or outcome.remembered.status_pending
    if not shown and same_spec and before.get("status") == "False" and has_trait(before.get("reason"), _BY_REQUEST):
        return Condition(kind, False, Reason(before["reason"]), str(before.get("message", "")))
    if outcome.scopes_reduced or (before.get("reason") == Reason.SCOPES_REDUCED and not outcome.renewed):
        return Condition(
            kind, True, Reason.SCOPES_REDUCED, "the new token has fewer scopes; check the integration's permissions"
        )
    return Condition(kind, True, Reason.REFRESHED, _wish_that_waits(outcome) or _scopes_left_out(outcome))


def stalled(outcome: Outcome) -> Condition:
    """Whether there is no token, and only a change by a person helps."""
    kind, why = ConditionType.STALLED, refreshed(outcome)
    if Trait.STALLS not in why.reason.traits or _may_pass(outcome.failure) or ready(outcome).status:
        return Condition(kind, False, Reason.PROGRESSING, "")
    return Condition(kind, True, why.reason, why.message)


def rollover_too_late(outcome: Outcome) -> Condition:
    """Whether the endpoint issues a new token so late that a mounted file may hold an expired one."""
    kind, rollover, stored = ConditionType.ROLLOVER_TOO_LATE, _rollover_to_tell(outcome), outcome.stored
    delay = outcome.integration.consumer_delay
    lifetime = math.inf if stored is None or stored.token.assumed else stored.token.lifetime
    too_late = None if rollover is None else rollover.too_late(lifetime, SAFE_LEAD + delay)
    if rollover is not None and too_late:
        return Condition(kind, True, Reason.ROLLOVER_TOO_LATE, _too_late(rollover, delay))
    # From the second token on: the first may have been in a cache for long.
    if rollover is not None and lifetime < MOUNTED_LIFETIME:
        return Condition(kind, False, Reason.LIFETIME_TOO_SHORT, _too_short(lifetime))
    if rollover is not None and _is_too_long(delay, lifetime):
        return Condition(kind, False, Reason.CONSUMER_DELAY_TOO_LONG, _too_long(delay, lifetime))
    if too_late is None:
        before = condition_of(outcome.integration.status, kind)
        for status, reason in _SEEN:
            over = (reason is Reason.LIFETIME_TOO_SHORT and lifetime >= MOUNTED_LIFETIME) or (
                reason is Reason.CONSUMER_DELAY_TOO_LONG and not _is_too_long(delay, lifetime)
            )
            if before.get("reason") == reason and not over:
                return Condition(kind, status, reason, str(before.get("message", "")))
        return Condition(kind, None, Reason.ROLLOVER_UNKNOWN, "")
    return Condition(kind, False, Reason.ROLLOVER_IN_TIME, "")


def _rollover_to_tell(outcome: Outcome) -> Rollover | None:
    """What is known about the rollover, if it is to be judged again: learned with a renewal, and written with it; or
    known before consumers were said to need another lead."""
    integration = outcome.integration
    if outcome.rollover is not None or not integration.consumer_delay:
        return outcome.rollover
    known = outcome.plan.rollover(outcome.taught)
    same_spec = integration.status.get("observedGeneration") == integration.generation
    return None if same_spec or known.low == -math.inf else known


def _is_too_long(delay: float, lifetime: float) -> bool:
    """Whether consumers keep using an old token for longer than the widest window allows."""
    return delay > 0 and lifetime / 2 - MOUNT_DELAY < delay


_SEEN = (
    (True, Reason.ROLLOVER_TOO_LATE),
    (False, Reason.ROLLOVER_IN_TIME),
    (False, Reason.LIFETIME_TOO_SHORT),
    (False, Reason.CONSUMER_DELAY_TOO_LONG),
)
"""Kept until a renewal shows something else."""


def _beside_what_is_held(condition: Condition, outcome: Outcome) -> Condition:
    """Adds until when the failing refresh does no harm."""
    if outcome.failure is None or outcome.stored is None or not _holds_token(outcome):
        return condition
    held = f"is valid until {format_time(outcome.expires)}"
    if outcome.stored.token.assumed:
        held = "is kept, and its expiry is unknown"
    return replace(condition, message=f"{condition.message}; the current token {held}")


def _may_pass(failure: Failure | None) -> bool:
    """Whether a failure may end without a change of the resource or its client: a Secret of the target's name is being
    deleted, or the endpoint's spec is invalid."""
    return failure is not None and (
        isinstance(failure, EndpointUnusable) or not isinstance(failure, UserActionRequired)
    )


def _wish_that_waits(outcome: Outcome) -> str:
    """The message about a requested renewal that has not been made yet; empty if none waits."""
    if outcome.wait.wishes <= 0:
        return ""
    return (
        f"the requested renewal waits: at most {MAX_WISHES} renewals a minute may be requested for the same token"
        f" request; it is {due_within(outcome.wait.wishes)}"
    )


def _holds_token(outcome: Outcome) -> bool:
    # An assumed expiry is only a date to ask again: it is unknown whether the token has expired.
    if outcome.stored is None or (outcome.plan.expires <= outcome.wall and not outcome.stored.token.assumed):
        return False
    if outcome.failure is not None and has_trait(outcome.failure.reason, Trait.NOT_OURS):
        return False
    if outcome.matches is not None:
        return outcome.matches
    # An object that the spec refers to is missing, so the grant is unknown. The token belongs to what the spec meant
    # before.
    before = outcome.integration.status
    was_ready = condition_of(before, ConditionType.READY).get("status") == "True"
    return was_ready and before.get("observedGeneration") == outcome.integration.generation


def _valid(outcome: Outcome, stored: StoredToken) -> str:
    until = format_time(outcome.expires)
    if not stored.token.assumed:
        return f"the token is valid until {until}"
    endpoint = outcome.observation.endpoint
    maximum = None if endpoint is None else endpoint.maximum_lifetime
    why, field = "states no usable expiry", "defaultLifetime"
    if maximum is not None and stored.token.lifetime >= maximum:
        why, field = "states an expiry beyond its maximum, or none", "maximumLifetime"
    return (
        f"the endpoint {why}: the token is assumed to be valid until {until}, and a new one is requested by then; set"
        f" spec.{field} of {outcome.integration.endpoint.title} to the lifetime of its tokens"
    )


def _too_short(lifetime: float) -> str:
    return (
        f"the endpoint issues tokens with a lifetime of {lifetime:.0f} s: a new one is requested halfway, and a mounted"
        " file may follow its Secret up to 90 s later, so pods may read an expired token; set the lifetime at the"
        f" endpoint to {MOUNTED_LIFETIME:.0f} s or more, better 10 min, or install the operator with"
        " mountRefresh.enabled, which updates mounted files within a second"
    )


def _too_long(delay: float, lifetime: float) -> str:
    return (
        f"according to spec.consumerDelay pods keep using an old token for {delay:.0f} s, in addition to up to 90 s"
        f" until a mounted file follows its Secret; tokens have a lifetime of {lifetime:.0f} s, and a new one is"
        " requested halfway, so pods may use an expired token; set the lifetime at the endpoint to"
        f" {2 * (delay + SAFE_LEAD):.0f} s or more, or {_LESS_DELAY}"
    )


def _too_late(rollover: Rollover, delay: float) -> str:
    seconds = rollover.lead or 0
    when = f"only {seconds} s before the old one expires" if seconds > 0 else "only after the old one has expired"
    told = f"the endpoint issues a new token {when}, and a mounted file may follow its Secret up to 90 s later"
    wish = f"configure the endpoint to issue new tokens {SAFE_LEAD + delay:.0f} s or more before expiry"
    if delay:
        return (
            f"{told}, and according to spec.consumerDelay pods keep using the old one for another {delay:.0f} s, so"
            f" they may use an expired token; {wish}, or {_LESS_DELAY}"
        )
    return (
        f"{told}, so pods may read an expired token; {wish}, or install the operator with mountRefresh.enabled,"
        " which updates mounted files within a second"
    )


_LESS_DELAY = (
    "make pods read the file more often and lower spec.consumerDelay, or install the operator with"
    " mountRefresh.enabled, which removes the 90 s"
)


def _scopes_left_out(outcome: Outcome) -> str:
    """The message about scopes that are not listed; empty if all are."""
    if outcome.stored is None or not outcome.stored.token.scope_incomplete:
        return ""
    return (
        f"status.scope does not list all scopes of the token, only {MAX_SCOPE} characters of them and none that may"
        " contain part of a secret, so a loss of scopes goes unnoticed; set spec.scopes to those you need"
    )


def _held_up(kind: ConditionType, outcome: Outcome, suspended: str) -> Condition | None:
    """The obstacle to refreshing the token, in the words of that condition; None if there is none."""
    if outcome.failure is not None:
        return Condition(kind, False, Reason(outcome.failure.reason), outcome.failure.message)
    if outcome.integration.suspend:
        return Condition(kind, False, Reason.SUSPENDED, suspended)
    if outcome.is_rate_limited:
        return Condition(kind, False, Reason.RATE_LIMITED, f"the request waits for {_awaited(outcome)}")
    return None


def _awaited(outcome: Outcome) -> str:
    """What an unsent request waits for, and until when if that is known."""
    wait = outcome.wait
    if wait.why:
        return wait.why
    return (
        f"the operator's own limit of {MAX_PER_GRANT} requests a minute for the same token, of which a namespace that"
        f" shares it with others gets {MAX_PER_SHARE}; it is {due_within(wait.grant_rate)}"
    )


CONDITIONS: Sequence[Callable[[Outcome], Condition]] = (ready, refreshed, stalled, rollover_too_late)
"""In the order in which they are written. Each one makes every status larger: see `_SMALL` of `api/integration.py`."""
