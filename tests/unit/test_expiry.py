"""When a token expires, despite caches on the way, clocks that differ, and servers that disagree about fields."""

import math
from email.utils import formatdate
from typing import Any

import pytest
from integration_token.api.token import Assumption
from integration_token.oauth.expiry import Expiry, read_expiry

SENT = 1_800_000_000.0
"""The response arrives two seconds later."""
RECEIVED = SENT + 2
HOUR = 3600.0
DAY = 24 * HOUR
DEFAULT = 1800.0


def read(
    expires_in: object = ...,
    *,
    exp: float | None = None,
    date: float | None = SENT,
    age: str | None = None,
    maximum: float | None = None,
    **fields: Any,
) -> Expiry:
    """The expiry read from a response; `exp` and `date` are UNIX times."""
    if expires_in is not ...:
        fields["expires_in"] = expires_in
    headers = {} if date is None else {"date": formatdate(date, usegmt=True)}
    if age is not None:
        headers["age"] = age
    return read_expiry(
        fields,
        exp,
        headers,
        sent=SENT,
        received=RECEIVED,
        default_lifetime=DEFAULT,
        maximum_lifetime=maximum,
    )


OLD = 22 * HOUR
"""The age of the cached response below: a one-day token has two hours left."""


@pytest.mark.parametrize(
    ("date", "age", "exp", "left"),
    [
        pytest.param(SENT - OLD, "79200", SENT + 2 * HOUR, 2 * HOUR, id="it keeps Date and sends Age"),
        pytest.param(SENT - OLD, "79200", None, 2 * HOUR, id="the same, an opaque token"),
        pytest.param(SENT, "79200", SENT + 2 * HOUR, 2 * HOUR, id="it renews Date and sends Age"),
        pytest.param(SENT, "79200", None, 2 * HOUR, id="the same, an opaque token"),
        pytest.param(SENT, None, SENT + 2 * HOUR, 2 * HOUR, id="it renews Date and sends no Age: exp tells"),
        pytest.param(None, None, SENT + 2 * HOUR, 2 * HOUR, id="neither, as Keycloak sends no Date: exp by our clock"),
        pytest.param(None, "79200", None, 2 * HOUR, id="Age alone"),
        pytest.param(SENT - OLD, "79200, 79100", SENT + 2 * HOUR, 2 * HOUR, id="Age twice: the first counts"),
        pytest.param(SENT, "-79200", None, DAY, id="a negative Age is ignored"),
        pytest.param(SENT, "soon", None, DAY, id="an Age that isn't a number is ignored"),
        pytest.param(SENT, "\uff17\uff19", None, DAY, id="so are full-width digits"),
        pytest.param(SENT, "", None, DAY, id="an empty Age is ignored"),
        pytest.param(SENT, "9999999999", None, -10 * 365 * DAY, id="an Age of centuries has used up any lifetime"),
    ],
)
def test_a_cache_that_replays_an_answer_puts_no_expiry_off(
    date: float | None, age: str | None, exp: float | None, left: float
) -> None:
    """`expires_in` of 86400 counts from when the response was made; a JWT's `exp` follows its issuer's clock."""
    expiry = read(86400, date=date, age=age, exp=exp)
    assert (expiry.expires - SENT, expiry.assumption) == (left, None)


