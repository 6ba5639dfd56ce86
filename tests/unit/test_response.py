"""An endpoint's response becomes a token, or a failure that says what to do."""

import base64
import gzip
import json
import tracemalloc
import zlib
from collections.abc import Callable, Mapping
from dataclasses import replace
from email.utils import formatdate
from typing import Any

import pytest
from integration_token.api.condition import Reason
from integration_token.api.endpoint import RequestEncoding
from integration_token.api.token import Token
from integration_token.errors import Failure, Transient, UserActionRequired
from integration_token.oauth.refusal import Asked
from integration_token.oauth.request import user_agent
from integration_token.oauth.response import Answer, read_answer

NOW = 1_800_000_000.0
"""When the request was sent; the response arrived two seconds later."""
RECEIVED = NOW + 2
HOUR = 3600.0
YEARS = 10 * 365 * 24 * HOUR
QUARTER = 15 * 60.0
DEFAULT = 1800.0
"""The endpoint's defaultLifetime, which no response below happens to state."""
SECRET = 'kT9v"Q2xLr7%Wm Z4/bNc8+YsJ1é'
TOKEN = "tok3n.Xy7-aBcDeFgHiJkL~mNoP_qRs+tUv/wXyZ="
HELD = "he1d.Zx9-bCdEfGhIjKlMnOp"
JSON, FORM = RequestEncoding.JSON, RequestEncoding.FORM
POST, BASIC = "ClientSecretPost", "ClientSecretBasic"
ASKED = Asked("TokenEndpoint login", "https://login.example/oauth/token", FORM, POST, token_type="")


def read(
    fields: object = None,
    *,
    status: int = 200,
    body: bytes | None = None,
    headers: Mapping[str, str] | None = None,
    scopes: tuple[str, ...] = ("read", "write"),
    pointers: tuple[str, str] = ("", ""),
    **asked: Any,
) -> Token:
    """The token in a response with these fields, or with that body.

    :param asked: how it was requested, if that matters.
    """
    answer = Answer(status, headers or {}, json.dumps(fields).encode() if body is None else body, NOW)
    return read_answer(
        answer,
        asked=replace(ASKED, **asked),
        scopes=scopes,
        default_lifetime=DEFAULT,
        secrets=(SECRET, HELD, TOKEN),
        received=RECEIVED,
        access_token_pointer=pointers[0],
        expires_in_pointer=pointers[1],
    )


def failure(fields: object = None, **changes: Any) -> Failure:
    """The failure that such a response causes."""
    with pytest.raises(Failure) as caught:
        read(fields, **changes)
    return caught.value


def good(**changes: Any) -> dict[str, Any]:
    """The fields of a successful response, with changes; a value of ... removes a field."""
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
        pytest.param(" 3600.5 ", HOUR + 0.5, id="even with a fraction and spaces"),
        pytest.param(3600.75, HOUR + 0.75, id="a fraction counts"),
        pytest.param(-60, -60, id="a negative number is a token that expired a minute ago"),
        pytest.param(-1e308, -YEARS, id="a number long ago is cut to ten years"),
        pytest.param(999_999_999, YEARS, id="an impossible number is cut to ten years"),
    ],
)
def test_the_expiry_is_counted_from_when_the_request_was_sent(expires_in: object, lifetime: float) -> None:
    """That is the safe side: the endpoint counts from a later moment."""
    token = read(good(expires_in=expires_in))
    assert (token.access_token, token.issued, token.expires, token.assumed) == (TOKEN, NOW, NOW + lifetime, False)


