"""What the endpoint's response is worth to a resource, and what it teaches about its grant."""

from dataclasses import replace

from integration_token.api.condition import Reason
from integration_token.api.endpoint import Endpoint
from integration_token.api.token import Assumption, StoredToken, Token
from integration_token.clock import Clock, Instant
from integration_token.controller.audit import AuditLog
from integration_token.controller.observation import plan_for, stated_rollover
from integration_token.controller.outcome import Outcome
from integration_token.controller.request import TokenRequester
from integration_token.errors import Transient
from integration_token.renewal.plan import TokenPlan
from integration_token.renewal.rollover import FIRST_LATE_STEP, Rollover, step
from integration_token.renewal.verdict import Verdict, corrected, judge
from integration_token.state.grant import GrantState, is_same_expiry
from integration_token.state.grants import Grants

_WHOLE = 2.0
"""Seconds by which two responses may differ that state the same expiry in whole seconds."""


_GROWTH = 8
"""Factor by which the observed age of a token grows from poll to poll, if the token may have expired."""


class Judge:
    """Judges responses. Across namespaces, only responses to this process may teach anything or be shared."""

    def __init__(self, requester: TokenRequester, grants: Grants, clock: Clock, audit: AuditLog) -> None:
        self._requester = requester
        self._audit = audit
        self._grants = grants
        self._clock = clock

    def judge(self, grant: GrantState, outcome: Outcome, endpoint: Endpoint, token: Token) -> Outcome:
        """The outcome with the value of the response.

        :raises Transient: if the returned token has already expired and is not the current one.
        """
        identity = outcome.identity
        assert identity is not None  # noqa: S101  # nothing is requested without
        now = self._clock.now()
        held = _held(outcome, now)
        token = _counted_down(held, token, now)
        verdict = judge(held, token, identity, now.wall)
        if verdict is Verdict.EXPIRED:
            failure = Transient(Reason.INVALID_RESPONSE, "the endpoint returned a token that has already expired")
            self._requester.count(endpoint, failure.reason)
            raise failure
        self._requester.count(endpoint, "issued" if verdict is Verdict.TAKE else "unchanged")
        grant.on_answer(now)
        if verdict is Verdict.TAKE:
            return self._take(grant, outcome, endpoint, StoredToken(token, identity), now)
        return self._keep(grant, outcome, endpoint, verdict, StoredToken(token, identity), now)

    def _take(
        self, grant: GrantState, outcome: Outcome, endpoint: Endpoint, answered: StoredToken, now: Instant
    ) -> Outcome:
        """A different token, better than the current one."""
        before, token, plan = outcome.stored, answered.token, outcome.plan
        self._audit.on_issue(outcome.integration, endpoint, answered)
        expiry = self._known_expiry(grant, outcome.stored, plan, endpoint, now)
        self._grants.on_token(grant, token)
        comparable = before is not None and before.identity == answered.identity and not before.token.assumed
        # Nothing is learned after an assumed expiry, another grant's token or a clock that was set.
        teaches = comparable and not plan.clock_was_set(now)
        known, sent = _known(grant, outcome, endpoint), token.issued + plan.clock_set_back_by(now)
        grant.learn(known.new(expiry - sent) if teaches and expiry is not None else known.apart())
        outcome = outcome.taking(answered, now, grant.rollover)
        # A token that follows one of unknown expiry is not a cache's old one.
        doubtful = before is None or not before.token.assumed
        return outcome._replace(plan=_soon(outcome.plan, token, now)) if doubtful else outcome

    def _keep(
        self,
        grant: GrantState,
        outcome: Outcome,
        endpoint: Endpoint,
        verdict: Verdict,
        answered: StoredToken,
        now: Instant,
    ) -> Outcome:
        """The current token, or a worse one: it can only correct what is known."""
        before, token, plan = outcome.stored, answered.token, outcome.plan
        if before is None:
            return outcome._replace(now=now, wanted=None)
        set_back_by = plan.clock_set_back_by(now)
        if verdict is Verdict.KEEP and not token.assumed and token.expires + set_back_by < plan.expires:
            plan = replace(plan, expires=token.expires + set_back_by)
        # The response has shown that the token is still valid.
        put_off = _is_same(verdict) and before.token.assumed and token.assumed
        if put_off:
            plan = plan.put_off(token.expires, now)
        self._share(grant, before, plan, endpoint, verdict, answered, now)
        known, expiry = _known(grant, outcome, endpoint), self._known_expiry(grant, before, plan, endpoint, now)
        if expiry is not None:
            # A request sent as long before the expiry next time will get the same result.
            known = known.old(expiry - token.issued - set_back_by)
        stored, unverified = before, False
        if before.token.assumed and _is_same(verdict):
            known = known.apart()  # the new expiry differs, and the old one was no basis for a measurement
        elif verdict is Verdict.CORRECT:
            unverified = before.identity.credentials_revision != answered.identity.credentials_revision
        if verdict is Verdict.CORRECT:
            stored = corrected(before, token, answered.identity)
        grant.learn(known)
        held = plan.expires
        plan = plan_for(outcome.integration, stored, plan, now, known)
        if put_off:
            plan = _soon(plan, token, now)
        elif expiry not in {held, plan.expires}:
            # What the grant learned is based on another expiry than the resource's.
            wall = plan.read_clock(now)
            plan = replace(plan, poll_at=wall + step(plan.expires - wall))
        return outcome._replace(now=now, taught=known, plan=plan, stored=stored, unverified=unverified, wanted=None)

    def _known_expiry(
        self, grant: GrantState, held: StoredToken | None, plan: TokenPlan, endpoint: Endpoint, now: Instant
    ) -> float | None:
        """When the current token expires, from sources that may teach; None if that is unknown.

        A Secret may teach if all resources that share the grant are in its namespace; otherwise this process must have
        received the response.
        """
        if not endpoint.ref.kind.is_cluster_scoped:
            return plan.expires
        if plan.clock_was_set(now):
            return plan.expires  # after a change of our clock, no source is better than another
        known = grant.newest
        if known is None or known.found_in or known.assumed or held is None:
            return None
        if not self._grants.is_newest(grant, held.token):
            return None
        expires = known.expires + plan.clock_set_back_by(now)
        return plan.expires if is_same_expiry(known, expires, plan.expires) else expires

    def _share(
        self,
        grant: GrantState,
        before: StoredToken,
        plan: TokenPlan,
        endpoint: Endpoint,
        verdict: Verdict,
        answered: StoredToken,
        now: Instant,
    ) -> None:
        """Shares the returned token with others, if it is the current one."""
        token = answered.token
        if not _is_same(verdict):
            return
        if not endpoint.ref.kind.is_cluster_scoped:
            if before.token.assumed and token.assumed:
                self._grants.on_token(grant, replace(before.token, expires=token.expires))
            elif verdict is Verdict.CORRECT:
                self._grants.on_token(grant, corrected(before, token, answered.identity).token)
            else:
                self._grants.on_token(grant, _as_answered(before.token, plan.expires - plan.clock_set_back_by(now)))
            return
        if plan.clock_was_set(now) or (token.assumed and not before.token.assumed):
            return  # times by two clocks cannot be compared; and an assumption does not override a stated expiry
        known = grant.newest
        if known is not None and not known.found_in and self._grants.is_newest(grant, token):
            expires = token.expires if token.assumed else min(known.expires, token.expires)
            token = replace(token, issued=known.issued, expires=expires)
        self._grants.on_token(grant, token)


