"""Whether to ask the endpoint now: a chain of small checks over one observation; the first that answers decides."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from enum import StrEnum

from integration_token.api.token import GrantIdentity, StoredToken


@dataclass(frozen=True, slots=True)
class Observation:
    """What is known of one resource when it is decided; times are wall times in seconds."""

    now: float
    stored: StoredToken | None
    """What the target Secret holds, where that can be trusted."""
    identity: GrantIdentity
    """The grant as now specified."""
    poll_at: float
    """When the stored token is polled next; 0 without one."""
    renew_requested: bool
    """A person asked for a poll that has not been made yet."""
    failed: bool
    """The last request failed."""
    offered: bool
    """Another resource of the same grant holds a better token."""


class Cause(StrEnum):
    """Why the endpoint is asked."""

    NO_TOKEN = "no token"
    GRANT_CHANGED = "grant changed"
    RENEW_REQUESTED = "renewal requested"
    LAST_FAILED = "last request failed"
    POLL_DUE = "poll due"
    TOKEN_OFFERED = "better token offered"


Check = Callable[[Observation], Cause | None]


def no_token(observation: Observation) -> Cause | None:
    """The target Secret is missing, or what stands in it was not written by us."""
    return Cause.NO_TOKEN if observation.stored is None else None


def grant_changed(observation: Observation) -> Cause | None:
    """The stored token belongs to another endpoint, audience, scope or credentials than now specified."""
    stored = observation.stored
    return Cause.GRANT_CHANGED if stored is not None and stored.identity != observation.identity else None


def renew_requested(observation: Observation) -> Cause | None:
    """A person annotated the resource since the last answer to such a wish."""
    return Cause.RENEW_REQUESTED if observation.renew_requested else None


def last_failed(observation: Observation) -> Cause | None:
    """What was asked for last is still wanted."""
    return Cause.LAST_FAILED if observation.failed else None


def poll_due(observation: Observation) -> Cause | None:
    """The plan for the stored token has come to its next poll."""
    return Cause.POLL_DUE if observation.now >= observation.poll_at else None


def token_offered(observation: Observation) -> Cause | None:
    """Somebody else's request has brought a token of the grant that expires later."""
    return Cause.TOKEN_OFFERED if observation.offered else None


CHECKS: Sequence[Check] = (no_token, grant_changed, renew_requested, last_failed, poll_due, token_offered)


def why_ask(observation: Observation) -> Cause | None:
    """The first check's cause to ask the endpoint now, or None."""
    for check in CHECKS:
        cause = check(observation)
        if cause is not None:
            return cause
    return None