@pytest.mark.parametrize(
    ("exp", "date", "expires_in", "lifetime"),
    [
        pytest.param(NOW + 600, NOW, 3600, 600, id="the earlier of exp and expires_in counts: exp"),
        pytest.param(NOW + 7200, NOW, 3600, 3600, id="the earlier of exp and expires_in counts: expires_in"),
        pytest.param(NOW + 600, NOW, None, 600, id="exp alone is enough, and nothing is assumed"),
        pytest.param(NOW + 600, None, None, 600, id="without Date, exp is read by our own clock"),
        pytest.param(NOW + 3600 + 600, NOW + 3600, None, 600, id="a server's clock an hour ahead is corrected by Date"),
        pytest.param(NOW - 3600 + 600, NOW - 3600, 7200, 600, id="so is a server's clock an hour behind"),
        pytest.param(NOW - 60, NOW, 3600, -60, id="an expired JWT has expired whatever expires_in says"),
        pytest.param(NOW + 600.5, NOW, None, 600.5, id="a fraction counts"),
        pytest.param(1e300, NOW, None, YEARS, id="an exp beyond all dates is cut to ten years"),
        pytest.param(-1e308, NOW, None, -YEARS, id="so is an exp before all dates"),
        pytest.param("later", NOW, 3600, HOUR, id="an exp that isn't a number is ignored"),
        pytest.param(True, NOW, 3600, HOUR, id="so is a boolean"),
        pytest.param(float("nan"), NOW, 3600, HOUR, id="so is NaN"),
        pytest.param(10**400, NOW, 3600, HOUR, id="so is a number too large for a float"),
    ],
)
def test_a_jwt_states_its_expiry_by_the_clock_of_its_server(
    exp: object, date: float | None, expires_in: object, lifetime: float
) -> None:
    """The Date header gives that clock's reading."""
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
    """Tokens are never required to be JWTs."""
    assert read(good(access_token=token, expires_in=...)).expires == NOW + DEFAULT


@pytest.mark.parametrize(
    ("jti", "told"),
    [
        pytest.param("5f2c8a1e-7b3d-4f60-9a1c-2d4e6f8a0b1c", True, id="a UUID"),
        pytest.param(SECRET, False, id="the secret that was sent"),
        pytest.param(HELD, False, id="the current token"),
        pytest.param(f"id-{base64.b64encode(SECRET.encode()).decode()}", False, id="the same in base64"),
        pytest.param(SECRET.encode().hex(), False, id="the same in hexadecimal"),
        pytest.param("x" * 129, False, id="too long"),
        pytest.param("a\nb", False, id="a line break"),
        pytest.param(7, False, id="no text"),
    ],
)
def test_the_id_of_a_jwt_is_logged_if_it_contains_nothing_that_was_sent(jti: object, *, told: bool) -> None:
    """The endpoint chooses it, and the audit log may show it."""
    assert read(good(access_token=jwt(jti=jti))).token_id == (jti if told else "")


@pytest.mark.parametrize("date", ["", "yesterday", "Thu, 99 Foo 2026", "Fri, 31 Dec 9999 23:59:59 +9999", "\x00", "0"])
def test_an_invalid_date_corrects_nothing(date: str) -> None:
    """The response is read as if it had no Date."""
    assert read(good(access_token=jwt(exp=NOW + 600)), headers={"date": date}).lifetime == 600


@pytest.mark.parametrize(
    ("scope", "granted"),
    [
        pytest.param("font:list  media:read", ("font:list", "media:read"), id="scopes are separated by spaces"),
        pytest.param(..., None, id="no scope says nothing: some servers silently drop unknown ones"),
        pytest.param(None, None, id="nor does null"),
        pytest.param("", (), id="an empty scope means none"),
        pytest.param(["read"], None, id="anything but text is ignored"),
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
        pytest.param(good(token_type=None), id="so is null"),
        pytest.param(good(token_type=""), id="and an empty type"),
        pytest.param(good(refresh_token="x", id_token="y", user=[{}]), id="unknown fields are ignored"),
        pytest.param(good(error=None), id="an empty error next to a token is ignored"),
        pytest.param(good(error="", error_description=""), id="so is an empty text"),
    ],
)
def test_a_dialect_that_is_unambiguous_is_understood(fields: dict[str, Any]) -> None:
    """They all yield the same token."""
    assert read(fields) == Token(TOKEN, NOW, NOW + HOUR, assumed=False, scope=("read",))


def test_any_status_of_success_and_any_unicode_encoding_of_json_will_do() -> None:
    """Some servers return 201."""
    assert read(good(), status=201).access_token == TOKEN
    assert read(body=json.dumps(good()).encode("utf-16")).access_token == TOKEN


@pytest.mark.parametrize("value", [..., None, "", 12345, True, [TOKEN], {"value": TOKEN}])
def test_an_answer_without_a_token_is_refused(value: object) -> None:
    """The message says where to look."""
    problem = failure(good(access_token=value))
    assert isinstance(problem, Transient)
    assert problem.reason == Reason.INVALID_RESPONSE
    assert "has no access_token that fits in a header; check spec.tokenURL" in problem.message


