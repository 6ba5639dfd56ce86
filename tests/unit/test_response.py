"""What an endpoint answered becomes a token or a failure that says what to do."""

import base64
import json
from collections.abc import Mapping
from email.utils import formatdate
from typing import Any

import pytest
from integration_token.api.condition import Reason
from integration_token.api.token import Token
from integration_token.errors import Failure, Transient, UserActionRequired
from integration_token.oauth.response import Answer, read_answer

NOW = 1_800_000_000.0
"""When the request was sent; its answer was there two seconds later."""
RECEIVED = NOW + 2
HOUR = 3600.0
YEARS = 10 * 365 * 24 * HOUR
QUARTER = 15 * 60.0
DEFAULT = 1800.0
"""The endpoint's defaultLifetime, which no answer below tells by itself."""
SECRET = 'kT9v"Q2xLr7%Wm Z4/bNc8+YsJ1é'
TOKEN = "tok3n.Xy7-aBcDeFgHiJkL~mNoP_qRs+tUv/wXyZ="
HELD = "he1d.Zx9-bCdEfGhIjKlMnOp"


def read(
    fields: object = None,
    *,
    status: int = 200,
    body: bytes | None = None,
    headers: Mapping[str, str] | None = None,
    scopes: tuple[str, ...] = ("read", "write"),
) -> Token:
    """The token of an answer with these fields, or with that body."""
    answer = Answer(status, headers or {}, json.dumps(fields).encode() if body is None else body, NOW)
    return read_answer(
        answer, scopes=scopes, default_lifetime=DEFAULT, secrets=(SECRET, HELD, TOKEN), received=RECEIVED
    )


def failure(fields: object = None, **changes: Any) -> Failure:
    """The failure of such an answer."""
    with pytest.raises(Failure) as caught:
        read(fields, **changes)
    return caught.value


def good(**changes: Any) -> dict[str, Any]:
    """The fields of a good answer, with changes; those that are ... left out."""
    fields = {"access_token": TOKEN, "token_type": "Bearer", "expires_in": 3600, "scope": "read"} | changes
    return {name: value for name, value in fields.items() if value is not ...}


def jwt(**claims: object) -> str:
    """A JWT with these claims."""
    parts = (json.dumps({"alg": "none"}), json.dumps(claims), "signature")
    return ".".join(base64.urlsafe_b64encode(part.encode()).decode().rstrip("=") for part in parts)


@pytest.mark.parametrize(
    ("expires_in", "lifetime"),
    [
        pytest.param(3600, HOUR, id="a number counts from when the request was sent"),
        pytest.param("3600", HOUR, id="a string with a number is taken as the number"),
        pytest.param(" 3600.5 ", HOUR + 0.5, id="also with a fraction and spaces"),
        pytest.param(3600.75, HOUR + 0.75, id="a fraction counts"),
        pytest.param(0, 0, id="zero is a token that has expired on arrival"),
        pytest.param(-60, -60, id="a negative number is a token that expired a minute ago"),
        pytest.param(-1e308, -YEARS, id="a number long ago is cut to ten years"),
        pytest.param("-1e308", -YEARS, id="also as a string"),
        pytest.param(2**62, YEARS, id="a number beyond all dates is cut to ten years"),
        pytest.param(1e308, YEARS, id="also as a float"),
        pytest.param("9" * 30, YEARS, id="also as a string of digits"),
    ],
)
def test_the_expiry_is_counted_from_when_the_request_was_sent(expires_in: object, lifetime: float) -> None:
    """That is the safe side: the endpoint counts from later."""
    token = read(good(expires_in=expires_in))
    assert (token.access_token, token.issued, token.expires, token.assumed) == (TOKEN, NOW, NOW + lifetime, False)


@pytest.mark.parametrize("expires_in", [..., None])
def test_without_expires_in_the_default_lifetime_is_assumed(expires_in: object) -> None:
    """The RFC only recommends to tell it; and the token says that it was assumed."""
    token = read(good(expires_in=expires_in))
    assert (token.expires, token.assumed) == (NOW + DEFAULT, True)


@pytest.mark.parametrize(
    "expires_in",
    ["true", "false", "NaN", "Infinity", "-Infinity", '"NaN"', '"soon"', '""', "[]", "{}", "1" + "0" * 400],
)
def test_an_expires_in_that_is_no_number_of_seconds_is_refused(expires_in: str) -> None:
    """A guess could serve an expired token for hours."""
    problem = failure(body=b'{"access_token": "x", "expires_in": %s}' % expires_in.encode())
    assert isinstance(problem, Transient)
    assert problem.reason == Reason.INVALID_RESPONSE
    assert problem.message == "the endpoint's answer has an expires_in that is no number of seconds"


