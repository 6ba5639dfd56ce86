"""Reads a token request as strictly as the RFC allows, so that nothing sloppy passes here and fails elsewhere."""

import base64
import json
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import unquote_to_bytes

from tests.fakes.assertion import ASSERTION_TYPE
from tests.fakes.issuer import Grant

MAX_BODY = 64 * 1024
"""Bytes of a request: several times the largest sensible one."""

_FORM_ENCODED = re.compile(r"(?:[A-Za-z0-9*\-._~+]|%[0-9A-Fa-f]{2})*")
"""The output of form-encoding: anything else was not encoded."""


class Rejected(Exception):
    """The request gets an error response (RFC 6749, 5.2)."""

    def __init__(self, status: int, error: str, description: str, headers: Mapping[str, str] | None = None) -> None:
        """`error` is the RFC's code."""
        super().__init__(f"{status} {error}: {description}")
        self.status = status
        self.error = error
        self.description = description
        self.headers = dict(headers or {})


@dataclass(frozen=True, slots=True)
class TokenRequest:
    """What was requested, by which client; the secret never shows in its repr."""

    grant: Grant
    client_secret: str = field(repr=False)
    basic: bool
    """The credentials came by HTTP Basic, so a refusal sends WWW-Authenticate."""
    client_assertion: str = field(default="", repr=False)
    """What came instead of the secret."""


def read_request(
    headers: Mapping[str, str], query: str, body: bytes, *, peer: str = "", plain_basic: bool = False
) -> TokenRequest:
    """The token request in a POST to the token endpoint; `headers` with lower-case names.

    :param peer: the client's name in its certificate.
    :param plain_basic: HTTP Basic is taken as it is, without form-decoding.
    :raises Rejected: if it doesn't follow the RFC to the letter.
    """
    if query:
        raise _invalid("no parameter of a token request belongs into the URL")
    if len(body) > MAX_BODY:
        raise Rejected(413, "invalid_request", "the body is too large")
    fields = _fields(headers.get("content-type", ""), body)
    grant_type = fields.pop("grant_type", "")
    if not grant_type:
        raise _invalid("grant_type is missing")
    if grant_type != "client_credentials":
        raise Rejected(400, "unsupported_grant_type", "grant_type must be client_credentials")
    client_id, client_secret = fields.pop("client_id", ""), fields.pop("client_secret", "")
    assertion, assertion_type = fields.pop("client_assertion", ""), fields.pop("client_assertion_type", "")
    if (assertion or assertion_type) and assertion_type != ASSERTION_TYPE:
        raise _invalid("client_assertion_type is none that is known")
    basic = headers.get("authorization", "")
    if basic:
        if client_id or client_secret or assertion:
            raise _invalid("credentials both in the body and in the Authorization header")
        client_id, client_secret = _basic(basic, plain=plain_basic)
    if assertion and client_secret:
        raise _invalid("both a client secret and an assertion")
    if not client_id or not (client_secret or assertion or peer):
        raise Rejected(401, "invalid_client", "client_id or client_secret is missing")
    grant = Grant(
        client_id,
        fields.pop("audience", ""),
        tuple(fields.pop("scope", "").split()),
        tuple(sorted(fields.items())),
    )
    return TokenRequest(grant, client_secret, basic=bool(basic), client_assertion=assertion)


def _invalid(description: str) -> Rejected:
    return Rejected(400, "invalid_request", description)


def _fields(content_type: str, body: bytes) -> dict[str, str]:
    if content_type == "application/json":
        return _json_fields(body)
    if content_type == "application/x-www-form-urlencoded":
        return _form_fields(body)
    raise _invalid("content-type must be application/json or application/x-www-form-urlencoded")


def _json_fields(body: bytes) -> dict[str, str]:
    def unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
        fields = dict(pairs)
        if len(fields) < len(pairs):
            raise _invalid("a parameter is given twice")
        return fields

    try:
        fields = json.loads(body.decode(), object_pairs_hook=unique)
    except (ValueError, RecursionError):
        raise _invalid("the body is no JSON") from None
    if not isinstance(fields, dict) or not all(isinstance(value, str) for value in fields.values()):
        raise _invalid("the body is no JSON object of strings")
    return {name: value for name, value in fields.items() if value}


def _form_fields(body: bytes) -> dict[str, str]:
    fields: dict[str, str] = {}
    try:
        for pair in body.decode("ascii").split("&"):
            name, separator, value = pair.partition("=")
            name, value = _form_decode(name), _form_decode(value)
            if not separator or not name:
                raise _invalid("the body is not form-encoded")
            if name in fields:
                raise _invalid("a parameter is given twice")
            fields[name] = value
    except UnicodeError:
        raise _invalid("the body is not form-encoded UTF-8") from None
    return {name: value for name, value in fields.items() if value}


def _form_decode(text: str) -> str:
    if not _FORM_ENCODED.fullmatch(text):
        raise _invalid("a value is not form-encoded")
    return unquote_to_bytes(text.replace("+", " ")).decode()


def _basic(header: str, *, plain: bool) -> tuple[str, str]:
    """The HTTP Basic credentials, each form-encoded first (RFC 6749, 2.3.1) unless they are `plain`."""
    scheme, _, encoded = header.partition(" ")
    if scheme.lower() != "basic":
        raise _invalid("the Authorization header is not Basic")
    try:
        client_id, separator, client_secret = (
            base64.b64decode(encoded, validate=True).decode("utf-8" if plain else "ascii").partition(":")
        )
        if separator and plain:
            return client_id, client_secret
        if separator:
            return _form_decode(client_id), _form_decode(client_secret)
    except ValueError:
        pass
    raise _invalid("the Authorization header is malformed")