@pytest.mark.parametrize(
    "spoiled", ["{}\r\nX-Injected: yes", "{}\n", " {}", "a b{}", "é{}", "{}\x7f", "\x00{}", "\ud800{}"]
)
def test_a_token_that_would_break_the_header_of_its_consumers_is_refused(spoiled: str) -> None:
    """It never reaches the Secret, and its text never reaches a message."""
    problem = failure(good(access_token=spoiled.format(TOKEN)))
    assert (type(problem), problem.reason) == (Transient, Reason.INVALID_RESPONSE)
    assert TOKEN[:8] not in problem.message


@pytest.mark.parametrize("token_type", ["mac", "DPoP", "N_A", 7, [SECRET], "é"])
def test_a_token_of_another_type_is_refused(token_type: object) -> None:
    """The Secret promises `Bearer`, and other types don't fit; the endpoint's word isn't quoted."""
    problem = failure(good(token_type=token_type), token_type="JWT")
    assert (type(problem), problem.reason) == (Transient, Reason.INVALID_RESPONSE)
    assert problem.message == "the endpoint issued a token that is not of type Bearer; only Bearer is supported"


@pytest.mark.parametrize(("token_type", "answered"), [("BearerToken", "BearerToken"), ("JWT", "jwt"), ("a b", "A b")])
def test_another_word_for_bearer_is_accepted_if_the_endpoint_allows_it(token_type: str, answered: str) -> None:
    """Without `spec.response.tokenType` it is refused; the message names field and endpoint, but not the word."""
    assert read(good(token_type=answered), token_type=token_type).access_token == TOKEN
    assert read(good(token_type="bearer"), token_type=token_type).access_token == TOKEN
    assert failure(good(token_type=answered)).message == (
        "the endpoint issued a token that is not of type Bearer; only Bearer is supported; if the endpoint's"
        " documentation says that its token_type is another name for Bearer, set spec.response.tokenType of"
        " TokenEndpoint login to that name"
    )


def _raw_deflate(data: bytes) -> bytes:
    compressing = zlib.compressobj(wbits=-zlib.MAX_WBITS)
    return compressing.compress(data) + compressing.flush()


@pytest.mark.parametrize(
    ("encoding", "compress"),
    [
        ("gzip", gzip.compress),
        (" X-GZIP ", gzip.compress),
        ("deflate", zlib.compress),
        ("deflate", _raw_deflate),
        ("identity", bytes),
        ("", bytes),
    ],
)
def test_an_answer_that_is_compressed_all_the_same_is_read(encoding: str, compress: Callable[[bytes], bytes]) -> None:
    """Some servers and proxies compress whatever was requested; refusals are read as well."""
    headers = {"content-encoding": encoding}
    assert read(body=compress(json.dumps(good()).encode()), headers=headers).access_token == TOKEN
    refused = compress(b'{"error": "invalid_scope", "error_description": "no such scope"}')
    assert "no such scope" in failure(body=refused, status=400, headers=headers).message