@pytest.mark.parametrize(
    ("date", "exp", "left", "skew"),
    [
        pytest.param(SENT + 599, SENT + 599 + HOUR, HOUR, False, id="a clock 10 min ahead is corrected by Date"),
        pytest.param(SENT - 595, SENT - 595 + HOUR, HOUR, False, id="so is a clock 10 min behind"),
        pytest.param(SENT + 2 * HOUR, SENT + 3 * HOUR, HOUR, True, id="with a clock 2 h ahead the earliest counts"),
        pytest.param(SENT - 2 * HOUR, SENT - HOUR, HOUR, True, id="and with one 2 h behind"),
        pytest.param(SENT - 2 * HOUR, SENT + 60 * HOUR, 2 * HOUR, True, id="whichever that is"),
        pytest.param(SENT - 2 * HOUR, SENT - 3 * HOUR, 2 * HOUR, True, id="a time in the past doesn't count then"),
        pytest.param(None, SENT - HOUR, 2 * HOUR, True, id="without Date exp alone doesn't make it expired"),
        pytest.param(None, SENT + HOUR, HOUR, False, id="but the earlier counts"),
        pytest.param(SENT, SENT - HOUR, -HOUR, False, id="with a Date near our clock it does"),
        pytest.param(SENT + 2 * HOUR, None, 2 * HOUR, True, id="an opaque token's expires_in needs no clock"),
    ],
)
def test_clocks_that_differ_are_distinguished(date: float | None, exp: float | None, left: float, skew: bool) -> None:
    """If the endpoint's Date is far from our clock, the earlier expiry still ahead counts, and the user is warned."""
    expiry = read(7200, date=date, exp=exp)
    assert expiry.expires - SENT == left
    assert bool(expiry.skew) is skew


def test_a_cache_that_hides_the_age_of_what_it_replays_is_reported() -> None:
    """It keeps Date but sends no Age, which looks the same as a clock that is a day behind."""
    assert read(86400, date=SENT - OLD, exp=SENT + 2 * HOUR) == (SENT + DAY, None, -OLD - 2)


@pytest.mark.parametrize("ahead", [HOUR, 8 * HOUR])
def test_a_clock_that_is_hours_off_makes_no_token_expire_hours_ago(ahead: float) -> None:
    """Our clock is ahead, and a JWT with `expires_in` 0 has just expired: a new token may come at any moment."""
    for expires_in in (0, -1, ...):
        expiry = read(expires_in, date=SENT - ahead, exp=SENT - ahead - 1)
        assert (expiry.expires - SENT, expiry.assumption) == (-1, None)


def test_the_skew_shows_how_far_the_other_clock_is_ahead() -> None:
    """In seconds, negative if it is behind."""
    assert read(7200, date=SENT + 2 * HOUR, exp=SENT + 3 * HOUR).skew == pytest.approx(2 * HOUR, abs=3)
    assert read(7200, date=None, exp=SENT - HOUR).skew == pytest.approx(-3 * HOUR, abs=3)


@pytest.mark.parametrize(
    ("value", "left"),
    [
        pytest.param(SENT + HOUR, HOUR, id="UNIX time"),
        pytest.param(f"{SENT + HOUR:.0f}", HOUR, id="UNIX time in a string"),
        pytest.param((SENT + HOUR) * 1000, HOUR, id="UNIX time in milliseconds"),
        pytest.param(SENT - 60, -60, id="UNIX time that has passed"),
        pytest.param(SENT + 365 * DAY, 365 * DAY, id="UNIX time in a year"),
        pytest.param("3600", HOUR, id="a string"),
        pytest.param("3600.5", HOUR + 0.5, id="a string with decimals"),
        pytest.param(-60, -60, id="seconds ago"),
        pytest.param(0.5, 0.5, id="half a second"),
    ],
)
def test_numbers_are_read_as_servers_mean_them(value: object, left: float) -> None:
    """A UNIX time sent with an opaque token once made it valid until 2036."""
    expiry = read(value)
    assert (expiry.expires - SENT, expiry.assumption) == (left, None)


def test_a_unix_time_is_by_the_clock_of_its_server() -> None:
    """Like `exp`: the Date header gives that clock, even if a cache has held the response for a while."""
    assert read(SENT + 300 + HOUR, date=SENT + 300).expires == SENT + HOUR
    assert read(SENT + HOUR, date=SENT - OLD, age="79200").expires == SENT + HOUR
    assert read(SENT + HOUR, date=None).expires == SENT + HOUR


