"""Builds the bytes of a token request from a grant. Pure."""

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cache
from importlib.metadata import version
from urllib.parse import urlencode

from integration_token.api.condition import Reason
from integration_token.api.endpoint import Endpoint, RequestEncoding
from integration_token.api.header import fits, overlaid
from integration_token.api.integration import CLIENT_ID, PRIVATE_KEY_KEY, Integration
from integration_token.api.names import MANAGER
from integration_token.api.token import GrantIdentity
from integration_token.errors import UserActionRequired
from integration_token.oauth.authentication import METHODS
from integration_token.oauth.grant_type import GRANT_TYPES
from integration_token.oauth.part import ClientCertificate, GrantInputs, Needs, Part, TokenRequestSpec


@dataclass(frozen=True, slots=True)
class TokenRequest:
    """A POST request, ready to be sent."""

    url: str
    headers: dict[str, str] = field(repr=False)
    body: bytes = field(repr=False)
    secrets: tuple[str, ...] = field(default=(), repr=False)
    """Texts that no message may repeat from the response."""
    certificate: ClientCertificate | None = None
    """For the connection."""


@cache
def user_agent() -> str:
    """Lets firewalls recognise the operator: some refuse requests without it."""
    return f"{MANAGER}/{version(MANAGER)}"


def grant_inputs(endpoint: Endpoint, integration: Integration, account: str) -> GrantInputs:
    """What goes into the resource's requests to the endpoint.

    :param account: the ServiceAccount whose token is sent, in the format of :class:`GrantInputs`.
    """
    return GrantInputs(
        token_url=endpoint.token_url,
        encoding=endpoint.encoding,
        authentication=endpoint.authentication,
        parameters=endpoint.parameters,
        audience=integration.audience or endpoint.audience,
        scopes=integration.scopes,
        grant_type=endpoint.grant,
        basic_encoding=endpoint.basic_encoding,
        assertion=endpoint.assertion,
        token_exchange=endpoint.token_exchange,
        headers=endpoint.headers,
        headers_from=endpoint.headers_from,
        access_token_pointer=endpoint.access_token_pointer,
        expires_in_pointer=endpoint.expires_in_pointer,
        client_id=integration.client_id,
        account=account,
        certificate=bool(integration.certificate_key),
    )


def grant_identity(endpoint: Endpoint, integration: Integration, account: str, revision: str) -> GrantIdentity:
    """The identity of the resource's grant as specified.

    :param account: as in :func:`grant_inputs`.
    :param revision: of the credentials.
    """
    return GrantIdentity(endpoint.uid, grant_hash(endpoint, integration, account), revision)


def grant_hash(endpoint: Endpoint, integration: Integration, account: str = "") -> str:
    """SHA-256, in hex, of the non-secret inputs of the resource's requests.

    It is stored on users' target Secrets: another value for the same inputs would cost a request for each of them.
    """
    inputs = (
        endpoint.ref.kind,
        *grant_inputs(endpoint, integration, account).fingerprint,
        integration.credentials,
        integration.client_id_key,
        integration.client_secret_key,
        *_later_keys(integration),
    )
    return hashlib.sha256(json.dumps(inputs).encode()).hexdigest()


def _later_keys(integration: Integration) -> list[list[str]]:
    """Keys that the first release lacked. Defaults are left out, so that hashes of that release stay valid."""
    keys = (
        ("privateKeyKey", integration.private_key_key, PRIVATE_KEY_KEY),
        ("certificateKey", integration.certificate_key, ""),
        ("jsonKey", integration.json_key, ""),
    )
    return [[name, key] for name, key, default in keys if key != default]


def authentication_method(name: str) -> Part:
    """The method of that name.

    :raises UserActionRequired: if it does not exist.
    """
    return _part(METHODS, name, "clientAuthenticationMethod")


def grant_type(name: str) -> Part:
    """The grant type of that name.

    :raises UserActionRequired: if it does not exist.
    """
    return _part(GRANT_TYPES, name, "grant")


def _part(parts: Mapping[str, Part], name: str, field_: str) -> Part:
    part = parts.get(name)
    if part is None:
        raise UserActionRequired(
            Reason.INVALID_SPEC, f"spec.{field_} is not valid; set it to one of {', '.join(parts)}"
        )
    return part


def needs(inputs: GrantInputs) -> Needs:
    """What the request requires."""
    parts = [
        part.needs(inputs) for part in (grant_type(inputs.grant_type), authentication_method(inputs.authentication))
    ]
    names = dict.fromkeys(name for part in parts for name in part.credentials)
    if inputs.client_id:
        names.pop(CLIENT_ID, None)
    return Needs(
        tuple(names),
        account=any(part.account for part in parts),
        signs=any(part.signs for part in parts),
    )


def header_credential(header: str) -> str:
    """The name of a header's value among the credentials."""
    return f"headersFrom.{header}"


def _header_value(spec: TokenRequestSpec, header: str, key: str) -> str:
    """The value for a header, if it is valid in one."""
    value = spec.credentials[header_credential(header)]
    if not fits(value):
        raise UserActionRequired(
            Reason.CREDENTIALS_INVALID,
            f"key {key} of the credentials Secret, which the endpoint's spec.headersFrom sends as {header}, contains"
            " characters other than printable ASCII, or starts or ends with a space; fix its value",
        )
    return value


def build_request(spec: TokenRequestSpec, now: float) -> TokenRequest:
    """The token request (RFC 6749, 4.4.2), with the credentials where the method puts them.

    The JSON body is not in the RFC; Auth0 and the APIs behind it document it.

    :param now: wall time in seconds.
    :raises UserActionRequired: if the credentials cannot be used.
    """
    inputs = spec.inputs
    grant = grant_type(inputs.grant_type).contribute(spec, now)
    authentication = authentication_method(inputs.authentication).contribute(spec, now)
    fields: dict[str, str | tuple[str, ...]] = dict(grant.fields)
    if inputs.audience:
        fields["audience"] = inputs.audience
    if inputs.scopes:
        fields["scope"] = " ".join(inputs.scopes)
    # Parameters of the spec never replace what the grant sets, whatever schema version they were stored under.
    fields |= {name: value for name, value in inputs.parameters if name not in grant.fields}
    fields |= authentication.fields
    from_credentials = {name: _header_value(spec, name, key) for name, key in inputs.headers_from}
    ours = {"Accept": "application/json", "User-Agent": user_agent()}
    headers = overlaid(ours.items(), (*inputs.headers, *from_credentials.items()))
    headers |= {**grant.headers, **authentication.headers}
    if inputs.encoding is RequestEncoding.FORM:
        headers["Content-Type"] = "application/x-www-form-urlencoded"
        body = urlencode(fields, doseq=True).encode()
    else:
        headers["Content-Type"] = "application/json"
        body = json.dumps(fields, ensure_ascii=False).encode()
    secrets = (*authentication.secrets, *grant.secrets, *from_credentials.values())
    return TokenRequest(inputs.token_url, headers, body, secrets, authentication.certificate)