@pytest.mark.parametrize(
    ("encoding", "body", "why"),
    [
        ("br", b"x", "compressed (br) in a way that was not asked for and cannot be read"),
        ("zstd", b"x", "compressed (zstd) in a way that was not asked for and cannot be read"),
        ("gzip, gzip", b"x", "compressed in a way that was not asked for and cannot be read"),
        (TOKEN, b"x", "compressed in a way that was not asked for and cannot be read"),
        ("gzip", b'{"access_token": "x"}', "labelled as compressed (gzip) but is not"),
        ("deflate", b"x\x9c\x07", "labelled as compressed (deflate) but is not"),
        ("gzip", gzip.compress(b'{"access_token": "x"}')[:-9], "compressed (gzip) but incomplete"),
        ("gzip", b"", "compressed (gzip) but incomplete"),
        ("gzip", gzip.compress(b" " * 65537), "larger than 64 KiB when decompressed"),
        ("deflate", zlib.compress(b" " * 60_000_000), "larger than 64 KiB when decompressed"),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_what_cannot_be_unpacked_within_the_bound_is_said_to_be_so(encoding: str, body: bytes, why: str) -> None:
    """It isn't called invalid JSON; memory stays bounded, and an error's status still counts."""
    tracemalloc.start()
    problem = failure(body=body, headers={"content-encoding": encoding})
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert (type(problem), problem.reason) == (Transient, Reason.INVALID_RESPONSE)
    assert problem.message == (
        f"the response of login.example:443 is {why}; have the endpoint, or the proxy in front of it, respond"
        " uncompressed"
    )
    assert peak < 512 * 1024
    assert failure(body=body, status=503, headers={"content-encoding": encoding}).reason == Reason.ENDPOINT_ERROR


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
        pytest.param(b"\xff\xfe\xfd", "text/plain", "text/plain", id="bytes that aren't text"),
        pytest.param(b'{"a": 1' + b"0" * 9000 + b"}", "text/json", "text/json", id="a number too long to be read"),
    ],
)
def test_what_is_no_json_object_is_a_passing_failure(body: bytes, content_type: str, shown: str) -> None:
    """A proxy's page may be gone in a minute; the message says what kind of page it is."""
    problem = failure(body=body, headers={"content-type": content_type} if content_type else {})
    assert (type(problem), problem.reason) == (Transient, Reason.INVALID_RESPONSE)
    assert problem.message == f"login.example:443 answered 200 without a JSON object ({shown}); check spec.tokenURL"


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
        (403, None, UserActionRequired, Reason.REQUEST_REJECTED, "a firewall or a proxy"),
        (404, None, UserActionRequired, Reason.REQUEST_REJECTED, "check spec.tokenURL"),
        (405, "method_not_allowed", UserActionRequired, Reason.REQUEST_REJECTED, "check spec.tokenURL"),
        (413, None, UserActionRequired, Reason.REQUEST_REJECTED, "too large for the server"),
        (431, None, UserActionRequired, Reason.REQUEST_REJECTED, "too large for the server"),
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
def test_an_error_is_classed_by_whether_a_change_or_time_helps(
    status: int, error: str | None, kind: type[Failure], reason: Reason, advice: str
) -> None:
    """The status is shown, and what to do if something has to be done."""
    body = b"<h1>Sorry</h1>" if error is None else json.dumps({"error": error}).encode()
    problem = failure(body=body, status=status)
    assert (type(problem), problem.reason) == (kind, reason)
    assert problem.message.startswith((f"the endpoint answered {status}", f"login.example:443 answered {status}"))
    assert advice in problem.message


def test_an_error_is_shown_with_its_code_and_its_description() -> None:
    """They say more than any class can."""
    fields = {"error": "access_denied", "error_description": "Service not found: https://api.example"}
    assert failure(fields, status=403).message == (
        "the endpoint answered 403 access_denied: Service not found: https://api.example;"
        " check the credentials, the audience and the client's permissions"
    )


def test_a_code_is_understood_although_it_holds_a_part_of_the_secret() -> None:
    """A secret such as `client` is redacted in the message, but the reason is still right."""
    answer = Answer(401, {}, b'{"error": "access_denied"}', NOW)
    with pytest.raises(UserActionRequired) as caught:
        read_answer(answer, asked=ASKED, scopes=(), default_lifetime=DEFAULT, secrets=("access",), received=RECEIVED)
    assert caught.value.reason == Reason.ACCESS_DENIED
    assert caught.value.message.startswith("the endpoint answered 401 ***_denied; ")


@pytest.mark.parametrize("error", [None, 7, "", ["invalid_client"], {"code": 1}, "x" * 65, 'a"b', "a\nb", "é"])
def test_an_error_without_a_proper_code_is_classed_by_its_status(error: object) -> None:
    """Whatever the code's field contains isn't repeated."""
    assert failure({"error": error}, status=400).message == (
        "the endpoint answered 400; check spec.tokenURL, the audience and the parameters"
    )
    assert failure({"error": error}).message == (
        "the endpoint answered 200 with an error that is not shown; its log may say more"
    )


