"""What a pass means for the next one: what failed, and when to look again unless something happens before. Pure."""

from dataclasses import replace

from integration_token.api.condition import Reason, Trait, has_trait
from integration_token.clock import Instant
from integration_token.controller.outcome import Outcome
from integration_token.errors import Conflict, Failure, Transient
from integration_token.renewal.backoff import (
    MAX_USER_ACTION_WAIT,
    TELL_AFTER,
    rewrite_wait,
    transient_wait,
    user_action_wait,
)
from integration_token.state.failure import NOTHING, FailureState
from integration_token.state.resource import Remembered

_FOLLOWING = 2.0
"""Seconds until a resource checks on another resource's request for the same grant: it has ended by then."""

_TOUCHING = 2.0
"""Seconds until pods that could not be touched are retried."""

_SHORTEST = 0.05
"""Minimum seconds between two failed passes."""

_MANY = 1000
"""Failures in a row after which waits no longer grow."""

_CONTESTED = 2.0
"""Seconds between two checks of a target that someone keeps changing: the status must follow within 5 s."""


def failing_after(outcome: Outcome, of_grant: FailureState, jitter: float) -> FailureState:
    """The failure state after the pass.

    :param of_grant: the failure state of the grant's requests.
    :param jitter: uniform in [0, 1).
    """
    failure = outcome.failure
    before = replace(
        outcome.observation.before.failing, api_failures=0, wanted=outcome.wanted, unwritten=outcome.unwritten
    )
    if failure is None:
        # A request that waits for its turn has learned nothing new.
        if outcome.waits:
            return before
        if outcome.wanted is None and not outcome.unwritten:
            return NOTHING
        return FailureState(wanted=outcome.wanted, unwritten=outcome.unwritten)
    if failure is of_grant.failure and of_grant.retry is not None:
        retry = before.retry
        if outcome.asked or retry is None:
            retry = of_grant.retry
        elif not before.of_grant or retry.boot < of_grant.retry.boot:
            # Another resource has asked since, and will ask again.
            retry = of_grant.retry.after(_FOLLOWING)
        return replace(before, failure=failure, of_grant=True, retry=retry)
    if failure is before.failure:
        return replace(before, of_grant=False)
    failures = before.counted(failure)
    contested_until = outcome.observation.contested_until
    retry = contested_until or outcome.now.after(_failure_wait(outcome, failure, failures, jitter))
    return replace(before, failure=failure, of_grant=False, failures=failures, retry=retry)


def request_failing(
    before: FailureState, failure: Failure, outcome: Outcome, least: float, jitter: float
) -> tuple[FailureState, float]:
    """The failure state of a grant after one of its requests failed, and the maximum seconds until any further attempt.

    :param before: the failure state until now.
    :param least: minimum seconds without a request after a failure that may be temporary.
    :param jitter: uniform in [0, 1).
    """
    failures, failed, left = before.counted(failure), before.failed + 1, outcome.left
    if not isinstance(failure, Transient) and not has_trait(failure.reason, Trait.UNWATCHED):
        wait, longest = user_action_wait(left, failed), MAX_USER_ACTION_WAIT
    else:
        wait, longest = (max(transient_wait(*each), least) for each in ((failures, left, jitter), (_MANY, left, 1.0)))
    return FailureState(failure, failures, outcome.now.after(wait), failed=failed), longest


def requeue_after(outcome: Outcome, failing: FailureState) -> Instant | None:
    """When to look again; None only if there is nothing to do until someone changes something.

    :param failing: the current failure state.
    """
    plan, now, wall, wait, waits = outcome.plan, outcome.now, outcome.wall, outcome.wait, []
    if outcome.left > 0:
        waits.append(plan.expires - wall)  # Ready must turn False then
    if wait.keeps_place:
        # It is woken when it is next; if that failed, it looks by itself.
        waits.append(MAX_USER_ACTION_WAIT if outcome.waits_long else TELL_AFTER)
    elif failing.failure is not None and outcome.failure is not None:
        retry = MAX_USER_ACTION_WAIT if failing.retry is None else failing.retry.seconds_from(now)
        waits.append(max(_SHORTEST, wait.grant_rate, retry))
        if outcome.observation.contested_until is not None:
            waits.append(_CONTESTED)
    elif wait.grant_rate > 0:
        waits.append(wait.grant_rate)
    elif not outcome.integration.suspend:
        poll = plan.poll_at - wall
        # Work that is due and was not done is not retried without a pause.
        waits.append(MAX_USER_ACTION_WAIT if outcome.stored is None else poll if poll > 0 else _SHORTEST)
    untold_until = outcome.remembered.untold_until
    if outcome.failure is not None and untold_until is not None:
        waits.append(max(_SHORTEST, untold_until.seconds_from(now)))
    if wait.wishes > 0:
        waits.append(wait.wishes)
    pending = outcome.remembered.pods_pending
    if pending:
        # After as long again as has passed: soon, but not often if it keeps failing.
        waits.append(max(_TOUCHING, wall - pending))
    return now.after(min(waits)) if waits else None


def cut_short(failing: FailureState, error: Exception, now: Instant, jitter: float) -> tuple[FailureState, Instant]:
    """The failure state after a pass that the API server cut short, and when to start another.

    :param jitter: uniform in [0, 1).
    """
    failing = replace(failing, api_failures=failing.api_failures + 1)
    wait = transient_wait(failing.api_failures, 0.0, jitter)
    if isinstance(error, Conflict):
        # Someone else was faster: retried at once at first, since the next step is clear.
        wait = min(wait, _SHORTEST * 2.0 ** min(failing.api_failures - 1, 16))
    return failing, now.after(wait)


def unfinished(outcome: Outcome) -> Remembered:
    """What an incomplete pass leaves for the next one: a token that was not written is requested again."""
    if outcome.written is None:
        outcome = outcome.unable_to_write()
    failing = replace(outcome.observation.before.failing, wanted=outcome.wanted, unwritten=outcome.unwritten)
    if outcome.written is not None and outcome.failure is None and not outcome.waits:
        # The failure is over, although that could not be reported yet.
        failing = FailureState(wanted=failing.wanted, unwritten=failing.unwritten, api_failures=failing.api_failures)
    return outcome.remembered._replace(
        plan=outcome.plan,
        failing=failing,
        last_reconciled=None,
        waiting_since=outcome.remembered.waiting_since if outcome.wait.keeps_place else None,
    )


def _failure_wait(outcome: Outcome, failure: Failure, failures: int, jitter: float) -> float:
    if failure.reason == Reason.WRITE_FAILED:
        return rewrite_wait(failures, outcome.left, jitter)
    if not isinstance(failure, Transient) and not has_trait(failure.reason, Trait.UNWATCHED):
        return user_action_wait(outcome.left)
    return transient_wait(failures, outcome.left, jitter)
