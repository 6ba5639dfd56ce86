"""The message for a refused token request: what was answered, by which server, and what to do about it. Pure."""

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import SplitResult, urljoin, urlsplit

from integration_token.api.condition import Reason
from integration_token.api.endpoint import RequestEncoding
from integration_token.api.grant import CLIENT_CREDENTIALS
from integration_token.api.names import MANAGER
from integration_token.errors import Failure, Transient, UserActionRequired
from integration_token.telemetry.disclosure import Secrets
from integration_token.telemetry.redaction import leaking, redact

_ERROR_CODE = re.compile(r"[\x20-\x21\x23-\x5b\x5d-\x7e]{1,64}")
"""RFC 6749, A.7, limited to the length of the longest codes in use."""

_DATED = frozenset({"ClientSecretJWT", "PrivateKeyJWT", "ServiceAccountToken"})
"""The methods that send an assertion."""
_GRANTS = {CLIENT_CREDENTIALS: "client credentials", "TokenExchange": "token exchange", "JWTBearer": "JWT bearer"}

_RETRIABLE = frozenset({408, 425, 429})
_REASONS = {
    "invalid_client": Reason.INVALID_CLIENT,
    "access_denied": Reason.ACCESS_DENIED,
    "unauthorized_client": Reason.UNAUTHORIZED_CLIENT,
    "invalid_scope": Reason.INVALID_SCOPE,
}

_STANDARD = frozenset(
    {
        *("invalid_request", "invalid_client", "invalid_grant", "unauthorized_client", "unsupported_grant_type"),
        *("invalid_scope", "access_denied", "server_error", "temporarily_unavailable", "invalid_target"),
    }
)
"""The standard error codes of a token endpoint (RFC 6749, 4.1.2.1 and 5.2; RFC 8693, 2.2.2)."""
_UNDERSTOOD = frozenset({*_REASONS, "invalid_target", "invalid_grant"})
"""Codes that a server returns only after it has read the request's fields: the encoding is right."""
_UNREAD = frozenset({400, 401, 406, 415, 422})
"""Statuses that real servers return for a body they cannot read, such as Spring's 401 without a body."""
_TOO_LARGE = frozenset({413, 431})
"""RFC 9110, 15.5.14 and RFC 6585, 5: the body, and the header fields."""
_LOCATION = re.compile(r"[A-Za-z0-9._~/:\[\]-]{1,200}")
"""A redirect's host and path that can be shown unchanged."""
_MAX_LOCATION = 2048
"""Only this many characters of a Location are read."""


@dataclass(frozen=True, slots=True)
class Asked:
    """How a token was asked for, as far as a message depends on it. Contains no secret."""

    endpoint: str
    """Kind and name of the endpoint, such as `TokenEndpoint login`."""
    url: str
    """Its token URL."""
    encoding: RequestEncoding
    authentication: str
    """The name of the client authentication method."""
    token_type: str
    """The endpoint's own name for the Bearer type; empty if it has none."""
    grant: str = CLIENT_CREDENTIALS
    """The name of the grant type."""

    @property
    def dated(self) -> bool:
        """Whether the request contains a date from the operator's or the API server's clock."""
        return self.grant != CLIENT_CREDENTIALS or self.authentication in _DATED

    @property
    def server(self) -> str:
        """Host and port of the token URL."""
        return place_of(urlsplit(self.url))


def place_of(url: SplitResult) -> str:
    """Host and port of an http or https URL, including the scheme's default port; never its user or password."""
    host = url.hostname or ""
    port = url.port or (80 if url.scheme == "http" else 443)
    return f"[{host}]:{port}" if ":" in host else f"{host}:{port}"


