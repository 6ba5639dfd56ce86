"""Decides what a pass does: a chain of small checks over one observation, in which the first with an answer decides.

Pure. It runs again whenever more is known: once the credentials have been read, once another resource turned out to
have no better token, once a dry run has shown that a new token could be written.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from enum import StrEnum

from integration_token.controller.observation import Observation
from integration_token.errors import Failure


class Cause(StrEnum):
    """Why a token is requested."""

    NO_TOKEN = "no token"
    """The target Secret is missing, or we did not write its content."""
    GRANT_CHANGED = "grant changed"
    """The stored token belongs to another endpoint, audience, scope or credentials than currently specified."""
    RENEW_REQUESTED = "renewal requested"
    """A person annotated the resource since the last such request was followed."""
    LAST_FAILED = "last request failed"
    """The last requested token is still wanted."""
    POLL_DUE = "poll due"
    """The plan for the stored token has reached its next poll."""
    TOKEN_OFFERED = "better token offered"
    """Another resource's request has returned a token of the grant that expires later."""


class Limit(StrEnum):
    """What keeps a request from being sent although nothing is wrong."""

    WISHES = "too many requested renewals"
    GRANT = "too many requests of the grant"
    REQUEST = "another request of the grant is in flight"


@dataclass(frozen=True, slots=True)
class Keep:
    """Leave the token as it is."""

    reason: str
    recovered: bool = False
    """Another resource's request has shown that the failure is over."""


@dataclass(frozen=True, slots=True)
class Join:
    """Keep the token, and find out which resources share its grant, so that they follow each other's renewals."""


@dataclass(frozen=True, slots=True)
class Read:
    """Read the credentials, and decide with their current version."""

    cause: Cause


@dataclass(frozen=True, slots=True)
class Adopt:
    """Keep the token as one of the current grant: the change does not affect the request."""


@dataclass(frozen=True, slots=True)
class Copy:
    """Take another resource's token."""


@dataclass(frozen=True, slots=True)
class Rehearse:
    """Find out by a dry run whether a token could be written, since the last one could not, and decide with the
    result."""


@dataclass(frozen=True, slots=True)
class Wait:
    """Ask later."""

    reason: Limit


@dataclass(frozen=True, slots=True)
class Ask:
    """Ask the endpoint as soon as the request is next."""

    cause: Cause
    wish: bool
    """Whether only a person's annotation asks for it now."""


@dataclass(frozen=True, slots=True)
class Fail:
    """Do nothing, since that would fail."""

    reason: Failure


Decision = Keep | Join | Read | Adopt | Copy | Rehearse | Wait | Ask | Fail


def decide(observation: Observation) -> Decision:
    """What to do now."""
    cause = why_ask(observation)
    for check in CHECKS:
        decision = check(observation, cause)
        if decision is not None:
            return decision
    if cause is None:
        return Keep("the token is good until its next poll")
    return Ask(cause, is_wish(observation, cause))


def why_ask(observation: Observation) -> Cause | None:
    """Why a token is wanted; None if it is not."""
    stored = observation.stored
    if stored is None:
        return Cause.NO_TOKEN
    if observation.identity is not None and stored.identity != observation.identity:
        return Cause.GRANT_CHANGED
    if observation.renew_requested:
        return Cause.RENEW_REQUESTED
    if observation.wanted is not None:
        return Cause.LAST_FAILED
    if observation.wall >= observation.plan.poll_at:
        return Cause.POLL_DUE
    return Cause.TOKEN_OFFERED if observation.offered else None


def is_wish(observation: Observation, cause: Cause) -> bool:
    """Whether only a person's annotation asks for the request now."""
    wanted, revisions = observation.wanted, observation.revisions
    if not observation.renew_requested:
        return False
    if cause is Cause.RENEW_REQUESTED:
        return True
    return wanted is not None and revisions is not None and (
        wanted != revisions and wanted._replace(renew_request=revisions.renew_request) == revisions
    )  # fmt: skip


def something_is_wrong(observation: Observation, _: Cause | None) -> Decision | None:
    """Something specified is missing, or must not be used."""
    return Fail(observation.failure) if observation.failure is not None else None


def suspended(observation: Observation, _: Cause | None) -> Decision | None:
    """A suspended resource is left alone."""
    return Keep("suspended") if observation.integration.suspend else None


def sharing_unknown(observation: Observation, cause: Cause | None) -> Decision | None:
    """After a restart it is unknown which resources share a valid token."""
    unknown = cause is None and not observation.is_member and observation.left > 0
    return Join() if unknown else None


