"""What a pass means for the next one: what failed, and when to look again unless something happens before. Pure."""

from dataclasses import replace

from integration_token.api.condition import Reason
from integration_token.clock import Instant
from integration_token.controller.observation import Look
from integration_token.errors import Conflict, Failure, Transient
from integration_token.renewal.backoff import MAX_CHANGE_WAIT, TELLING, change_wait, passing_wait, rewrite_wait
from integration_token.state.failure import NOTHING, FailureState

_UNSEEN = frozenset({Reason.CREDENTIALS_NOT_FOUND, Reason.SECRET_NOT_OWNED})
"""Reasons whose end no watch tells, since Secrets without our labels are not watched: looked at again soon."""

_FOLLOWING = 2.0
"""Seconds after another resource of the grant at which one looks what became of a request: by then it is answered."""

_TOUCHING = 2.0
"""Seconds until pods that could not be touched are tried again."""

_SHORTEST = 0.05
"""Seconds between two passes that failed, at least."""

_CONTESTED = 2.0
"""Seconds between two looks at a target that somebody keeps changing: the status is to follow within 5 s."""


def failing_after(look: Look, jitter: float) -> FailureState:
    """What stands in the way when the pass has ended.

    :param jitter: uniform in [0, 1).
    """
    before, failure = replace(look.failing, cut_short=0, wanted=look.wanted, unwritten=look.unwritten), look.failure
    if failure is None:
        # Who waits for its turn knows nothing new.
        waits = look.hold is not None or look.pace > 0
        if not waits and look.wanted is None and not look.unwritten:
            return NOTHING
        return before if waits else FailureState(wanted=look.wanted, unwritten=look.unwritten)
    grants = look.entry.grant.failing
    of_grant = failure is grants.failure
    if of_grant and grants.retry is not None:
        retry = before.retry
        if look.asked or retry is None:
            retry = grants.retry
        elif not before.of_grant or retry.boot < grants.retry.boot:
            # Another resource has asked since, and is to ask again.
            retry = grants.retry.after(_FOLLOWING)
        return replace(before, failure=failure, of_grant=True, retry=retry)
    if failure is before.failure:
        return replace(before, of_grant=False)
    failures = before.counted(failure)
    retry = look.retry or look.now.after(_failure_wait(look, failure, failures, jitter))
    return replace(before, failure=failure, of_grant=False, failures=failures, retry=retry)


def requeue_after(look: Look, failing: FailureState) -> Instant | None:
    """When to look again; None only where nothing is to be done before somebody changes something.

    :param failing: what stands in the way now.
    """
    entry, waits = look.entry, []
    if look.left > 0:
        waits.append(entry.expires - look.wall)  # Ready must turn False then
    if look.hold is not None:
        # Its turn wakes it; if that failed, it looks by itself.
        waits.append(MAX_CHANGE_WAIT if look.waited else TELLING)
    elif failing.failure is not None and look.failure is not None:
        retry = MAX_CHANGE_WAIT if failing.retry is None else failing.retry.seconds_from(look.now)
        waits.append(max(_SHORTEST, look.pace, retry))
        if look.contested:
            waits.append(_CONTESTED)
    elif look.pace > 0:
        waits.append(look.pace)
    elif not look.integration.suspend:
        poll = entry.poll_at - look.wall
        # What is due and was not done is not to be looked at without a breath in between.
        waits.append(MAX_CHANGE_WAIT if look.stored is None else poll if poll > 0 else _SHORTEST)
    if look.wish_wait > 0:
        waits.append(look.wish_wait)
    if entry.unfollowed:
        # After as long again as has passed: soon, but not often where it keeps failing.
        waits.append(max(_TOUCHING, look.wall - entry.unfollowed))
    return look.now.after(min(waits)) if waits else None


def cut_short(failing: FailureState, error: Exception, now: Instant, jitter: float) -> tuple[FailureState, Instant]:
    """What stands in the way after a pass that the API server cut short, and when to make another.

    :param jitter: uniform in [0, 1).
    """
    failing = replace(failing, cut_short=failing.cut_short + 1)
    wait = passing_wait(failing.cut_short, 0.0, jitter)
    if isinstance(error, Conflict):
        # Somebody else was faster: at once at first, since what to do now is clear.
        wait = min(wait, _SHORTEST * 2.0 ** min(failing.cut_short - 1, 16))
    return failing, now.after(wait)


def _failure_wait(look: Look, failure: Failure, failures: int, jitter: float) -> float:
    if failure.reason == Reason.WRITE_FAILED:
        return rewrite_wait(failures, look.left, jitter)
    if not isinstance(failure, Transient) and failure.reason not in _UNSEEN:
        return change_wait(look.left)
    return passing_wait(failures, look.left, jitter)
