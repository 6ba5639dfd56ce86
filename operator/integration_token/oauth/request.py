"""From a grant to the bytes of its token request: pure."""

import base64
import json
from dataclasses import dataclass, field
from urllib.parse import quote_plus, urlencode

from integration_token.api.endpoint import ClientAuthenticationMethod, RequestEncoding


@dataclass(frozen=True, slots=True)
class TokenRequestSpec:
    """All that goes into one token request. Credentials never show in its repr."""

    token_url: str
    audience: str
    scopes: tuple[str, ...]
    parameters: tuple[tuple[str, str], ...]
    encoding: RequestEncoding
    authentication: ClientAuthenticationMethod
    client_id: str = field(repr=False)
    client_secret: str = field(repr=False)


@dataclass(frozen=True, slots=True)
class TokenRequest:
    """A POST, ready to be sent."""

    url: str
    headers: dict[str, str] = field(repr=False)
    body: bytes = field(repr=False)


def build_request(grant: TokenRequestSpec) -> TokenRequest:
    """The token request of RFC 6749, 4.4.2, with the credentials where 2.3.1 puts them.

    The JSON body is no part of the RFC, but what Auth0 and the APIs behind it document.
    """
    fields = {"grant_type": "client_credentials"}
    if grant.audience:
        fields["audience"] = grant.audience
    if grant.scopes:
        fields["scope"] = " ".join(grant.scopes)
    fields |= dict(grant.parameters)
    headers = {"Accept": "application/json"}
    if grant.authentication is ClientAuthenticationMethod.CLIENT_SECRET_BASIC:
        headers["Authorization"] = basic_authorization(grant.client_id, grant.client_secret)
    else:
        fields |= {"client_id": grant.client_id, "client_secret": grant.client_secret}
    if grant.encoding is RequestEncoding.FORM:
        headers["Content-Type"] = "application/x-www-form-urlencoded"
        body = urlencode(fields).encode()
    else:
        headers["Content-Type"] = "application/json"
        body = json.dumps(fields, ensure_ascii=False).encode()
    return TokenRequest(grant.token_url, headers, body)


def basic_authorization(client_id: str, client_secret: str) -> str:
    """HTTP Basic with both values form-encoded first (RFC 6749, 2.3.1)."""
    pair = f"{quote_plus(client_id)}:{quote_plus(client_secret)}"
    return "Basic " + base64.b64encode(pair.encode()).decode()