def tried_already(observation: Observation, cause: Cause | None) -> Decision | None:
    """A failure is not retried before its time, unless something was changed or another resource has a token."""
    failing = observation.before.failing
    if cause is None or observation.grant is not None or observation.offered:
        return None
    if failing.failure is None or failing.wanted != observation.revisions or failing.can_be_retried(observation.now):
        return None
    return Fail(failing.failure)


def offered_of_the_same_grant(observation: Observation, cause: Cause | None) -> Decision | None:
    """A better token is taken without reading the credentials, if they still have the version that determined the
    grant."""
    last, now = observation.last_revisions, observation.revisions
    same = observation.is_member and last is not None and last == now
    if cause is None or observation.grant is not None or not same:
        return None
    return Copy() if observation.offered and not observation.renew_requested else None


def credentials_unread(observation: Observation, cause: Cause | None) -> Decision | None:
    """The current credentials determine the grant: they may be newer than the watch knows."""
    return Read(cause) if cause is not None and observation.grant is None else None


def recovered(observation: Observation, cause: Cause | None) -> Decision | None:
    """Another resource's request has shown that the failure is over, and that there is no new token."""
    grant = observation.grant
    if cause is not Cause.LAST_FAILED or grant is None or not observation.before.failing.of_grant:
        return None
    still_good = observation.left > 0 and observation.plan.poll_at > observation.wall
    if grant.failing.failure is None and still_good:
        return Keep("another resource's request was answered", recovered=True)
    return None


def nothing_of_the_request_changed(observation: Observation, cause: Cause | None) -> Decision | None:
    """A change such as another label of the credentials Secret does not affect the grant, and so the token."""
    if cause is not Cause.GRANT_CHANGED or _must_ask(observation):
        return None
    held = observation.grant is not None and observation.grant.held and observation.plan.expires > observation.wall
    return Adopt() if held else None


def offered(observation: Observation, cause: Cause | None) -> Decision | None:
    """Another resource's token costs no request."""
    if cause is None or not observation.offered or _must_ask(observation):
        return None
    return Copy()


def could_not_be_written(observation: Observation, cause: Cause | None) -> Decision | None:
    """A token that cannot be written is not worth a request."""
    untried = observation.before.failing.unwritten > 0 and observation.target is not None
    return Rehearse() if cause is not None and untried and not observation.rehearsed else None


def refused_just_now(observation: Observation, cause: Cause | None) -> Decision | None:
    """Another resource's identical request has just been refused, or failed."""
    grant = observation.grant
    if cause is None or grant is None or grant.failing.failure is None:
        return None
    wish = is_wish(observation, cause)
    # A change is acted on at once, unless another resource has asked since.
    changed = (
        not wish
        and observation.wanted not in {None, observation.revisions}
        and observation.before.failing.failure is grant.failing.failure
    )
    at_once = not grant.paused and (changed or (wish and grant.wish_wait == 0))
    if at_once or grant.failing.can_be_retried(observation.now):
        return None
    return Fail(grant.failing.failure)


def wished_too_often(observation: Observation, cause: Cause | None) -> Decision | None:
    """Anyone who can annotate must not use up all requests of the grant."""
    grant = observation.grant
    limited = grant is not None and grant.wish_wait > 0 and observation.plan.poll_at > observation.wall
    return Wait(Limit.WISHES) if cause is Cause.RENEW_REQUESTED and limited else None


def asked_too_often(observation: Observation, cause: Cause | None) -> Decision | None:
    """No grant makes more than its limit of requests a minute."""
    limited = observation.grant is not None and observation.grant.rate_wait > 0
    return Wait(Limit.GRANT) if cause is not None and limited else None


def asked_by_another(observation: Observation, cause: Cause | None) -> Decision | None:
    """One request serves all resources of the grant."""
    in_flight = observation.grant is not None and observation.grant.asking
    return Wait(Limit.REQUEST) if cause is not None and in_flight else None


def _must_ask(observation: Observation) -> bool:
    """Whether only a response will do: a person asked for one, and the current token is valid."""
    return observation.renew_requested and observation.plan.expires > observation.wall


Check = Callable[[Observation, Cause | None], Decision | None]

CHECKS: Sequence[Check] = (
    something_is_wrong,
    suspended,
    sharing_unknown,
    tried_already,
    offered_of_the_same_grant,
    credentials_unread,
    recovered,
    nothing_of_the_request_changed,
    offered,
    could_not_be_written,
    refused_just_now,
    wished_too_often,
    asked_too_often,
    asked_by_another,
)
"""In this order: checks that need no credentials, checks that need no request, checks that hold a request back."""
