"""Turns the bytes of a response into a token or a typed failure. Pure.

Accepts what real endpoints send where it is unambiguous (`expires_in` as a numeric string, no `token_type`, unknown
fields). Refuses whatever would need a guess that could put garbage into a Secret that pods send as a header.
"""

import json
import math
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from integration_token.api.condition import Reason
from integration_token.api.endpoint import may_be_taken_for_bearer
from integration_token.api.jwt import claims_of
from integration_token.api.pointer import find
from integration_token.api.token import Token
from integration_token.errors import Transient
from integration_token.oauth.content import ContentError, content_of
from integration_token.oauth.expiry import NO_DURATION, http_date, number, read_expiry, server_clock
from integration_token.oauth.refusal import Asked, oauth_failure, rejection
from integration_token.oauth.scope import Granted, granted_scopes
from integration_token.telemetry.redaction import is_of_secret, redact

MAX_PAUSE = 15 * 60.0
"""The longest that Retry-After can keep us away, in seconds: a mistaken header must not stop renewal for a day."""

_TOKEN = re.compile(r"[\x21-\x7e]+")
"""RFC 6749, A.12 allows spaces too, but a Bearer token (RFC 6750, 2.1) has none: it must fit in a header."""

_MAX_TOKEN_ID = 128
"""Maximum length of a `jti`: those in use are UUIDs and the like."""

_DIGITS = re.compile(r"([0-9]+)(?:,.*)?")
"""If a header was sent twice, the first value counts."""


@dataclass(frozen=True, slots=True)
class Answer:
    """An HTTP response."""

    status: int
    headers: Mapping[str, str] = field(repr=False)
    """With lower-case names."""
    body: bytes = field(repr=False)
    sent: float
    """Wall time, in seconds, at which the request was sent: the safe side to count `expires_in` from."""


def read_answer(
    answer: Answer,
    *,
    asked: Asked,
    scopes: tuple[str, ...],
    default_lifetime: float,
    maximum_lifetime: float | None = None,
    secrets: tuple[str, ...],
    received: float,
    access_token_pointer: str = "",
    expires_in_pointer: str = "",
) -> Token:
    """The token in a response; it may already have expired.

    :param asked: how it was asked for.
    :param scopes: what was asked for. A response without `scope` should mean these (RFC 6749, 5.1), but servers that
        granted none of them send it too.
    :param default_lifetime: seconds, if neither `expires_in` nor a JWT states the expiry.
    :param maximum_lifetime: a lifetime longer than this many seconds is not believed; None for no limit.
    :param secrets: texts that no message may repeat.
    :param received: wall time, in seconds, at which the response was complete.
    :param access_token_pointer: where the response holds the token (RFC 6901), if not where RFC 6749 puts it.
    :param expires_in_pointer: the same for its lifetime.
    :raises Failure: if there is no usable token.
    """
    if not 200 <= answer.status <= 299:
        pause = _pause(answer.headers, received)
        raise rejection(answer.status, answer.headers, _refused_content(answer), asked, secrets, pause=pause)
    fields = _fields(answer, asked, secrets)
    token = find(fields, access_token_pointer or "/access_token")
    if "error" in fields and not token:
        raise oauth_failure(fields, answer.status, asked, secrets)
    if not isinstance(token, str) or not _TOKEN.fullmatch(token):
        raise Transient(Reason.INVALID_RESPONSE, _no_token(access_token_pointer, asked))
    if expires_in_pointer:
        fields = {**fields, "expires_in": find(fields, expires_in_pointer)}
    _check_type(fields.get("token_type"), asked)
    claims = claims_of(token) or {}
    expiry = read_expiry(
        fields,
        number(claims.get("exp")),
        answer.headers,
        sent=answer.sent,
        received=received,
        default_lifetime=default_lifetime,
        maximum_lifetime=maximum_lifetime,
    )
    scope = fields.get("scope")
    granted = Granted(None, incomplete=False)
    if isinstance(scope, str):
        granted = granted_scopes(scope, scopes, (*secrets, token))
    return Token(
        token,
        issued=_floor(answer.sent),
        expires=_floor(expiry.expires),
        assumed=expiry.assumption is not None,
        scope=granted.scopes,
        scope_incomplete=granted.incomplete,
        assumption=expiry.assumption,
        token_id=_token_id(claims.get("jti"), secrets),
        skew=expiry.skew,
    )


