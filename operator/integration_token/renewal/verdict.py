"""What an answer is worth beside the token that is held: a worse one never replaces a better one of the same grant."""

from dataclasses import replace
from enum import StrEnum

from integration_token.api.token import GrantIdentity, StoredToken, Token


class Verdict(StrEnum):
    """What to do with an answered token."""

    TAKE = "take"
    """Write it: there is none, it expires later, or the grant changed."""
    KEEP = "keep"
    """The endpoint's cache answered the token that is held: nothing to write, ask again as planned."""
    CORRECT = "correct"
    """The token that is held, but what is stored beside it must change: the grant it stands for, or an assumed
    expiry."""
    WORSE = "worse"
    """Another token that expires no later than the one held: an old one from a replica's cache."""
    EXPIRED = "expired"
    """Expired on arrival."""


def judge(stored: StoredToken | None, answered: Token, identity: GrantIdentity, now: float) -> Verdict:
    """The verdict on a token that was answered for the grant `identity`; `now` is wall time in seconds."""
    if stored is not None and stored.token.access_token == answered.access_token:
        if stored.identity != identity or (stored.token.assumed and answered.expires != stored.token.expires):
            return Verdict.CORRECT
        return Verdict.KEEP
    if answered.expires <= now:
        return Verdict.EXPIRED
    if stored is None or stored.identity != identity:
        return Verdict.TAKE
    return Verdict.TAKE if answered.expires > stored.token.expires else Verdict.WORSE


def corrected(stored: StoredToken, answered: Token, identity: GrantIdentity) -> StoredToken:
    """The same token with what an answer corrects.

    A known expiry never grows: the endpoint may replay an old `expires_in`. An assumed one does, since the answer shows
    that the token still lives.
    """
    token = stored.token
    if token.assumed:
        # Seen anew: counted from the first sight, its lifetime and so its window would grow with every answer.
        token = replace(token, issued=answered.issued, expires=answered.expires, assumed=answered.assumed)
    elif not answered.assumed:
        token = replace(token, expires=min(token.expires, answered.expires))
    return StoredToken(token, identity)
