"""Determines when a token expires from what the response says. Pure.

`expires_in` counts from when the response was made; Age tells how long ago that was if a cache is in between (RFC 9111,
4.2.3). `exp` is by the endpoint's clock, which Date tells. The earlier of the two counts. Without either, an expiry is
assumed: a time to ask again.
"""

import math
import re
from collections.abc import Mapping
from datetime import UTC
from email.utils import parsedate_to_datetime
from typing import Any, NamedTuple

from integration_token.api.token import Assumption

MAX_SKEW = 10 * 60.0
"""Seconds by which the endpoint's clock may differ from ours before its Date is no longer relied on."""

_MAX_LIFETIME = 10 * 365 * 86400.0
"""Seconds, ahead or ago. A longer lifetime is cut to this: it fits in a date, and is longer than anyone waits."""

_EPOCH_WITHIN = 366 * 86400.0
"""Seconds from now, in either direction, within which a number is read as UNIX time."""

NO_DURATION = 1e9
"""A number of seconds from here on is not a duration: it is 31 years, or a UNIX time in 2001 or later."""

_NUMERAL = re.compile(r"-?[0-9]{1,15}(?:\.[0-9]{1,9})?")
"""A number in a string, as some endpoints send it. `float` accepts much more, such as `1_000`."""

_AGE = re.compile(r"[0-9]{1,10}")

_OTHER_FIELDS = ("expires_on", "expires_at")
"""Fields in which some endpoints state the expiry instead."""


class Expiry(NamedTuple):
    """When a token expires, as wall time in seconds."""

    expires: float
    assumption: Assumption | None
    """Why the expiry is assumed; None if the response states it."""
    skew: float
    """Seconds by which the endpoint's clock, or that of a JWT, seems to be ahead of ours, if too far to rely on it;
    else 0."""


class _Told(NamedTuple):
    """What `expires_in` says: exactly one of the three."""

    lifetime: float | None = None
    """Seconds."""
    moment: float | None = None
    """UNIX time, in seconds, by the endpoint's clock."""
    nothing: Assumption | None = None


def read_expiry(
    fields: Mapping[str, Any],
    exp: float | None,
    headers: Mapping[str, str],
    *,
    sent: float,
    received: float,
    default_lifetime: float,
    maximum_lifetime: float | None,
) -> Expiry:
    """When the token in a successful response expires, which may be in the past.

    :param exp: from a JWT, by the endpoint's clock; None if the token has none.
    :param headers: with lower-case names.
    :param sent: wall time, in seconds, at which the request was sent: the safe side to count from.
    :param received: wall time, in seconds, at which the response was complete.
    :param default_lifetime: seconds to assume if the response states no expiry.
    :param maximum_lifetime: a stated lifetime longer than this many seconds is not believed.
    """
    told, age = _told(fields, received), age_of(headers)
    clock = server_clock(headers, received)
    skew = 0.0 if clock is None or abs(clock - received) <= MAX_SKEW else clock - received
    lifetimes = [] if told.lifetime is None else [told.lifetime - age]
    moments = [moment for moment in (told.moment, exp) if moment is not None]
    left = [*lifetimes, *(moment - (sent if clock is None else clock) for moment in moments)]
    elapsed = received - sent
    if clock is None and lifetimes and min(left) <= elapsed < lifetimes[0]:
        # Expired only by our own clock, which may be wrong.
        left, skew = lifetimes, min(left) - lifetimes[0]
    elif skew:
        # These times cannot all be right: take the earliest one that is still ahead. A lifetime needs no clock; without
        # one, our own clock may be the right one. If all are past, the token has expired: take the latest.
        left += [] if lifetimes else [moment - sent for moment in moments]
        left = [seconds for seconds in left if seconds > elapsed] or sorted(left)[-1:]
    longest = math.inf if maximum_lifetime is None else maximum_lifetime
    if not left:
        return Expiry(sent + min(default_lifetime, longest), told.nothing, skew)
    if min(left) > longest:
        return Expiry(sent + longest, Assumption.BEYOND_MAXIMUM, skew)
    return Expiry(sent + max(-_MAX_LIFETIME, min(*left, _MAX_LIFETIME)), None, skew)


def age_of(headers: Mapping[str, str]) -> float:
    """Seconds that the response spent in caches; 0 without an Age. Of several values the first one counts (RFC 9111,
    5.1)."""
    first = headers.get("age", "").split(",")[0].strip()
    return float(first) if _AGE.fullmatch(first) else 0.0


def server_clock(headers: Mapping[str, str], received: float) -> float | None:
    """What the endpoint's clock showed when the response arrived, as UNIX time; None without a Date.

    A cache either passes on the endpoint's Date, to which Age must be added, or sets its own: take whichever is nearer
    to our clock.
    """
    date = http_date(headers.get("date", ""))
    if date is None:
        return None
    return min(date, date + age_of(headers), key=lambda clock: abs(clock - received))


def http_date(text: str) -> float | None:
    """An HTTP date as UNIX time."""
    try:
        moment = parsedate_to_datetime(text)
        return (moment if moment.tzinfo else moment.replace(tzinfo=UTC)).timestamp()
    except (ValueError, TypeError, IndexError, OverflowError):
        return None


def _told(fields: Mapping[str, Any], now: float) -> _Told:
    value = fields.get("expires_in")
    if value is None or (isinstance(value, str) and not value.strip(" ")):
        other = any(fields.get(name) is not None for name in _OTHER_FIELDS)
        return _Told(nothing=Assumption.OTHER_FIELD if other else Assumption.UNTOLD)
    if isinstance(value, str) and _NUMERAL.fullmatch(value.strip(" ")):
        value = float(value)
    seconds = number(value)
    if seconds is None:
        return _Told(nothing=Assumption.UNREADABLE)
    if seconds in {0.0, -1.0}:
        return _Told(nothing=Assumption.ZERO)
    for moment in (seconds, seconds / 1000):
        if abs(moment - now) <= _EPOCH_WITHIN:
            return _Told(moment=moment)
    return _Told(nothing=Assumption.UNREADABLE) if seconds >= NO_DURATION else _Told(lifetime=seconds)


def number(value: object) -> float | None:
    """A JSON number that fits in a float; None for anything else."""
    if isinstance(value, bool) or not isinstance(value, int | float):
        return None
    try:
        found = float(value)
    except OverflowError:
        return None
    return found if math.isfinite(found) else None
