"""When to look at a resource again, unless something happens before."""

from integration_token.api.condition import Reason
from integration_token.clock import Instant
from integration_token.errors import Failure, Passing
from integration_token.inquiry import TELLING
from integration_token.look import Look
from integration_token.renewal.backoff import change_wait, passing_wait

_UNSEEN = frozenset({Reason.CREDENTIALS_NOT_FOUND, Reason.SECRET_NOT_OWNED})
"""Reasons whose end no watch tells, since Secrets without our labels are not watched: looked at again soon."""

_FOLLOWING = 2.0
"""Seconds after another resource of the grant at which one looks what became of a request: by then it is answered."""

_TOUCHING = 2.0
"""Seconds until pods that could not be touched are tried again."""


def come_back(look: Look, jitter: float) -> Instant | None:
    """When to look again; notes what a failure means for later.

    :param jitter: uniform in [0, 1).
    """
    entry, failure = look.entry, look.failure
    waits = []
    entry.outages = 0
    if look.left > 0:
        waits.append(entry.expires - look.wall)  # Ready must turn False then
    if failure is not None:
        _note(look, failure, jitter)
        if entry.retry is not None and look.hold is None:
            waits.append(max(0.0, look.pace, entry.retry.seconds_from(look.now)))
    elif look.hold is None:
        if look.pace > 0:
            waits.append(look.pace)
        elif not look.integration.suspend and look.stored is not None:
            waits.append(max(0.0, entry.poll_at - look.wall))
        entry.failure, entry.retry, entry.failures, entry.refused = None, None, 0, False
    if look.hold is not None and not look.waited:
        waits.append(TELLING)
    if entry.unfollowed:
        # After as long again as has passed: soon, but not often where it keeps failing.
        waits.append(max(_TOUCHING, look.wall - entry.unfollowed))
    return look.now.after(min(waits)) if waits else None


def _note(look: Look, failure: Failure, jitter: float) -> None:
    entry, retry = look.entry, look.entry.grant.retry
    followed = entry.refused
    entry.refused = failure is entry.grant.failure
    if entry.refused:
        if look.asked or retry is None:
            entry.retry = retry
        elif not followed or entry.retry is None or entry.retry.boot < retry.boot:
            # Another resource has asked since, and is to ask again.
            entry.retry = retry.after(_FOLLOWING)
    elif failure is not entry.failure:
        entry.failures = entry.failures + 1 if failure.resembles(entry.failure) else 1
        entry.retry = look.now.after(_failure_wait(look, failure, jitter))
    entry.failure = failure


def _failure_wait(look: Look, failure: Failure, jitter: float) -> float:
    if not isinstance(failure, Passing) and failure.reason not in _UNSEEN:
        return change_wait(look.left)
    return passing_wait(look.entry.failures, look.left, jitter)