@pytest.mark.parametrize("status", [200, 201, 299])
@pytest.mark.parametrize("place", ["error", "error_description", "error_uri", "token_type", "scope", "expires_in"])
def test_nothing_that_a_success_holds_is_quoted(status: int, place: str) -> None:
    """Not even a harmless-looking value: in a dialect the token may be in any field."""
    unknown = "qzxj-0451"
    texts = [
        failure({"access_token": "", place: unknown}, status=status).message,
        failure({"error": "invalid_client", place: unknown}, status=status).message,
        failure(good(token_type="mac") | {place: unknown, "access_token": " "}, status=status).message,
        failure({"access_token": TOKEN, "token_type": unknown}, status=status).message,
    ]
    assert not [text for text in texts if unknown in text]


def test_a_standard_code_of_a_success_is_reported() -> None:
    """The operator shows its own spelling of the code, and omits the description next to it."""
    fields = {"error": "invalid_scope", "error_description": "no such scope"}
    assert failure(fields).message == "the endpoint answered 200 invalid_scope; check spec.scopes"


def test_another_code_of_a_success_is_classed_as_ever() -> None:
    """It just isn't shown."""
    problem = failure({"error": "account_locked"})
    assert (type(problem), problem.reason) == (UserActionRequired, Reason.REQUEST_REJECTED)
    assert problem.message == (
        "the endpoint answered 200 with an error that is not shown; its log may say more;"
        " check spec.tokenURL, the audience and the parameters"
    )


REFUSALS = {
    "Keycloak": (400, b'{"error":"invalid_request","error_description":"Missing form parameter: grant_type"}'),
    "oidc-provider": (
        400,
        b'{"error":"invalid_request","error_description":"only application/x-www-form-urlencoded is supported"}',
    ),
    "node-oauth": (400, b'{"error":"invalid_request"}'),
    "django-oauth-toolkit, Authlib": (400, b'{"error": "unsupported_grant_type"}'),
    "Spring": (401, b""),
    "Hydra": (400, b'{"error":"invalid_request","error_description":"The POST body can not be empty."}'),
    "others": (415, b"<h1>Unsupported Media Type</h1>"),
}
"""How real servers that expect a form respond to JSON."""


@pytest.mark.parametrize(("status", "body"), REFUSALS.values(), ids=REFUSALS)
def test_json_to_a_server_that_wants_a_form_is_reported_first(status: int, body: bytes) -> None:
    """Whatever its code; if a form was sent, the same response has other causes."""
    problem = failure(body=body, status=status, encoding=JSON)
    said, _, advice = problem.message.partition("; ")
    assert advice.startswith("set spec.requestEncoding of TokenEndpoint login to Form")
    assert "to Form" not in said
    assert "to Form" not in failure(body=body, status=status).message
    assert problem.reason in {Reason.REQUEST_REJECTED, Reason.INVALID_CLIENT}


@pytest.mark.parametrize(
    ("status", "error"),
    [
        (401, "invalid_client"),
        (400, "invalid_client"),
        (401, "unauthorized_client"),
        (401, "access_denied"),
        (403, "access_denied"),
        (400, "invalid_scope"),
        (400, "invalid_target"),
        (404, None),
        (403, None),
        (302, None),
    ],
)
def test_a_server_that_has_read_the_request_is_not_suspected_to_want_a_form(status: int, error: str | None) -> None:
    """Clear refusals of credentials, scopes or audience, wrong paths and firewalls have other causes."""
    body = b"<html>" if error is None else json.dumps({"error": error}).encode()
    assert "requestEncoding" not in failure(body=body, status=status, encoding=JSON).message


def test_a_form_to_a_server_that_wants_json_is_reported_too() -> None:
    """415 shows that the form is the cause."""
    assert "; set spec.requestEncoding of TokenEndpoint login to JSON" in failure(status=415).message


def test_a_refused_client_should_check_how_it_is_authenticated() -> None:
    """Hydra and Spring accept only the registered method; servers that don't decode accept no encoded Basic."""
    post = failure({"error": "invalid_client"}, status=401, authentication=POST).message
    basic = failure({"error": "invalid_client"}, status=401, authentication=BASIC).message
    for said, method in ((post, POST), (basic, BASIC)):
        assert f"spec.clientAuthenticationMethod of TokenEndpoint login, {method}, is the method registered" in said
    assert "try another spec.basicEncoding or ClientSecretPost" in basic
    assert "try another" not in post


