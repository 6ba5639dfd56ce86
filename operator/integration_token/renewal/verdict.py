"""What an answer is worth beside the token that is held: a worse one never replaces a better one of the same grant."""

from dataclasses import replace
from enum import StrEnum

from integration_token.api.token import Assumption, GrantIdentity, StoredToken, Token


class Verdict(StrEnum):
    """What to do with an answered token."""

    TAKE = "take"
    """Write it: there is none, it expires later, the grant changed, or nobody knows when the one held expires."""
    KEEP = "keep"
    """The endpoint's cache answered the token that is held: nothing to write, ask again as planned."""
    CORRECT = "correct"
    """The token that is held, but what is stored beside it must change: the grant it stands for, or an expiry that was
    assumed and is told now."""
    WORSE = "worse"
    """Another token that expires no later than the one held: an old one from a replica's cache."""
    EXPIRED = "expired"
    """Expired on arrival."""


def judge(stored: StoredToken | None, answered: Token, identity: GrantIdentity, now: float) -> Verdict:
    """The verdict on a token that was answered for the grant `identity`; `now` is wall time in seconds."""
    if stored is not None and stored.token.access_token == answered.access_token:
        told_at_last = stored.token.assumed and not answered.assumed
        return Verdict.CORRECT if told_at_last or stored.identity != identity else Verdict.KEEP
    if answered.expires <= now:
        return Verdict.EXPIRED
    if stored is None or stored.identity != identity or stored.token.assumed:
        return Verdict.TAKE
    if answered.assumption is Assumption.ZERO and stored.token.expires > now:
        return Verdict.WORSE  # perhaps a replica's cache, and what it holds has expired
    return Verdict.TAKE if answered.expires > stored.token.expires else Verdict.WORSE


def corrected(stored: StoredToken, answered: Token, identity: GrantIdentity) -> StoredToken:
    """The same token with what an answer corrects.

    A known expiry never grows: the endpoint may replay an old `expires_in`. What is only assumed is no word against a
    known one, and changes nothing of what is stored.
    """
    token = stored.token
    if answered.assumed:
        return StoredToken(token, identity)
    if token.assumed:
        # Seen anew: what lies between the first sight and now was no part of what is told.
        token = replace(token, issued=answered.issued, expires=answered.expires, assumed=False)
    else:
        token = replace(token, expires=min(token.expires, answered.expires))
    return StoredToken(token, identity)