def _held(outcome: Outcome, now: Instant) -> StoredToken | None:
    """The current token for comparison with a response, with the best known expiry by the present wall clock."""
    stored, plan = outcome.stored, outcome.plan
    if stored is None:
        return None
    expires = plan.expires - plan.clock_set_back_by(now)
    return stored if expires == stored.token.expires else replace(stored, token=replace(stored.token, expires=expires))


def _counted_down(held: StoredToken | None, token: Token, now: Instant) -> Token:
    """The response, with an `expires_in` of 0 taken as expired if that is known of the current token."""
    if token.assumption is not Assumption.ZERO or held is None or held.token.assumed:
        return token
    if held.token.access_token != token.access_token or held.token.expires > now.wall + _WHOLE:
        return token
    return replace(token, expires=token.issued, assumed=False, assumption=None)


def _is_same(verdict: Verdict) -> bool:
    """Whether the endpoint returned the current token."""
    return verdict in {Verdict.KEEP, Verdict.CORRECT}


def _soon(plan: TokenPlan, token: Token, now: Instant) -> TokenPlan:
    """Adds an early poll if the token may be an expired one from a cache.

    The time since its first sight grows by a factor from poll to poll, so an endpoint that always responds like this is
    asked some five times more.
    """
    if token.assumption is not Assumption.ZERO:
        return plan
    wall = plan.read_clock(now)
    return replace(plan, poll_at=min(plan.poll_at, wall + max(FIRST_LATE_STEP, (wall - plan.issued) * (_GROWTH - 1))))


def _known(grant: GrantState, outcome: Outcome, endpoint: Endpoint) -> Rollover:
    """The knowledge that the response adds to."""
    if not endpoint.ref.kind.is_cluster_scoped:
        return outcome.plan.rollover(grant.rollover)
    # Anyone with write access can change a status, so it does not count in another namespace.
    return grant.rollover or stated_rollover(outcome.integration, endpoint)


def _as_answered(stored: Token, expires: float) -> Token:
    """The token for others to take over: its times in the Secret do not come from the endpoint.

    :param expires: according to everything the endpoint has stated.
    """
    return stored if stored.expires - expires <= _WHOLE else replace(stored, expires=expires)