@pytest.mark.parametrize(
    ("exp", "date", "expires_in", "lifetime"),
    [
        pytest.param(NOW + 600, NOW, 3600, 600, id="the earlier of exp and expires_in counts: exp"),
        pytest.param(NOW + 7200, NOW, 3600, 3600, id="the earlier of exp and expires_in counts: expires_in"),
        pytest.param(NOW + 600, NOW, None, 600, id="exp alone is enough, and nothing is assumed"),
        pytest.param(NOW + 600, None, None, 600, id="without Date, exp is read by our own clock"),
        pytest.param(NOW + 3600 + 600, NOW + 3600, None, 600, id="a server's clock an hour ahead is corrected by Date"),
        pytest.param(NOW - 3600 + 600, NOW - 3600, 7200, 600, id="a server's clock an hour behind, too"),
        pytest.param(NOW - 60, NOW, 3600, -60, id="an expired JWT has expired whatever expires_in says"),
        pytest.param(NOW + 600.5, NOW, None, 600.5, id="a fraction counts"),
        pytest.param(1e300, NOW, None, YEARS, id="an exp beyond all dates is cut to ten years"),
        pytest.param(-1e308, NOW, None, -YEARS, id="an exp before all dates, too"),
        pytest.param("later", NOW, 3600, HOUR, id="an exp that is no number is passed over"),
        pytest.param(True, NOW, 3600, HOUR, id="a boolean, too"),
        pytest.param(float("nan"), NOW, 3600, HOUR, id="NaN, too"),
        pytest.param(10**400, NOW, 3600, HOUR, id="a number that no float holds, too"),
    ],
)
def test_a_jwt_tells_its_expiry_by_the_clock_of_its_server(
    exp: object, date: float | None, expires_in: object, lifetime: float
) -> None:
    """The Date header tells what that clock said."""
    headers = {} if date is None else {"date": formatdate(date, usegmt=True)}
    token = read(good(access_token=jwt(exp=exp), expires_in=expires_in), headers=headers)
    assert token.lifetime == pytest.approx(lifetime, abs=0.001)
    assert not token.assumed


@pytest.mark.parametrize(
    "token",
    [
        "a.b.c",
        "..",
        "e30.W10.x",
        "a.e30.c",
        "a.e30.c.d",
        "a.W1tbW1tbW1tb.c",
        f"a.{base64.b64encode(b'[' * 9000).decode()}.c",
    ],
)
def test_what_only_looks_like_a_jwt_is_a_token_like_any_other(token: str) -> None:
    """It is never required to be one."""
    assert read(good(access_token=token, expires_in=...)).expires == NOW + DEFAULT


@pytest.mark.parametrize("date", ["", "yesterday", "Thu, 99 Foo 2026", "Fri, 31 Dec 9999 23:59:59 +9999", "\x00", "0"])
def test_a_date_that_is_none_corrects_nothing(date: str) -> None:
    """The answer is read as if it had no Date."""
    assert read(good(access_token=jwt(exp=NOW + 600)), headers={"date": date}).lifetime == 600


@pytest.mark.parametrize(
    ("scope", "granted"),
    [
        pytest.param("font:list  media:read", ("font:list", "media:read"), id="scopes are separated by spaces"),
        pytest.param(..., ("read", "write"), id="no scope means those asked for"),
        pytest.param(None, ("read", "write"), id="null means those asked for"),
        pytest.param("", (), id="an empty scope means none"),
        pytest.param(["read"], ("read", "write"), id="what is no text is passed over"),
    ],
)
def test_the_scopes_are_those_of_the_answer(scope: object, granted: tuple[str, ...]) -> None:
    """RFC 6749, 5.1."""
    assert read(good(scope=scope)).scope == granted


@pytest.mark.parametrize(
    "fields",
    [
        pytest.param(good(token_type="bearer"), id="the type's case doesn't matter"),
        pytest.param(good(token_type="BEARER"), id="whatever the case"),
        pytest.param(good(token_type=...), id="a missing type is taken for Bearer"),
        pytest.param(good(token_type=None), id="null, too"),
        pytest.param(good(refresh_token="x", id_token="y", user=[{}]), id="unknown fields are passed over"),
        pytest.param(good(error=None), id="an empty error beside a token is none"),
        pytest.param(good(error="", error_description=""), id="nor is an empty text"),
    ],
)
def test_a_dialect_that_is_unambiguous_is_understood(fields: dict[str, Any]) -> None:
    """The same token comes of all of them."""
    assert read(fields) == Token(TOKEN, NOW, NOW + HOUR, assumed=False, scope=("read",))


