"""What a response contains instead of a token, or of one of its fields."""

from collections.abc import Callable
from dataclasses import replace
from typing import Any, Final
from urllib.parse import urlencode

from tests.fakes.fault.kind import Context, Fault, says
from tests.fakes.reply import Reply, error


def _field(name: str, **fields: Any) -> Fault:
    """Replaces fields of the good response; a value of ... removes a field."""

    def change(reply: Reply, _: Context) -> Reply:
        changed = {key: value for key, value in {**reply.fields, **fields}.items() if value is not ...}
        return replace(reply, fields=changed)

    return Fault(name, change)


def _token(name: str, spoil: Callable[[str], object]) -> Fault:
    """A broken access token."""

    def change(reply: Reply, _: Context) -> Reply:
        return replace(reply, fields={**reply.fields, "access_token": spoil(str(reply.fields["access_token"]))})

    return Fault(name, change)


def _text(content_type: str, body: str, status: int = 200) -> Callable[[Context], Reply]:
    return lambda _: Reply(status, body=body.encode(), content_type=content_type)


HTML: Final = says("HTML", _text("text/html; charset=utf-8", "<!doctype html><title>Sign in</title><h1>Sign in</h1>"))
ARRAY: Final = says("array", _text("application/json", '[{"access_token": "x"}]'))
EMPTY: Final = says("empty", _text("application/json", ""))
DEEP: Final = says("deep", _text("application/json", "[" * 30000))
"""Nested too deeply for a recursive parser."""
OK_ERROR: Final = says("200 with an error", lambda _: error(200, "invalid_client", "Unknown client"))
FORM_ENCODED: Final = Fault(
    "form-encoded",
    lambda reply, _: replace(
        reply, body=urlencode(dict(reply.fields)).encode(), content_type="application/x-www-form-urlencoded"
    ),
)
DUPLICATE_KEYS: Final = Fault(
    "duplicate keys", lambda reply, _: replace(reply, body=b'{"access_token": "first", ' + reply.content()[1:])
)


TOKEN_TYPE_WRONG: Final = _field("token_type wrong", token_type="mac")
TOKEN_TYPE_MISSING: Final = _field("token_type missing", token_type=...)
TOKEN_TYPE_NULL: Final = _field("token_type null", token_type=None)
TOKEN_TYPE_ECHO: Final = Fault(
    "token_type echo",
    lambda reply, _: replace(reply, fields={**reply.fields, "token_type": reply.fields["access_token"]}),
)
"""The token itself as its type, which a message about a wrong type must not quote."""
TOKEN_MISSING: Final = _field("access_token missing", access_token=...)
TOKEN_NULL: Final = _field("access_token null", access_token=None)
TOKEN_EMPTY: Final = _field("access_token empty", access_token="")
TOKEN_NUMBER: Final = _field("access_token number", access_token=12345678901234567890)
TOKEN_CRLF: Final = _token("access_token CRLF", lambda token: f"{token}\r\nX-Injected: yes")
TOKEN_SPACES: Final = _token("access_token spaces", lambda token: f"{token[:20]} {token[20:]}")
TOKEN_NON_ASCII: Final = _token("access_token non-ASCII", lambda token: f"{token[:20]}é{token[20:]}")
EXPIRES_EMPTY: Final = _field("expires_in empty", expires_in="")
EXPIRES_MISSING: Final = _field("expires_in missing", expires_in=...)
EXPIRES_NULL: Final = _field("expires_in null", expires_in=None)
EXPIRES_ZERO: Final = _field("expires_in zero", expires_in=0)
EXPIRES_NEGATIVE: Final = _field("expires_in negative", expires_in=-60)
EXPIRES_BOOLEAN: Final = _field("expires_in boolean", expires_in=True)
EXPIRES_HUGE: Final = _field("expires_in 2^62", expires_in=2**62)
EXPIRES_NAN: Final = _field("expires_in NaN", expires_in=float("nan"))
EXPIRES_TEXT: Final = _field("expires_in text", expires_in="soon")


def _epoch(name: str, field: str) -> Fault:
    """The expiry as UNIX time by the server's clock, only in that field."""

    def change(reply: Reply, context: Context) -> Reply:
        fields = {key: value for key, value in reply.fields.items() if key != "expires_in"}
        moment = int(context.now + reply.fields["expires_in"])
        return replace(reply, fields={**fields, field: moment})

    return Fault(name, change)


EXPIRES_EPOCH: Final = _epoch("expires_in UNIX time", "expires_in")
EXPIRES_ON: Final = _epoch("expires_on alone", "expires_on")


def _expires(name: str, spoil: Callable[[int], object]) -> Fault:
    def change(reply: Reply, _: Context) -> Reply:
        return replace(reply, fields={**reply.fields, "expires_in": spoil(int(reply.fields["expires_in"]))})

    return Fault(name, change)


EXPIRES_STRING: Final = _expires("expires_in string", str)
EXPIRES_FLOAT: Final = _expires("expires_in float", lambda seconds: seconds + 0.75)