@pytest.mark.parametrize(
    ("method", "said"),
    [
        ("PrivateKeyJWT", "the public key matching the credentials Secret's private key is registered"),
        ("PrivateKeyJWT", "check that spec.assertion.audience of TokenEndpoint login is what the server expects"),
        ("ClientSecretJWT", "check that spec.assertion.audience of TokenEndpoint login is what the server expects"),
        ("ServiceAccountToken", "check that the client is enabled at the server, "),
        ("ServiceAccountToken", "trusts this cluster's ServiceAccount issuer"),
        ("TLSClientAuth", "the server at spec.tokenURL asks for certificates"),
        ("None", "check spec.clientID"),
    ],
)
@pytest.mark.parametrize("code", ["invalid_client", "unauthorized_client"])
def test_a_refused_client_should_check_what_its_method_needs(method: str, said: str, code: str) -> None:
    """Methods that send no secret have none to check."""
    message = failure({"error": code}, status=400, authentication=method).message
    assert said in message or (method, code) == ("ClientSecretJWT", "unauthorized_client")
    assert ("client secret" in message) is (method == "ClientSecretJWT")


@pytest.mark.parametrize(
    ("grant", "code", "said"),
    [
        ("TokenExchange", "invalid_grant", "knows the subject system:serviceaccount:NAMESPACE:NAME"),
        ("TokenExchange", "invalid_request", "servers accept few token types"),
        ("TokenExchange", "unsupported_token_type", "servers accept few token types"),
        ("TokenExchange", "unauthorized_client", "may use the token exchange grant"),
        ("JWTBearer", "invalid_grant", "lets it act for spec.assertion.subject of TokenEndpoint login"),
        ("JWTBearer", "unauthorized_client", "may use the JWT bearer grant"),
        ("JWTBearer", "invalid_target", "check spec.tokenURL, the audience and the parameters"),
    ],
)
def test_a_refused_grant_should_check_what_it_needs(grant: str, code: str, said: str) -> None:
    """The client itself may be fine."""
    assert said in failure({"error": code}, status=400, grant=grant).message


def test_a_server_that_fails_may_have_met_the_future() -> None:
    """Hydra answers 500 to an assertion dated ahead of its clock; other requests get no advice about clocks."""
    assert "check the clock of the operator's node" in failure(status=500, authentication="PrivateKeyJWT").message
    assert "check the clock of the operator's node" in failure(status=500, grant="JWTBearer").message
    assert failure(status=500).message == "login.example:443 answered 500"
    assert failure(status=503, authentication="PrivateKeyJWT").message == "login.example:443 answered 503"


def test_an_unauthorized_client_may_have_a_wrong_secret() -> None:
    """Keycloak uses the same code for both."""
    message = failure({"error": "unauthorized_client"}, status=401).message
    assert "check the client secret" in message
    assert "may use the client credentials grant" in message


@pytest.mark.parametrize(
    ("status", "location", "said"),
    [
        (302, "/login", "a redirect to login.example/login, which is never followed; check the path of spec.tokenURL"),
        (302, "https://sso.example:8443/a/b?next=x#y", "a redirect to sso.example:8443/a/b, which"),
        (302, "/login;jsessionid=0A1B2C3D", "a redirect to login.example/login, which"),
        (303, "//sso.example", "a redirect to sso.example, which"),
        (301, "/oauth/token/", "login.example/oauth/token/, which is never followed; set spec.tokenURL to the final"),
        (307, "https://me:pass@login.example/oauth2/token", "to login.example/oauth2/token, which is never followed;"),
        (308, "https://identity-platform.eu-central-1.example.com/oauth2/v2.0/token",
         "to identity-platform.eu-central-1.example.com/oauth2/v2.0/token, which"),
        (302, "", "a redirect, which"),
        (302, "https://[x/", "a redirect, which"),
        (302, "javascript:alert(1)", "a redirect, which"),
        (302, f"/session/{HELD}", "a redirect to ***, which"),
        (302, "/session/0123456789abcdef0123456789abcdef", "a redirect to ***, which"),
    ],
)  # fmt: skip
def test_a_redirect_names_where_it_leads_and_nothing_that_may_be_secret(status: int, location: str, said: str) -> None:
    """Host and path are shown: `/login` suggests a wrong path. Query, fragment and user are not."""
    problem = failure(body=b"", status=status, headers={"location": location})
    assert (type(problem), problem.reason) == (UserActionRequired, Reason.REQUEST_REJECTED)
    assert problem.message.startswith(f"login.example:443 answered {status}, a redirect")
    assert said in problem.message
    assert not [part for part in ("next", "pass", "#", "me:") if part in problem.message]


