"""What an answer of the endpoint's is worth to a resource, and what it teaches of its grant."""

from dataclasses import replace

from integration_token.api.condition import Reason
from integration_token.api.endpoint import Endpoint, EndpointKind
from integration_token.api.token import StoredToken, Token
from integration_token.clock import Clock
from integration_token.controller.observation import Look
from integration_token.controller.reporter import Reporter
from integration_token.controller.request import TokenRequester
from integration_token.errors import Transient
from integration_token.renewal.rollover import Rollover, step
from integration_token.renewal.verdict import Verdict, corrected, judge
from integration_token.state.grant import Grants, close

_WHOLE = 2.0
"""Seconds by which two answers may differ that tell the same expiry in whole seconds."""


class Judge:
    """Judges answers. Across namespaces it lets only that teach, and be shared, which this process was answered."""

    def __init__(self, requester: TokenRequester, grants: Grants, reporter: Reporter, clock: Clock) -> None:
        self._requester = requester
        self._grants = grants
        self._reporter = reporter
        self._clock = clock

    def judge(self, look: Look, endpoint: Endpoint, token: Token) -> None:
        """Makes of the answer what it is worth.

        :raises Transient: where the token has expired already and isn't the one that is held.
        """
        entry, identity = look.entry, look.identity
        assert identity is not None  # noqa: S101  # refresh has seen to it
        look.read_clock(self._clock.now())
        verdict = judge(look.held, token, identity, look.now.wall)
        if verdict is Verdict.EXPIRED:
            failure = Transient(Reason.INVALID_RESPONSE, "the endpoint answered with a token that has expired already")
            self._requester.count(endpoint, failure.reason)
            raise failure
        self._requester.count(endpoint, "issued" if verdict is Verdict.TAKE else "unchanged")
        grant, before = entry.grant, look.stored
        grant.seen_at = look.now
        # What is sent as long before expiry next time will be answered alike.
        sent = token.issued + look.clock_set_back_by
        if verdict is Verdict.TAKE:
            expiry = self._known_expiry(look, endpoint)
            self._grants.on_token(grant, token)
            comparable = before is not None and before.identity == identity and not before.token.assumed
            # What follows an assumed expiry, another grant's token or a clock that was set teaches nothing.
            teaches = comparable and not look.clock_was_set and expiry is not None
            known = self._known(look, endpoint)
            grant.rollover = known.new(expiry - sent) if teaches and expiry is not None else known.apart()
            look.take(StoredToken(token, identity))
            return
        if before is None:
            return
        if verdict is Verdict.KEEP and not token.assumed:
            entry.expires = min(entry.expires, token.expires + look.clock_set_back_by)
        self._share(look, endpoint, verdict, token)
        known, expiry = self._known(look, endpoint), self._known_expiry(look, endpoint)
        if expiry is not None:
            known = known.old(expiry - sent)
        if verdict is Verdict.CORRECT:
            if before.token.assumed:
                known = known.apart()  # the expiry is another, and was none to measure by
            elif before.identity.credentials != identity.credentials:
                self._reporter.tell_unverified(look)
            look.stored = corrected(before, token, identity)
        grant.rollover = known
        held = entry.expires
        look.plan()
        if expiry not in {held, entry.expires}:
            # What the grant was taught is by another expiry than the one that the resource goes by.
            entry.poll_at = look.wall + step(entry.expires - look.wall)

    @staticmethod
    def _known(look: Look, endpoint: Endpoint) -> Rollover:
        """What the answer adds to."""
        if endpoint.ref.kind is EndpointKind.NAMESPACED:
            return look.rollover
        # A status is the word of whoever may write it, and of no weight in another namespace.
        return look.entry.grant.rollover or look.stated_rollover

    def _known_expiry(self, look: Look, endpoint: Endpoint) -> float | None:
        """When the held token expires, by what may be learned from; None where that is not known.

        What stands in a Secret may be learned from where all that share the grant are in its namespace; else it must
        have been answered to this process.
        """
        entry, grant, held = look.entry, look.entry.grant, look.stored
        if endpoint.ref.kind is EndpointKind.NAMESPACED:
            return entry.expires
        known = grant.answered
        if look.clock_was_set:
            return entry.expires  # nobody's word is of more weight after somebody has set our clock
        if known is None or known.found_in or held is None or not self._grants.is_newest(grant, held.token):
            return None
        expires = known.expires + look.clock_set_back_by
        return entry.expires if close(known, expires, entry.expires) else expires

    def _share(self, look: Look, endpoint: Endpoint, verdict: Verdict, token: Token) -> None:
        """Lets others have what was answered, where it is the token that is held."""
        entry, before, identity = look.entry, look.stored, look.identity
        if verdict not in {Verdict.KEEP, Verdict.CORRECT} or before is None or identity is None:
            return
        grant = entry.grant
        if endpoint.ref.kind is EndpointKind.NAMESPACED:
            if verdict is Verdict.CORRECT:
                self._grants.on_token(grant, corrected(before, token, identity).token)
            else:
                self._grants.on_token(grant, _as_answered(before.token, entry.expires - look.clock_set_back_by))
            return
        if look.clock_was_set:
            return  # times by two clocks can't be compared
        known = grant.answered
        if known is not None and not known.found_in and not token.assumed and self._grants.is_newest(grant, token):
            token = replace(token, issued=known.issued, expires=min(known.expires, token.expires))
        self._grants.on_token(grant, token)


def _as_answered(stored: Token, expires: float) -> Token:
    """The token as others may take it over: what stands beside it in a Secret is no word of the endpoint's.

    :param expires: by all that the endpoint has told.
    """
    return stored if stored.expires - expires <= _WHOLE else replace(stored, expires=expires)
