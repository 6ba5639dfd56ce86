"""From the bytes of an answer to a token or a typed failure: pure.

What real endpoints send is taken where it is unambiguous (`expires_in` as a numeric string, no `token_type`, unknown
fields), and refused where a guess could put garbage into a Secret that pods send as a header.
"""

import base64
import binascii
import contextlib
import json
import math
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC
from email.utils import parsedate_to_datetime
from typing import Any

from integration_token.api.condition import Reason
from integration_token.api.token import Token
from integration_token.errors import Failure, Transient, UserActionRequired
from integration_token.oauth.scope import Granted, granted_scopes
from integration_token.telemetry.disclosure import Secrets
from integration_token.telemetry.redaction import redact

MAX_BODY = 64 * 1024
"""Bytes of an answer that are read. The target Secret has room for 1 MiB, but tokens travel in headers, and servers
stop reading those at 8 to 64 KiB."""

MAX_PAUSE = 15 * 60.0
"""Seconds that an endpoint can keep us away with Retry-After: a mistaken header must not stop renewal for a day."""

_MAX_LIFETIME = 10 * 365 * 86400.0
"""Seconds, ahead or ago. A longer `expires_in` is cut to this: it fits into a date, and nobody waits for it."""

_TOKEN = re.compile(r"[\x21-\x7e]+")
"""RFC 6749, A.12 allows spaces too, but a Bearer token (RFC 6750, 2.1) has none: it must fit into a header."""
_ERROR_CODE = re.compile(r"[\x20-\x21\x23-\x5b\x5d-\x7e]{1,64}")
"""RFC 6749, A.7, and no longer than any code that is in use."""

_RETRIABLE = frozenset({408, 425, 429})
_REASONS = {
    "invalid_client": Reason.INVALID_CLIENT,
    "access_denied": Reason.ACCESS_DENIED,
    "unauthorized_client": Reason.UNAUTHORIZED_CLIENT,
    "invalid_scope": Reason.INVALID_SCOPE,
}


@dataclass(frozen=True, slots=True)
class Answer:
    """What came back over HTTP."""

    status: int
    headers: Mapping[str, str] = field(repr=False)
    """With lower-case names."""
    body: bytes = field(repr=False)
    sent: float
    """Wall time, in seconds, at which the request was sent: the safe side to count `expires_in` from."""


def read_answer(
    answer: Answer, *, scopes: tuple[str, ...], default_lifetime: float, secrets: tuple[str, ...], received: float
) -> Token:
    """The token in an answer; it may have expired already.

    :param scopes: what was asked for: an answer without `scope` means these (RFC 6749, 5.1).
    :param default_lifetime: seconds, where neither `expires_in` nor a JWT tells the expiry.
    :param secrets: what must not come back in a message.
    :param received: wall time, in seconds, at which the answer was complete.
    :raises Failure: where there is no usable token.
    """
    if not 200 <= answer.status <= 299:
        raise _rejection(answer, secrets, received)
    fields = _fields(answer, secrets)
    if "error" in fields and not fields.get("access_token"):
        raise _oauth_failure(fields, answer.status, secrets)
    token = fields.get("access_token")
    if not isinstance(token, str) or not _TOKEN.fullmatch(token):
        raise Transient(
            Reason.INVALID_RESPONSE,
            "the endpoint's answer has no access_token that fits into a header; check spec.tokenURL and the endpoint",
        )
    token_type = fields.get("token_type")
    if token_type is not None and (not isinstance(token_type, str) or token_type.lower() != "bearer"):
        shown = redact(str(token_type), (*secrets, token))
        raise Transient(
            Reason.INVALID_RESPONSE, f"the endpoint issued a token of type {shown!r}; only Bearer is supported"
        )
    expires, assumed = _expiry(answer, fields, token, default_lifetime)
    scope = fields.get("scope")
    granted = Granted(scopes, incomplete=False)
    if isinstance(scope, str):
        granted = granted_scopes(scope, scopes, (*secrets, token))
    return Token(
        token,
        issued=_floor(answer.sent),
        expires=_floor(expires),
        assumed=assumed,
        scope=granted.scopes,
        scope_incomplete=granted.incomplete,
    )


def _floor(seconds: float) -> float:
    """Whole milliseconds, as times are stored."""
    return math.floor(seconds * 1000) / 1000


def _fields(answer: Answer, secrets: tuple[str, ...]) -> Mapping[str, Any]:
    try:
        fields = json.loads(answer.body)
    except (ValueError, RecursionError):
        fields = None
    if not isinstance(fields, dict):
        kind = redact(answer.headers.get("content-type", "").split(";")[0], secrets) or "no content type"
        raise Transient(
            Reason.INVALID_RESPONSE,
            f"the endpoint answered {answer.status} with no JSON object ({kind}); check spec.tokenURL",
        )
    return fields


def _expiry(answer: Answer, fields: Mapping[str, Any], token: str, default_lifetime: float) -> tuple[float, bool]:
    """When the token expires, and whether that is only assumed: the earlier of `expires_in` and a JWT's `exp`."""
    lifetime = _seconds(fields.get("expires_in"))
    told = [] if lifetime is None else [answer.sent + _bounded(lifetime)]
    exp = _jwt_expiry(token)
    if exp is not None:
        # `exp` is by the endpoint's clock. Its Date header tells what that said, so only the difference is used.
        told.append(answer.sent + _bounded(exp - (_date(answer.headers) or answer.sent)))
    if told:
        return min(told), False
    return answer.sent + default_lifetime, True