def test_any_status_of_success_and_any_unicode_encoding_of_json_will_do() -> None:
    """Some answer 201."""
    assert read(good(), status=201).access_token == TOKEN
    assert read(body=json.dumps(good()).encode("utf-16")).access_token == TOKEN


@pytest.mark.parametrize("value", [..., None, "", 12345, True, [TOKEN], {"value": TOKEN}])
def test_an_answer_without_a_token_is_refused(value: object) -> None:
    """And says where to look."""
    problem = failure(good(access_token=value))
    assert isinstance(problem, Transient)
    assert problem.reason == Reason.INVALID_RESPONSE
    assert "has no access_token that fits into a header; check spec.tokenURL" in problem.message


@pytest.mark.parametrize(
    "spoiled", ["{}\r\nX-Injected: yes", "{}\n", " {}", "a b{}", "é{}", "{}\x7f", "\x00{}", "\ud800{}"]
)
def test_a_token_that_would_break_the_header_of_its_consumers_is_refused(spoiled: str) -> None:
    """It never reaches the Secret, and its text no message."""
    problem = failure(good(access_token=spoiled.format(TOKEN)))
    assert (type(problem), problem.reason) == (Transient, Reason.INVALID_RESPONSE)
    assert TOKEN[:8] not in problem.message


@pytest.mark.parametrize(
    ("token_type", "shown"),
    [("mac", "'mac'"), ("DPoP", "'DPoP'"), (7, "'7'"), ("", "''"), (TOKEN, "'***'"), ([SECRET], "\"['***']\"")],
)
def test_a_token_of_another_type_is_refused(token_type: object, shown: str) -> None:
    """The Secret promises `Bearer`."""
    problem = failure(good(token_type=token_type))
    assert (type(problem), problem.reason) == (Transient, Reason.INVALID_RESPONSE)
    assert problem.message == f"the endpoint issued a token of type {shown}; only Bearer is supported"


@pytest.mark.parametrize(
    ("body", "content_type", "shown"),
    [
        pytest.param(b"<!doctype html><title>Sign in</title>", "text/html; charset=utf-8", "text/html", id="HTML"),
        pytest.param(b'[{"access_token": "x"}]', "application/json", "application/json", id="an array"),
        pytest.param(
            b"access_token=x&token_type=Bearer",
            "application/x-www-form-urlencoded",
            "application/x-www-form-urlencoded",
            id="a form",
        ),
        pytest.param(b'"x"', "application/json", "application/json", id="a string"),
        pytest.param(b"null", "application/json", "application/json", id="null"),
        pytest.param(b"", "", "no content type", id="nothing"),
        pytest.param(b"[" * 30000, "application/json", "application/json", id="deep arrays"),
        pytest.param(b'{"a":' * 10000, "application/json", "application/json", id="deep objects"),
        pytest.param(b'{"access_token": "x"', "application/json", "application/json", id="half an object"),
        pytest.param(b"\xff\xfe\xfd", "text/plain", "text/plain", id="bytes that are no text"),
        pytest.param(b'{"a": 1' + b"0" * 9000 + b"}", "text/json", "text/json", id="a number too long to be read"),
    ],
)
def test_what_is_no_json_object_is_a_passing_failure(body: bytes, content_type: str, shown: str) -> None:
    """A proxy's page may be gone in a minute; the message says what kind of page."""
    problem = failure(body=body, headers={"content-type": content_type} if content_type else {})
    assert (type(problem), problem.reason) == (Transient, Reason.INVALID_RESPONSE)
    assert problem.message == f"the endpoint answered 200 with no JSON object ({shown}); check spec.tokenURL"