@pytest.mark.parametrize(
    ("value", "assumption"),
    [
        pytest.param(..., Assumption.UNTOLD, id="it is missing, as the RFC allows"),
        pytest.param(None, Assumption.UNTOLD, id="it is null"),
        pytest.param("", Assumption.UNTOLD, id="it is empty"),
        pytest.param(0, Assumption.ZERO, id="it is 0, for never"),
        pytest.param("0", Assumption.ZERO, id="it is 0 in a string"),
        pytest.param(-1, Assumption.ZERO, id="it is -1, for never"),
        pytest.param(10**9, Assumption.UNREADABLE, id="it is a UNIX time of 2001"),
        pytest.param(SENT + 367 * DAY, Assumption.UNREADABLE, id="it is a UNIX time in more than a year"),
        pytest.param(2**62, Assumption.UNREADABLE, id="it is beyond all dates"),
        pytest.param(1e308, Assumption.UNREADABLE, id="it is as large as a number can be"),
        pytest.param(10**400, Assumption.UNREADABLE, id="it is larger"),
        pytest.param("soon", Assumption.UNREADABLE, id="it is a word"),
        pytest.param("1_000", Assumption.UNREADABLE, id="it is a number in a programming language's notation"),
        pytest.param("\uff13\uff16\uff10\uff10", Assumption.UNREADABLE, id="it is in full-width digits"),
        pytest.param("1e3", Assumption.UNREADABLE, id="it has an exponent in a string"),
        pytest.param("+60", Assumption.UNREADABLE, id="it has a plus"),
        pytest.param(math.nan, Assumption.UNREADABLE, id="it is NaN"),
        pytest.param(-math.inf, Assumption.UNREADABLE, id="it is infinite"),
        pytest.param(True, Assumption.UNREADABLE, id="it is true"),
        pytest.param([3600], Assumption.UNREADABLE, id="it is a list"),
    ],
)
def test_an_unusable_expiry_is_assumed(value: object, assumption: Assumption) -> None:
    """The token gets the endpoint's default lifetime and the reason is kept; a JWT's `exp` still counts."""
    assert read(value)[:2] == (SENT + DEFAULT, assumption)
    assert read(value, exp=SENT + HOUR)[:2] == (SENT + HOUR, None)


@pytest.mark.parametrize("name", ["expires_on", "expires_at"])
def test_another_field_is_not_read_but_reported(name: str) -> None:
    """Its meaning differs between servers."""
    fields: dict[str, Any] = {name: SENT + HOUR}
    assert read(**fields)[:2] == (SENT + DEFAULT, Assumption.OTHER_FIELD)


@pytest.mark.parametrize(
    ("expires_in", "exp", "maximum", "expected"),
    [
        pytest.param(86401, None, DAY, (DAY, Assumption.BEYOND_MAXIMUM), id="expires_in is beyond it"),
        pytest.param(86400, None, DAY, (DAY, None), id="expires_in is not beyond it"),
        pytest.param(10**8, SENT + 10**8, DAY, (DAY, Assumption.BEYOND_MAXIMUM), id="so is exp"),
        pytest.param(10**8, SENT + HOUR, DAY, (HOUR, None), id="exp is not"),
        pytest.param(..., None, 60.0, (60.0, Assumption.UNTOLD), id="it limits assumed lifetimes too"),
    ],
)
def test_beyond_the_maximum_lifetime_nothing_is_believed(
    expires_in: object, exp: float | None, maximum: float, expected: tuple[float, Assumption | None]
) -> None:
    """The user has stated how long the endpoint's tokens live at most, so the operator asks again by then."""
    expiry = read(expires_in, exp=exp, maximum=maximum)
    assert (expiry.expires - SENT, expiry.assumption) == expected


@pytest.mark.parametrize("date", [SENT + 2 * HOUR, SENT - 2 * HOUR])
def test_a_date_that_is_hours_off_is_no_reason_to_misjudge_a_jwt(date: float) -> None:
    """Without other evidence our own clock decides: the token is neither refused nor kept for hours too long."""
    assert read(exp=SENT + HOUR, date=date).expires - SENT == HOUR