def _seconds(value: object) -> float | None:
    """`expires_in`, a JSON number by the RFC and a string at some; None where it is absent.

    :raises Transient: where it is there and is no number of seconds.
    """
    if value is None:
        return None
    if isinstance(value, str) and len(value) <= 32:
        with contextlib.suppress(ValueError):
            value = float(value)
    seconds = _number(value)
    if seconds is None:
        raise Transient(Reason.INVALID_RESPONSE, "the endpoint's answer has an expires_in that is no number of seconds")
    return seconds


def _number(value: object) -> float | None:
    """A JSON number that a float can hold; None for anything else."""
    if isinstance(value, bool) or not isinstance(value, int | float):
        return None
    try:
        number = float(value)
    except OverflowError:
        return None
    return number if math.isfinite(number) else None


def _bounded(lifetime: float) -> float:
    """`lifetime`, but no more than any date can hold, ahead or ago."""
    return max(-_MAX_LIFETIME, min(lifetime, _MAX_LIFETIME))


def _jwt_expiry(token: str) -> float | None:
    """The `exp` of a JWT (RFC 7519, 4.1.4), where the token is one: read, never required, never verified."""
    parts = token.split(".")
    if len(parts) != 3:
        return None
    try:
        claims = json.loads(base64.urlsafe_b64decode(parts[1] + "=" * (-len(parts[1]) % 4)))
    except (ValueError, binascii.Error, RecursionError):
        return None
    return _number(claims.get("exp")) if isinstance(claims, dict) else None


def _date(headers: Mapping[str, str]) -> float | None:
    """An HTTP date in seconds since the epoch, of the Date header."""
    return _http_date(headers.get("date", ""))


def _http_date(text: str) -> float | None:
    try:
        moment = parsedate_to_datetime(text)
        return (moment if moment.tzinfo else moment.replace(tzinfo=UTC)).timestamp()
    except (ValueError, TypeError, IndexError, OverflowError):
        return None


def _rejection(answer: Answer, secrets: tuple[str, ...], received: float) -> Failure:
    status = answer.status
    if 300 <= status <= 399:
        return UserActionRequired(
            Reason.REQUEST_REJECTED,
            f"the endpoint answered {status}, a redirect, which is never followed; set spec.tokenURL to the final URL",
        )
    if status in _RETRIABLE or status >= 500:
        reason = Reason.RATE_LIMITED if status == 429 else Reason.ENDPOINT_ERROR
        return Transient(reason, f"the endpoint answered {status}", pause=_pause(answer.headers, received))
    try:
        fields = json.loads(answer.body)
    except (ValueError, RecursionError):
        fields = None
    return _oauth_failure(fields if isinstance(fields, dict) else {}, status, secrets)


def _oauth_failure(fields: Mapping[str, Any], status: int, secrets: tuple[str, ...]) -> Failure:
    """The failure that an error answer tells (RFC 6749, 5.2): its code, and its description made harmless."""
    error = fields.get("error")
    code = error if isinstance(error, str) and _ERROR_CODE.fullmatch(error) else ""
    known = Secrets(secrets)
    said = f"the endpoint answered {status} {redact(code, known)}".rstrip()
    description = fields.get("error_description")
    if isinstance(description, str) and (shown := redact(description, known)):
        said += f": {shown}"
    if 200 <= status <= 299 and code in {"", "server_error", "temporarily_unavailable"}:
        return Transient(Reason.INVALID_RESPONSE, said)
    reason = _REASONS.get(code) or (Reason.INVALID_CLIENT if status == 401 else Reason.REQUEST_REJECTED)
    return UserActionRequired(reason, f"{said}; {_ADVICE.get(reason, _OTHER_ADVICE)}")


_ADVICE = {
    Reason.INVALID_CLIENT: "check the client ID and the client secret in the credentials Secret",
    Reason.ACCESS_DENIED: "check the credentials, the audience and the integration's permissions",
    Reason.UNAUTHORIZED_CLIENT: "allow this integration the client credentials grant",
    Reason.INVALID_SCOPE: "check spec.scopes",
}
_OTHER_ADVICE = "check spec.tokenURL, the audience and the parameters"


def _pause(headers: Mapping[str, str], received: float) -> float | None:
    """Seconds to stay away, of Retry-After (RFC 9110, 10.2.3) or of `x-ratelimit-reset` (UNIX time); 15 min at most."""
    waits = []
    after = headers.get("retry-after", "").strip()
    if after.isascii() and after.isdigit():
        waits.append(float(after))
    elif (date := _http_date(after)) is not None:
        waits.append(date - (_date(headers) or received))
    reset = headers.get("x-ratelimit-reset", "").strip()
    if reset.isascii() and reset.isdigit():
        waits.append(float(reset) - (_date(headers) or received))
    longest = max(waits, default=0.0)
    return min(longest, MAX_PAUSE) if longest > 0 else None