def rejection(
    status: int,
    headers: Mapping[str, str],
    body: bytes,
    asked: Asked,
    secrets: tuple[str, ...],
    *,
    pause: float | None,
) -> Failure:
    """The failure for a response with an error status.

    :param headers: with lower-case names.
    :param pause: seconds to stay away, if the endpoint asked for that.
    """
    if 300 <= status <= 399:
        return _redirect(status, headers.get("location", ""), asked, secrets)
    if status == 407:
        return proxy_refusal(status, asked.server)
    if status in _RETRIABLE or status >= 500:
        reason = Reason.RATE_LIMITED if status == 429 else Reason.ENDPOINT_ERROR
        said = f"{asked.server} answered {status}"
        if status == 500 and asked.dated:
            # Ory Hydra answers 500 instead of refusing such an assertion.
            said += (
                "; some servers answer so if an assertion is dated ahead of their clock: check the clock of"
                " the operator's node"
            )
        return Transient(reason, said, pause=pause)
    try:
        fields = json.loads(body)
    except (ValueError, RecursionError):
        fields = None
    if status in {403, 406} and not isinstance(fields, dict) and _is_page(headers, body):
        return UserActionRequired(
            Reason.REQUEST_REJECTED,
            f"{asked.server} answered {status} with an HTML page: something in front of the endpoint, such as a"
            " firewall or a proxy, refused the request; have it allow requests whose User-Agent begins with"
            f" {MANAGER}/, or check spec.tokenURL of {asked.endpoint}",
        )
    return oauth_failure(fields if isinstance(fields, dict) else {}, status, asked, secrets)


def proxy_refusal(status: int, server: str) -> Failure:
    """The failure for a proxy that does not connect.

    :param status: its status; 0 if unknown.
    :param server: the host and port to connect to.
    """
    said = f" (it answered {status})" if status else ""
    advice = f"check that it allows {server}"
    if status == 407:
        advice = "it requires a user and a password: set them in the URL of --proxy-url"
    return Transient(Reason.ENDPOINT_UNREACHABLE, f"the proxy did not connect to {server}{said}; {advice}")


def oauth_failure(fields: Mapping[str, Any], status: int, asked: Asked, secrets: tuple[str, ...]) -> Failure:
    """The failure for an error response (RFC 6749, 5.2): its code, and its redacted description.

    A 2xx response may contain a token anywhere, so nothing of it is quoted except a standard code.
    """
    error = fields.get("error")
    code = error if isinstance(error, str) and _ERROR_CODE.fullmatch(error) else ""
    known, is_success = Secrets(secrets), 200 <= status <= 299
    said = f"the endpoint answered {status} {redact(code, known)}".rstrip()
    if is_success and code not in _STANDARD:
        said = f"the endpoint answered {status} with an error that is not shown; its log may say more"
    description = fields.get("error_description")
    if not is_success and isinstance(description, str) and (shown := redact(description, known)):
        said += f": {shown}"
    if is_success and code in {"", "server_error", "temporarily_unavailable"}:
        return Transient(Reason.INVALID_RESPONSE, said)
    reason = _REASONS.get(code) or (Reason.INVALID_CLIENT if status == 401 else Reason.REQUEST_REJECTED)
    return UserActionRequired(reason, f"{said}; {_advice(reason, code, status, asked)}")


def _advice(reason: Reason, code: str, status: int, asked: Asked) -> str:
    """What to do about a refusal, the likeliest cause first."""
    if status in _TOO_LARGE:
        return (
            "the request is too large for the server, or for a proxy in front of it: have that limit raised, or send"
            f" less: fewer parameters and headers of {asked.endpoint}, shorter credentials, or a shorter assertion"
        )
    allowed = f"this client may use the {_GRANTS.get(asked.grant, asked.grant)} grant"
    advice = {
        Reason.INVALID_CLIENT: _client_advice(asked),
        Reason.ACCESS_DENIED: "check the credentials, the audience and the client's permissions",
        Reason.UNAUTHORIZED_CLIENT: (
            "check the client secret in the credentials Secret, since some servers, such as Keycloak, answer so to a"
            f" wrong one, and check that {allowed}"
            if asked.authentication.startswith("ClientSecret")
            else f"check that {allowed}; {_client_advice(asked)}"
        ),
        Reason.INVALID_SCOPE: "check spec.scopes",
    }.get(reason) or _grant_advice(code, asked)
    if code in _UNDERSTOOD or not (status in _UNREAD or 200 <= status <= 299):
        return advice
    if asked.encoding is RequestEncoding.JSON:
        return (
            f"set spec.requestEncoding of {asked.endpoint} to Form, which most servers require; if this server accepts"
            f" JSON, {advice}"
        )
    if status == 415:
        return f"set spec.requestEncoding of {asked.endpoint} to JSON: it is Form; or {advice}"
    return advice


