"""The instants at which a held token is polled: the same for each token and each knowledge of its rollover, so a
restart asks for nothing extra.

The endpoint answers the token that it has cached until it rolls over. While it is not known when that is, polls begin
with the window and halve the time left: a rollover early in the window is found early, one close to expiry is found in
time, and the number of polls grows only with the logarithm of the window. Once it is known, one poll is enough.
"""

import hashlib

from integration_token.api.integration import RenewBefore
from integration_token.renewal.rollover import TURNS, Rollover

MAX_DELAY_SHARE = 0.05
"""Share of the window by which its first poll may be delayed, so that tokens issued together are not polled
together."""

STATED_SHARE = 0.75
"""Share of the lead that an endpoint's spec states at which the first poll is made: people round such figures."""


def window(lifetime: float, renew_before: RenewBefore) -> float:
    """Seconds before expiry at which polls begin: what the user asks for, half of the lifetime at most.

    :param lifetime: seconds from first sight to expiry, never what is left of it: a share of that would shrink for
    ever.
    """
    asked = renew_before.seconds if renew_before.seconds is not None else lifetime * (renew_before.share or 0.0)
    return min(max(asked, renew_before.least), lifetime / 2)


def delayed(uid: str, left: float) -> float:
    """Seconds before expiry, less a share that the resource's UID decides."""
    share = int.from_bytes(hashlib.sha256(uid.encode()).digest()[:4]) / 2**32
    return left * (1 - MAX_DELAY_SHARE * share)


def first_left(uid: str, seconds: float, consumer_delay: float) -> float:
    """Seconds before expiry of a window's first poll. What consumers need of the window is not delayed.

    :param seconds: the window.
    """
    kept = min(consumer_delay, seconds)
    return kept + delayed(uid, seconds - kept)


def stated(uid: str, lead: float) -> Rollover:
    """Where learning starts where the endpoint's spec states its lead, in seconds."""
    return Rollover.remembered(delayed(uid, lead * STATED_SHARE), too_late=False)


def turn(issued: float) -> int:
    """Which of the turns the token takes that was issued at that wall time: the same for all who hold it."""
    return hashlib.sha256(f"{issued:.3f}".encode()).digest()[0] % TURNS


def next_poll(now: float, expires: float, first: float, rollover: Rollover, turn: int, safe: float) -> float:
    """The wall time of the first poll after `now` of a token that expires at `expires`.

    Polls before `now` that nothing is known of, since another process made them, count as answered the same token.
    Where nothing is known of the rollover there are, up to and including expiry, at most 2 + max(0, ceil(log2(window /
    MIN_STEP))) of them, and one more where consumers go on with an old token.

    :param first: seconds before expiry of the window's first poll.
    :param safe: seconds before expiry at which a renewal comes in time.
    """
    while (at := expires - (left := rollover.next_left(first, turn, safe))) <= now:
        rollover = rollover.old(left)
    return at