@pytest.mark.parametrize(
    ("body", "content_type"),
    [(b"\n <!DOCTYPE html><title>Blocked</title>", ""), (b"Blocked", "text/HTML; charset=utf-8")],
)
@pytest.mark.parametrize("status", [403, 406])
def test_a_page_that_refuses_comes_from_before_the_endpoint(status: int, body: bytes, content_type: str) -> None:
    """A firewall recognises the operator by its User-Agent."""
    problem = failure(body=body, status=status, headers={"content-type": content_type}, encoding=JSON)
    assert (type(problem), problem.reason) == (UserActionRequired, Reason.REQUEST_REJECTED)
    assert "something in front of the endpoint, such as a firewall or a proxy, refused the request" in problem.message
    assert user_agent().startswith("integration-token-operator/")
    assert "whose User-Agent begins with integration-token-operator/," in problem.message
    said = failure(body=b'{"error": "access_denied"}', status=status, headers={"content-type": "text/html"})
    assert said.reason == Reason.ACCESS_DENIED


def test_a_proxy_that_wants_a_password_is_reported_as_such() -> None:
    """It isn't a refusal by the endpoint, and the resource's owner couldn't change anything."""
    problem = failure(status=407)
    assert (type(problem), problem.reason) == (Transient, Reason.ENDPOINT_UNREACHABLE)
    assert problem.message == (
        "the proxy did not connect to login.example:443 (it answered 407); it requires a user and a password: set them"
        " in the URL of --proxy-url"
    )


