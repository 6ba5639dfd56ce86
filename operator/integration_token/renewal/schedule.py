"""The times at which a token is polled. They depend only on the token and on what is known about its rollover, so a
restart causes no extra requests.

The endpoint returns the token in its cache until it rolls over. While that time is unknown, polls begin with the window
and halve the time left: a rollover early in the window is found early, one close to expiry is found in time, and the
number of polls grows only with the logarithm of the window. Once it is known, one poll is enough.
"""

import hashlib

from integration_token.api.integration import RenewBefore
from integration_token.renewal.rollover import TURNS, Rollover

MAX_DELAY_SHARE = 0.05
"""Share of the window by which its first poll may be delayed, so that tokens issued together are not polled
together."""

STATED_SHARE = 0.75
"""Share of the lead stated in an endpoint's spec at which the first poll is made: people round such figures."""


def window(lifetime: float, renew_before: RenewBefore) -> float:
    """Seconds before expiry at which polling begins: as the user specifies, but at most half of the lifetime.

    :param lifetime: the full lifetime in seconds, never the time left: a share of that would keep shrinking.
    """
    asked = renew_before.seconds if renew_before.seconds is not None else lifetime * (renew_before.share or 0.0)
    return min(max(asked, renew_before.least), lifetime / 2)


def delayed(uid: str, left: float) -> float:
    """Seconds before expiry, reduced by a share that the resource's UID determines."""
    share = int.from_bytes(hashlib.sha256(uid.encode()).digest()[:4]) / 2**32
    return left * (1 - MAX_DELAY_SHARE * share)


def first_left(uid: str, seconds: float, consumer_delay: float) -> float:
    """Seconds before expiry of a window's first poll. The part of the window that consumers need is not delayed.

    :param seconds: the window.
    """
    kept = min(consumer_delay, seconds)
    return kept + delayed(uid, seconds - kept)


def stated(uid: str, lead: float) -> Rollover:
    """Where learning starts if the endpoint's spec states its lead, in seconds."""
    return Rollover.remembered(delayed(uid, lead * STATED_SHARE), too_late=False)


def turn(issued: float) -> int:
    """The turn of the token that was issued at that wall time: the same for all its holders."""
    return hashlib.sha256(f"{issued:.3f}".encode()).digest()[0] % TURNS


def next_poll(now: float, expires: float, first: float, rollover: Rollover, turn: int, safe: float) -> float:
    """The wall time of the first poll after `now` of a token that expires at `expires`.

    Polls before `now` that nothing is known about, since another process made them, count as having returned the same
    token. If nothing is known about the rollover there are, up to and including expiry, at most 2 + max(0,
    ceil(log2(window / MIN_STEP))) polls, and one more if consumers keep using an old token.

    :param first: seconds before expiry of the window's first poll.
    :param safe: seconds before expiry at which a renewal is in time.
    """
    while (at := expires - (left := rollover.next_left(first, turn, safe))) <= now:
        rollover = rollover.old(left)
    return at
