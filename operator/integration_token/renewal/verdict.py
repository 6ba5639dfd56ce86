"""What a response is worth compared with the current token: a worse token never replaces a better one of the same
grant."""

from dataclasses import replace
from enum import StrEnum

from integration_token.api.token import Assumption, GrantIdentity, StoredToken, Token


class Verdict(StrEnum):
    """What to do with the returned token."""

    TAKE = "take"
    """Write it: there is no current token, it expires later, the grant changed, or the current token's expiry is
    unknown."""
    KEEP = "keep"
    """The endpoint's cache returned the current token: nothing to write, ask again as planned."""
    CORRECT = "correct"
    """The current token, but what is stored with it must change: its grant, or an assumed expiry that is now known."""
    WORSE = "worse"
    """Another token that expires no later than the current one: an old one from a replica's cache."""
    EXPIRED = "expired"
    """Expired on arrival."""


def judge(stored: StoredToken | None, answered: Token, identity: GrantIdentity, now: float) -> Verdict:
    """The verdict on a token that was returned for the grant `identity`; `now` is wall time in seconds."""
    if stored is not None and stored.token.access_token == answered.access_token:
        told_at_last = stored.token.assumed and not answered.assumed
        return Verdict.CORRECT if told_at_last or stored.identity != identity else Verdict.KEEP
    if answered.expires <= now:
        return Verdict.EXPIRED
    if stored is None or stored.identity != identity or stored.token.assumed:
        return Verdict.TAKE
    if answered.assumption is Assumption.ZERO and stored.token.expires > now:
        return Verdict.WORSE  # perhaps from a replica's cache, and expired
    return Verdict.TAKE if answered.expires > stored.token.expires else Verdict.WORSE


def corrected(stored: StoredToken, answered: Token, identity: GrantIdentity) -> StoredToken:
    """The same token with the corrections of a response.

    A known expiry never grows: the endpoint may replay an old `expires_in`. An assumed expiry never overrides a known
    one.
    """
    token = stored.token
    if answered.assumed:
        return StoredToken(token, identity)
    if token.assumed:
        # As if first seen now: the stated lifetime does not include the time since the first sight.
        token = replace(token, issued=answered.issued, expires=answered.expires, assumed=False)
    else:
        token = replace(token, expires=min(token.expires, answered.expires))
    return StoredToken(token, identity)