@pytest.mark.parametrize(
    ("headers", "pause"),
    [
        pytest.param({}, None, id="without a header there is no pause"),
        pytest.param({"retry-after": "7"}, 7, id="seconds"),
        pytest.param({"retry-after": " 7 "}, 7, id="seconds with spaces"),
        pytest.param({"retry-after": "0"}, None, id="no seconds"),
        pytest.param({"retry-after": "-5"}, None, id="negative seconds"),
        pytest.param({"retry-after": "1.5"}, None, id="a unit that the RFC doesn't have"),
        pytest.param({"retry-after": "later, maybe"}, None, id="garbage"),
        pytest.param({"retry-after": "٧"}, None, id="digits that are not ASCII"),
        pytest.param({"retry-after": "900"}, QUARTER, id="15 minutes"),
        pytest.param({"retry-after": "86400"}, QUARTER, id="a day is cut to 15 minutes"),
        pytest.param({"retry-after": "9" * 5000}, QUARTER, id="so are endless digits"),
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
        pytest.param({"x-ratelimit-reset": "30"}, 30, id="a reset in seconds"),
        pytest.param({"retry-after": "7, 9"}, 7, id="seconds, sent twice"),
        pytest.param({"x-ratelimit-reset": "1000000000"}, None, id="UNIX time long ago"),
        pytest.param({"x-ratelimit-reset": "\uff13\uff10"}, None, id="a reset in full-width digits"),
        pytest.param(
            {
                "retry-after": formatdate(NOW - 7200 + 30, usegmt=True),
                "date": formatdate(NOW - 7200, usegmt=True),
                "age": "7200",
            },
            None,
            id="a date that had passed when a cache replayed it",
        ),
        pytest.param({"x-ratelimit-reset": "9" * 5000}, QUARTER, id="an endless reset"),
        pytest.param({"x-ratelimit-reset": "soon"}, None, id="no UNIX time"),
        pytest.param(
            {"retry-after": "7", "x-ratelimit-reset": f"{RECEIVED + 20:.0f}"},
            20,
            id="the longer one if both are given",
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
    """Wherever it appears in the response."""
    headers = dict.fromkeys(("content-type", "www-authenticate", "location", "retry-after", "date"), f"text/{echo}")
    bodies: list[object] = [
        {"error": echo},
        {"error": "invalid_client", "error_description": f"no client has {echo} as secret"},
        {"error": "server_error", "error_description": f"{echo}{echo}"},
        {"access_token": f"{echo} ", "token_type": echo, "expires_in": echo, "scope": echo},
        {"access_token": "x", "token_type": [echo]},
        {"access_token": "", "expires_in": echo},
        [echo],
        echo,
    ]
    for body in bodies:
        problem = failure(body, status=status, headers=headers)
        for part in (echo[start : start + 8] for start in range(len(echo) - 7)):
            assert part not in f"{problem.message} {problem!r} {problem.args} {problem.__cause__!r}"
        assert problem.__suppress_context__ or problem.__context__ is None


def test_neither_an_answer_nor_a_token_shows_in_a_repr() -> None:
    """Printing them in a traceback or a log line is harmless."""
    answer = Answer(200, {"set-cookie": SECRET}, json.dumps(good()).encode(), NOW)
    assert SECRET not in repr(answer)
    assert TOKEN not in repr((answer, read(good())))


def test_no_secret_is_shown_as_the_name_of_an_encoding() -> None:
    """An endpoint may echo it in any header."""
    problem = failure(body=b"x", headers={"content-encoding": "hunter2-hunter2"})
    assert "compressed in a way that was not asked for" in problem.message
    assert "hunter2" not in problem.message


@pytest.mark.parametrize(
    ("fields", "pointers"),
    [
        pytest.param({"data": {"token": TOKEN, "ttl": 600}}, ("/data/token", "/data/ttl"), id="inside an object"),
        pytest.param(
            {"tokens": [{"jwt": TOKEN, "ttl": "600"}]}, ("/tokens/0/jwt", "/tokens/0/ttl"), id="inside a list"
        ),
        pytest.param({"id_token": TOKEN, "expires_in": 600}, ("/id_token", ""), id="the lifetime in its usual place"),
        pytest.param({"access_token": TOKEN, "a/b": {"~": 600}}, ("", "/a~1b/~0"), id="the token in its usual place"),
        pytest.param(
            {"access_token": HELD, "expires_in": 9, "error": "x", "my": {"token": TOKEN, "ttl": 600}},
            ("/my/token", "/my/ttl"),
            id="the usual fields contain something else",
        ),
    ],
)
def test_a_pointer_says_where_token_and_lifetime_are(fields: object, pointers: tuple[str, str]) -> None:
    """Wherever the endpoint puts them."""
    token = read(fields, pointers=pointers)
    assert (token.access_token, token.expires - token.issued, token.assumed) == (TOKEN, 600, False)


def test_a_lifetime_that_is_not_where_the_pointer_says_is_unknown() -> None:
    """A lifetime elsewhere in the response doesn't count: it may be another token's."""
    token = read(good(expires_in=60), pointers=("", "/data/ttl"))
    assert (token.expires - token.issued, token.assumed) == (DEFAULT, True)


@pytest.mark.parametrize(
    "fields",
    [
        pytest.param({"data": {}}, id="nothing"),
        pytest.param({"data": {"token": {"value": "gEh3im"}}}, id="an object"),
        pytest.param({"data": {"token": ["gEh3im"]}}, id="a list"),
        pytest.param({"data": {"token": 7}}, id="a number"),
        pytest.param({"data": {"token": True}}, id="a boolean"),
        pytest.param({"data": {"token": None}}, id="null"),
        pytest.param({"data": {"token": ""}}, id="an empty text"),
        pytest.param({"data": {"token": "gEh3im\nx"}}, id="a text with two lines"),
        pytest.param({"data": "gEh3im", "access_token": "gEh3im"}, id="a text on the path"),
    ],
)
def test_only_a_text_is_taken_from_where_the_pointer_leads(fields: object) -> None:
    """An endpoint's author may point it anywhere: the message gives the path, and shows nothing of the response."""
    problem = failure(fields, pointers=("/data/token", ""))
    assert (type(problem), problem.reason) == (Transient, Reason.INVALID_RESPONSE)
    assert "no string that fits in a header at /data/token; check spec.response.accessTokenPointer" in problem.message
    assert "gEh3im" not in f"{problem.message} {problem!r}"


def test_an_error_is_reported_if_the_pointer_leads_to_no_token() -> None:
    """As it would be without a pointer."""
    problem = failure({"error": "invalid_client", "access_token": TOKEN}, pointers=("/data/token", ""))
    assert problem.reason == Reason.INVALID_CLIENT
