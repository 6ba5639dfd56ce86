"""From a grant to the bytes of its token request: pure."""

import hashlib
import json
from dataclasses import MISSING, dataclass, field, fields
from typing import Any
from urllib.parse import urlencode

from integration_token.api.condition import Reason
from integration_token.api.endpoint import Endpoint, RequestEncoding
from integration_token.api.integration import Integration
from integration_token.errors import UserActionRequired
from integration_token.oauth.authentication import METHODS, ClientAuthentication, ClientCredentials
from integration_token.oauth.grant_type import CLIENT_CREDENTIALS, GRANT_TYPES


@dataclass(frozen=True, slots=True)
class GrantInputs:
    """All that goes into a token request and is no secret: listed here alone, so that none can be forgotten where
    grants are told apart."""

    token_url: str
    encoding: RequestEncoding
    authentication: str
    parameters: tuple[tuple[str, str], ...]
    audience: str
    scopes: tuple[str, ...]
    grant_type: str = CLIENT_CREDENTIALS

    @property
    def fingerprint(self) -> tuple[Any, ...]:
        """All of them, as JSON has them: what differs in one is another grant.

        A field that has a default counts only if it differs from that: the fingerprints that are stored on users'
        Secrets must stay what they are when a field is added, or an upgrade would cost a request for each.
        """
        return tuple(
            value if each.default is MISSING else [each.name, value]
            for each in fields(self)
            if (value := getattr(self, each.name)) != each.default
        )


@dataclass(frozen=True, slots=True)
class TokenRequestSpec:
    """One token request as it is to be made."""

    inputs: GrantInputs
    credentials: ClientCredentials = field(repr=False)


@dataclass(frozen=True, slots=True)
class TokenRequest:
    """A POST, ready to be sent."""

    url: str
    headers: dict[str, str] = field(repr=False)
    body: bytes = field(repr=False)
    secrets: tuple[str, ...] = field(default=(), repr=False)
    """What no message may repeat if the answer does."""


def grant_inputs(endpoint: Endpoint, integration: Integration) -> GrantInputs:
    """What goes into the resource's requests to the endpoint."""
    return GrantInputs(
        token_url=endpoint.token_url,
        encoding=endpoint.encoding,
        authentication=endpoint.authentication,
        parameters=endpoint.parameters,
        audience=integration.audience or endpoint.audience,
        scopes=integration.scopes,
    )


def grant_hash(endpoint: Endpoint, integration: Integration) -> str:
    """SHA-256, in hex, of what goes into the resource's requests and is no secret: it stands on the target Secret."""
    inputs = (
        endpoint.ref.kind,
        *grant_inputs(endpoint, integration).fingerprint,
        integration.credentials,
        integration.client_id_key,
        integration.client_secret_key,
    )
    return hashlib.sha256(json.dumps(inputs).encode()).hexdigest()


def authentication_method(name: str) -> ClientAuthentication:
    """The method of that name.

    :raises UserActionRequired: if there is none.
    """
    method = METHODS.get(name)
    if method is None:
        raise UserActionRequired(
            Reason.INVALID_SPEC, f"spec.clientAuthenticationMethod is none of {', '.join(METHODS)}; mend it"
        )
    return method


def build_request(spec: TokenRequestSpec) -> TokenRequest:
    """The token request (RFC 6749, 4.4.2), with the credentials where the method puts them.

    The JSON body is no part of the RFC, but what Auth0 and the APIs behind it document.
    """
    inputs = spec.inputs
    authentication = authentication_method(inputs.authentication).authenticate(spec.credentials)
    body_fields = dict(GRANT_TYPES[inputs.grant_type].fields())
    if inputs.audience:
        body_fields["audience"] = inputs.audience
    if inputs.scopes:
        body_fields["scope"] = " ".join(inputs.scopes)
    body_fields |= dict(inputs.parameters)
    body_fields |= authentication.fields
    headers = {"Accept": "application/json", **authentication.headers}
    if inputs.encoding is RequestEncoding.FORM:
        headers["Content-Type"] = "application/x-www-form-urlencoded"
        body = urlencode(body_fields).encode()
    else:
        headers["Content-Type"] = "application/json"
        body = json.dumps(body_fields, ensure_ascii=False).encode()
    return TokenRequest(inputs.token_url, headers, body, authentication.secrets)