def _no_token(pointer: str, asked: Asked) -> str:
    if not pointer:
        return "the endpoint's response has no access_token that fits in a header; check spec.tokenURL and the endpoint"
    return (
        f"the endpoint's response has no string that fits in a header at {pointer}; check"
        f" spec.response.accessTokenPointer of {asked.endpoint}"
    )


def _floor(seconds: float) -> float:
    """Rounded down to milliseconds, as times are stored."""
    return math.floor(seconds * 1000) / 1000


def _check_type(token_type: object, asked: Asked) -> None:
    """Accepts a missing, null or empty type as Bearer.

    :raises Transient: if it is any other type than Bearer, in whatever case (RFC 6749, 5.1).
    """
    if token_type is None or token_type == "":
        return
    if isinstance(token_type, str) and token_type.lower() in {"bearer", asked.token_type.lower()}:
        return
    advice = "only Bearer is supported"
    if isinstance(token_type, str) and may_be_taken_for_bearer(token_type):
        advice += (
            "; if the endpoint's documentation says that its token_type is another name for Bearer, set"
            f" spec.response.tokenType of {asked.endpoint} to that name"
        )
    raise Transient(Reason.INVALID_RESPONSE, f"the endpoint issued a token that is not of type Bearer; {advice}")


def _content(answer: Answer) -> bytes:
    return content_of(answer.body, answer.headers.get("content-encoding", ""))


def _refused_content(answer: Answer) -> bytes:
    """The content of an error response, if readable: the status alone may be enough."""
    try:
        return _content(answer)
    except ContentError:
        return b""


def _fields(answer: Answer, asked: Asked, secrets: tuple[str, ...]) -> Mapping[str, Any]:
    try:
        fields = json.loads(_content(answer))
    except ContentError as error:
        raise Transient(
            Reason.INVALID_RESPONSE,
            f"the response of {asked.server} is {error}; have the endpoint, or the proxy in front of it,"
            " respond uncompressed",
        ) from None
    except (ValueError, RecursionError):
        fields = None
    if not isinstance(fields, dict):
        kind = redact(answer.headers.get("content-type", "").split(";")[0], secrets) or "no content type"
        raise Transient(
            Reason.INVALID_RESPONSE,
            f"{asked.server} answered {answer.status} without a JSON object ({kind}); check spec.tokenURL",
        )
    return fields


def _token_id(jti: object, secrets: tuple[str, ...]) -> str:
    """A `jti` that is safe to show; empty without one. The endpoint chooses it, so it could be something that it was
    sent."""
    if not isinstance(jti, str) or len(jti) > _MAX_TOKEN_ID or not (jti.isascii() and jti.isprintable()):
        return ""
    return "" if is_of_secret(jti, secrets) else jti


def _pause(headers: Mapping[str, str], received: float) -> float | None:
    """Seconds to stay away, from Retry-After (RFC 9110, 10.2.3) or from `x-ratelimit-reset`, which is UNIX time at some
    servers and seconds at others; at most 15 min."""
    clock = server_clock(headers, received)
    now = received if clock is None else clock
    waits = []
    after = headers.get("retry-after", "").strip()
    if digits := _DIGITS.fullmatch(after):
        waits.append(float(digits[1]))
    elif (date := http_date(after)) is not None:
        waits.append(date - now)
    reset = headers.get("x-ratelimit-reset", "").strip()
    if digits := _DIGITS.fullmatch(reset):
        seconds = float(digits[1])
        waits.append(seconds if seconds < NO_DURATION else seconds - now)
    longest = max(waits, default=0.0)
    return min(longest, MAX_PAUSE) if longest > 0 else None