def _grant_advice(code: str, asked: Asked) -> str:
    """What to do if the server refused something other than the client."""
    if asked.grant == "TokenExchange":
        if code == "invalid_grant":
            return f"check {_account_advice(asked)}"
        return (
            f"check spec.tokenExchange of {asked.endpoint}, since servers accept few token types; check that the"
            " server accepts the ServiceAccount's token; check spec.tokenURL, the audience and the parameters;"
            f" {_audience_advice(asked)}"
        )
    if asked.grant == "JWTBearer" and code in {"invalid_grant", "invalid_request"}:
        return (
            "check that the endpoint knows the signer of the assertion (the client's key, or this cluster) and lets"
            f" it act for spec.assertion.subject of {asked.endpoint}; {_audience_advice(asked)}"
        )
    return "check spec.tokenURL, the audience and the parameters"


def _account_advice(asked: Asked) -> str:
    return (
        "that the endpoint's server trusts this cluster's ServiceAccount issuer, can fetch its keys, and knows the"
        f" subject system:serviceaccount:NAMESPACE:NAME; {_audience_advice(asked)}"
    )


def _audience_advice(asked: Asked) -> str:
    return (
        f"check that spec.assertion.audience of {asked.endpoint} is what the server expects, either its token URL (the"
        " default) or its issuer, and that the clock of the operator's node is right"
    )


def _client_advice(asked: Asked) -> str:
    """What to do if the server refused the client."""
    method = f"spec.clientAuthenticationMethod of {asked.endpoint}, {asked.authentication},"
    registered = f"that {method} is the method registered for this client"
    if asked.authentication == "PrivateKeyJWT":
        return (
            f"check the client ID, {registered}, and that the public key matching the credentials Secret's private key"
            f" is registered, under the kid that is sent, if any; {_audience_advice(asked)}"
        )
    if asked.authentication == "ServiceAccountToken":
        return f"check that the client is enabled at the server, {registered}, and {_account_advice(asked)}"
    if asked.authentication == "TLSClientAuth":
        return (
            f"check the client ID, {registered}, that the certificate in the credentials Secret or its subject is"
            " registered, and that the server at spec.tokenURL asks for certificates: some servers use another host"
            " for that"
        )
    if asked.authentication == "None":
        return (
            f"check spec.clientID, and whether {method} should be another method: the endpoint requires client"
            " authentication"
        )
    advice = f"check the client ID and the client secret in the credentials Secret, and {registered}"
    if asked.authentication == "ClientSecretJWT":
        advice += f"; {_audience_advice(asked)}"
    if asked.authentication == "ClientSecretBasic":
        # RFC 6749, 2.3.1 form-encodes them first. The message must not reveal which characters the secret has.
        advice += (
            "; some servers do not decode HTTP Basic credentials, others require them encoded: if the ID or the"
            " secret contains characters other than letters and digits, try another spec.basicEncoding or"
            " ClientSecretPost"
        )
    return advice


def _redirect(status: int, location: str, asked: Asked, secrets: tuple[str, ...]) -> Failure:
    to = _target(location, asked.url, secrets)
    said = f"{asked.server} answered {status}, a redirect{f' to {to}' if to else ''}, which is never followed"
    advice = "set spec.tokenURL to the final URL"
    if status in {302, 303}:
        advice = (
            f"check the path of spec.tokenURL of {asked.endpoint}: a login page redirects like this, a token"
            " endpoint does not"
        )
    return UserActionRequired(Reason.REQUEST_REJECTED, f"{said}; {advice}")


def _target(location: str, url: str, secrets: tuple[str, ...]) -> str:
    """Host and path of a redirect, empty if it has none: everything else in its URL may be secret."""
    try:
        parts = urlsplit(urljoin(url, location[:_MAX_LOCATION].strip()))
        path = parts.path.partition(";")[0]  # the rest is a session ID, as Java's servers write it
        shown = f"{parts.hostname or ''}{f':{parts.port}' if parts.port else ''}{path}"
    except ValueError:
        return ""
    if not location or parts.scheme not in {"http", "https"} or not parts.hostname:
        return ""
    # Hosts and paths are long, but their words are short: a path's are separated by slashes, a host's by dots.
    harmless = _LOCATION.fullmatch(shown) and not leaking([shown], secrets, between="/:.-")
    return shown if harmless and not leaking([path], secrets, between="/") else redact(shown, secrets)


def _is_page(headers: Mapping[str, str], body: bytes) -> bool:
    return "html" in headers.get("content-type", "").lower() or body.lstrip()[:1] == b"<"