@pytest.mark.parametrize(
    ("status", "error", "kind", "reason", "advice"),
    [
        (401, "invalid_client", UserActionRequired, Reason.INVALID_CLIENT, "check the client ID and the client secret"),
        (400, "invalid_client", UserActionRequired, Reason.INVALID_CLIENT, "check the client ID and the client secret"),
        (401, "access_denied", UserActionRequired, Reason.ACCESS_DENIED, "check the credentials, the audience"),
        (403, "access_denied", UserActionRequired, Reason.ACCESS_DENIED, "check the credentials, the audience"),
        (400, "unauthorized_client", UserActionRequired, Reason.UNAUTHORIZED_CLIENT, "client credentials grant"),
        (400, "invalid_scope", UserActionRequired, Reason.INVALID_SCOPE, "check spec.scopes"),
        (400, "invalid_request", UserActionRequired, Reason.REQUEST_REJECTED, "check spec.tokenURL, the audience"),
        (401, None, UserActionRequired, Reason.INVALID_CLIENT, "check the client ID and the client secret"),
        (401, "something_else", UserActionRequired, Reason.INVALID_CLIENT, "check the client ID and the client secret"),
        (403, None, UserActionRequired, Reason.REQUEST_REJECTED, "check spec.tokenURL, the audience"),
        (404, None, UserActionRequired, Reason.REQUEST_REJECTED, "check spec.tokenURL"),
        (405, "method_not_allowed", UserActionRequired, Reason.REQUEST_REJECTED, "check spec.tokenURL"),
        (413, None, UserActionRequired, Reason.REQUEST_REJECTED, "check spec.tokenURL"),
        (199, None, UserActionRequired, Reason.REQUEST_REJECTED, "check spec.tokenURL"),
        (301, None, UserActionRequired, Reason.REQUEST_REJECTED, "never followed; set spec.tokenURL to the final URL"),
        (307, "invalid_client", UserActionRequired, Reason.REQUEST_REJECTED, "never followed"),
        (408, None, Transient, Reason.ENDPOINT_ERROR, ""),
        (425, None, Transient, Reason.ENDPOINT_ERROR, ""),
        (429, "too_many_requests", Transient, Reason.RATE_LIMITED, ""),
        (500, "invalid_client", Transient, Reason.ENDPOINT_ERROR, ""),
        (502, None, Transient, Reason.ENDPOINT_ERROR, ""),
        (503, "temporarily_unavailable", Transient, Reason.ENDPOINT_ERROR, ""),
        (599, None, Transient, Reason.ENDPOINT_ERROR, ""),
        (200, "invalid_client", UserActionRequired, Reason.INVALID_CLIENT, "check the client ID and the client secret"),
        (200, "invalid_scope", UserActionRequired, Reason.INVALID_SCOPE, "check spec.scopes"),
        (200, "server_error", Transient, Reason.INVALID_RESPONSE, ""),
        (200, "temporarily_unavailable", Transient, Reason.INVALID_RESPONSE, ""),
    ],
)
def test_an_error_is_classed_by_whether_a_change_or_time_mends_it(
    status: int, error: str | None, kind: type[Failure], reason: Reason, advice: str
) -> None:
    """Its status is shown, and what to do where somebody has to do something."""
    body = b"<h1>Sorry</h1>" if error is None else json.dumps({"error": error}).encode()
    problem = failure(body=body, status=status)
    assert (type(problem), problem.reason) == (kind, reason)
    assert problem.message.startswith(f"the endpoint answered {status}")
    assert advice in problem.message


def test_an_error_is_shown_with_its_code_and_its_description() -> None:
    """They tell more than any class can."""
    fields = {"error": "access_denied", "error_description": "Service not found: https://api.example"}
    assert failure(fields, status=403).message == (
        "the endpoint answered 403 access_denied: Service not found: https://api.example;"
        " check the credentials, the audience and the integration's permissions"
    )


def test_a_code_is_understood_although_it_holds_a_part_of_the_secret() -> None:
    """A secret such as `client` is struck out of the message, not out of the reason."""
    answer = Answer(401, {}, b'{"error": "access_denied"}', NOW)
    with pytest.raises(UserActionRequired) as caught:
        read_answer(answer, scopes=(), default_lifetime=DEFAULT, secrets=("access",), received=RECEIVED)
    assert caught.value.reason == Reason.ACCESS_DENIED
    assert caught.value.message.startswith("the endpoint answered 401 ***_denied; ")


@pytest.mark.parametrize("error", [None, 7, "", ["invalid_client"], {"code": 1}, "x" * 65, 'a"b', "a\nb", "é"])
def test_an_error_without_a_proper_code_is_classed_by_its_status(error: object) -> None:
    """Whatever stands there is not repeated."""
    assert failure({"error": error}, status=400).message == (
        "the endpoint answered 400; check spec.tokenURL, the audience and the parameters"
    )
    assert failure({"error": error}).message == "the endpoint answered 200"


