"""From a grant to the bytes of its token request: pure."""

import hashlib
import json
from dataclasses import dataclass, field
from functools import cache
from importlib.metadata import version
from urllib.parse import urlencode

from integration_token.api.condition import Reason
from integration_token.api.endpoint import Endpoint, RequestEncoding
from integration_token.api.integration import Integration
from integration_token.api.names import MANAGER
from integration_token.errors import UserActionRequired
from integration_token.oauth.authentication import METHODS
from integration_token.oauth.grant_type import GRANT_TYPES
from integration_token.oauth.part import GrantInputs, Part, TokenRequestSpec


@dataclass(frozen=True, slots=True)
class TokenRequest:
    """A POST, ready to be sent."""

    url: str
    headers: dict[str, str] = field(repr=False)
    body: bytes = field(repr=False)
    secrets: tuple[str, ...] = field(default=(), repr=False)
    """What no message may repeat if the answer does."""


@cache
def user_agent() -> str:
    """By what a firewall knows the operator: some refuse whoever doesn't say."""
    return f"{MANAGER}/{version(MANAGER)}"


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
    """SHA-256, in hex, of what goes into the resource's requests and is no secret.

    It stands on users' target Secrets: another value for the same inputs would cost a request for each of them.
    """
    inputs = (
        endpoint.ref.kind,
        *grant_inputs(endpoint, integration).fingerprint,
        integration.credentials,
        integration.client_id_key,
        integration.client_secret_key,
    )
    return hashlib.sha256(json.dumps(inputs).encode()).hexdigest()


def authentication_method(name: str) -> Part:
    """The method of that name.

    :raises UserActionRequired: if there is none.
    """
    method = METHODS.get(name)
    if method is None:
        raise UserActionRequired(
            Reason.INVALID_SPEC, f"spec.clientAuthenticationMethod is none of {', '.join(METHODS)}; mend it"
        )
    return method


def needs(inputs: GrantInputs) -> tuple[str, ...]:
    """What of the credentials the request is made from, by the names under which its parts ask for it."""
    return (*GRANT_TYPES[inputs.grant_type].needs, *authentication_method(inputs.authentication).needs)


def build_request(spec: TokenRequestSpec, now: float) -> TokenRequest:
    """The token request (RFC 6749, 4.4.2), with the credentials where the method puts them.

    The JSON body is no part of the RFC, but what Auth0 and the APIs behind it document.

    :param now: wall time in seconds.
    """
    inputs = spec.inputs
    grant = GRANT_TYPES[inputs.grant_type].contribute(spec, now)
    authentication = authentication_method(inputs.authentication).contribute(spec, now)
    body_fields = dict(grant.fields)
    if inputs.audience:
        body_fields["audience"] = inputs.audience
    if inputs.scopes:
        body_fields["scope"] = " ".join(inputs.scopes)
    body_fields |= dict(inputs.parameters)
    body_fields |= authentication.fields
    headers = {"Accept": "application/json", "User-Agent": user_agent(), **grant.headers, **authentication.headers}
    if inputs.encoding is RequestEncoding.FORM:
        headers["Content-Type"] = "application/x-www-form-urlencoded"
        body = urlencode(body_fields).encode()
    else:
        headers["Content-Type"] = "application/json"
        body = json.dumps(body_fields, ensure_ascii=False).encode()
    return TokenRequest(inputs.token_url, headers, body, (*authentication.secrets, *grant.secrets))
