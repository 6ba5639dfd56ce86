"""The instants at which a held token is polled: a fixed list for each token, so a restart asks for nothing extra.

The endpoint answers the token that it has cached until it rolls over, and nobody knows when that is. So polls begin
with the window and halve the time left: a rollover early in the window is found early, one close to expiry is found in
time, and the number of polls grows only with the logarithm of the window.
"""

import hashlib
from itertools import chain, repeat

from integration_token.api.integration import RenewBefore

MIN_STEP = 5.0
"""Seconds between two polls of an unexpired token at least: halving alone would never arrive."""

MAX_DELAY_SHARE = 0.05
"""Share of the window by which its first poll may be delayed, so that tokens issued together are not polled
together."""

AFTER_EXPIRY = (0.5, 0.5, 1.0, 2.0, 4.0, 8.0, 16.0)
"""Seconds between polls once the token has expired and its consumers are failing; then every `LATE_STEP`."""

LATE_STEP = 30.0


def window(lifetime: float, renew_before: RenewBefore) -> float:
    """Seconds before expiry at which polls begin: what the user asks for, half of the lifetime at most.

    :param lifetime: seconds from first sight to expiry, never what is left of it: a share of that would shrink for
    ever.
    """
    asked = renew_before.seconds if renew_before.seconds is not None else lifetime * (renew_before.share or 0.0)
    return min(asked, lifetime / 2)


def first_poll(uid: str, expires: float, window_seconds: float) -> float:
    """The wall time of the window's first poll: the opening, delayed by a share that the resource's UID decides."""
    share = int.from_bytes(hashlib.sha256(uid.encode()).digest()[:4]) / 2**32
    return expires - window_seconds * (1 - MAX_DELAY_SHARE * share)


def next_poll(now: float, expires: float, first: float) -> float:
    """The wall time of the first poll after `now` of a token that expires at `expires`.

    Up to and including expiry there are at most 2 + max(0, ceil(log2(window / MIN_STEP))) of them.
    """
    if now < first:
        return first
    left = expires - first
    while left > 0:
        left -= min(max(MIN_STEP, left / 2), left)
        if expires - left > now:
            return expires - left
    at = expires
    steps = chain(AFTER_EXPIRY, repeat(LATE_STEP))
    whole_steps = now - expires - sum(AFTER_EXPIRY)
    if whole_steps > 0:
        return expires + sum(AFTER_EXPIRY) + (whole_steps // LATE_STEP + 1) * LATE_STEP
    while at <= now:
        at += next(steps)
    return at