@pytest.mark.parametrize(
    ("headers", "pause"),
    [
        pytest.param({}, None, id="without a header nothing is asked for"),
        pytest.param({"retry-after": "7"}, 7, id="seconds"),
        pytest.param({"retry-after": " 7 "}, 7, id="seconds with spaces"),
        pytest.param({"retry-after": "0"}, None, id="no seconds"),
        pytest.param({"retry-after": "-5"}, None, id="negative seconds"),
        pytest.param({"retry-after": "1.5"}, None, id="what the RFC doesn't know"),
        pytest.param({"retry-after": "later, maybe"}, None, id="garbage"),
        pytest.param({"retry-after": "٧"}, None, id="digits that are not ASCII"),
        pytest.param({"retry-after": "900"}, QUARTER, id="15 minutes"),
        pytest.param({"retry-after": "86400"}, QUARTER, id="a day is cut to 15 minutes"),
        pytest.param({"retry-after": "9" * 5000}, QUARTER, id="digits without end, too"),
        pytest.param({"retry-after": formatdate(RECEIVED + 30, usegmt=True)}, 30, id="a date, by our clock"),
        pytest.param(
            {"retry-after": formatdate(NOW + 3630, usegmt=True), "date": formatdate(NOW + 3600, usegmt=True)},
            30,
            id="a date, by the clock of a server an hour ahead",
        ),
        pytest.param({"retry-after": formatdate(RECEIVED - 30, usegmt=True)}, None, id="a date that has passed"),
        pytest.param({"retry-after": "Fri, 31 Dec 9999 23:59:59 GMT"}, QUARTER, id="a date at the end of time"),
        pytest.param({"retry-after": "Fri, 31 Dec 99999999 23:59:59 GMT"}, None, id="a date beyond it"),
        pytest.param({"x-ratelimit-reset": f"{RECEIVED + 20:.0f}"}, 20, id="UNIX time, by our clock"),
        pytest.param(
            {"x-ratelimit-reset": f"{NOW + 3620:.0f}", "date": formatdate(NOW + 3600, usegmt=True)},
            20,
            id="UNIX time, by the clock of a server an hour ahead",
        ),
        pytest.param({"x-ratelimit-reset": "30"}, None, id="UNIX time long ago"),
        pytest.param({"x-ratelimit-reset": "9" * 5000}, QUARTER, id="UNIX time without end"),
        pytest.param({"x-ratelimit-reset": "soon"}, None, id="no UNIX time"),
        pytest.param(
            {"retry-after": "7", "x-ratelimit-reset": f"{RECEIVED + 20:.0f}"},
            20,
            id="the longer one where both are told",
        ),
    ],
)
@pytest.mark.parametrize("status", [429, 503])
def test_an_endpoint_can_ask_to_be_left_alone_for_a_quarter_of_an_hour_at_most(
    status: int, headers: dict[str, str], pause: float | None
) -> None:
    """A mistaken header must not stop renewal for a day."""
    problem = failure({"error": "x"}, status=status, headers=headers)
    assert isinstance(problem, Transient)
    assert problem.pause == pause


@pytest.mark.parametrize("echo", [SECRET, HELD, TOKEN, jwt(exp=1)])
@pytest.mark.parametrize("status", [200, 302, 400, 401, 403, 404, 429, 503])
def test_no_message_holds_a_secret_or_a_token_that_the_answer_repeats(status: int, echo: str) -> None:
    """Wherever in the answer it stands."""
    headers = dict.fromkeys(("content-type", "www-authenticate", "location", "retry-after", "date"), f"text/{echo}")
    bodies: list[object] = [
        {"error": echo},
        {"error": "invalid_client", "error_description": f"no client has {echo} as secret"},
        {"error": "server_error", "error_description": f"{echo}{echo}"},
        {"access_token": f"{echo} ", "token_type": echo, "expires_in": echo, "scope": echo},
        {"access_token": "x", "token_type": [echo]},
        {"access_token": "x", "expires_in": echo},
        [echo],
        echo,
    ]
    for body in bodies:
        problem = failure(body, status=status, headers=headers)
        for part in (echo[start : start + 8] for start in range(len(echo) - 7)):
            assert part not in f"{problem.message} {problem!r} {problem.args} {problem.__cause__!r}"
        assert problem.__suppress_context__ or problem.__context__ is None


def test_neither_an_answer_nor_a_token_shows_in_a_repr() -> None:
    """A traceback or a log line that prints them is harmless."""
    answer = Answer(200, {"set-cookie": SECRET}, json.dumps(good()).encode(), NOW)
    assert SECRET not in repr(answer)
    assert TOKEN not in repr((answer, read(good())))
