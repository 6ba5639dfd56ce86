"""The exchangeable parts of a token request: what each needs, and what it adds."""

from collections.abc import Mapping
from dataclasses import MISSING, dataclass, field, fields
from typing import Any, Final, Protocol

from integration_token.api.endpoint import BasicEncoding, RequestEncoding
from integration_token.api.grant import CLIENT_CREDENTIALS, PLAIN_ASSERTION, PLAIN_EXCHANGE, Assertion, TokenExchange
from integration_token.api.integration import CERTIFICATE, CLIENT_ID, PRIVATE_KEY

MULTILINE: Final[Mapping[str, int]] = {PRIVATE_KEY: 16 * 1024, CERTIFICATE: 32 * 1024}
"""Credentials with line breaks, and the most characters each may have: as PEM, a key of 4096 bits has 3,300, and its
certificate and each intermediate have 2,300."""


@dataclass(frozen=True, slots=True)
class GrantInputs:
    """Everything in a token request that is not secret. Listed only here, so that no field can be forgotten when grants
    are compared."""

    token_url: str
    encoding: RequestEncoding
    authentication: str
    parameters: tuple[tuple[str, str | tuple[str, ...]], ...]
    audience: str
    scopes: tuple[str, ...]
    grant_type: str = CLIENT_CREDENTIALS
    basic_encoding: BasicEncoding = BasicEncoding.FORM
    assertion: Assertion = PLAIN_ASSERTION
    token_exchange: TokenExchange = PLAIN_EXCHANGE
    headers: tuple[tuple[str, str], ...] = ()
    headers_from: tuple[tuple[str, str], ...] = ()
    """Header name, and the key of the credentials Secret that holds its value."""
    access_token_pointer: str = ""
    expires_in_pointer: str = ""
    """What is taken from the response identifies the grant as much as what is sent."""
    client_id: str = ""
    """Set if the client ID is not in the credentials Secret."""
    account: str = ""
    """Namespace, name and UID of the ServiceAccount whose token is sent, joined by slashes; empty without one."""
    certificate: bool = False
    """The spec names a key of the credentials Secret for a certificate: assertions then identify it."""

    @property
    def fingerprint(self) -> tuple[Any, ...]:
        """All fields as JSON values: two grants are the same only if these are equal.

        A field with a default counts only if it differs from it. Fingerprints are stored on users' Secrets: if adding a
        field changed them, an upgrade would cost a request for each.
        """
        return tuple(
            value if each.default is MISSING else [each.name, _plain(value)]
            for each in fields(self)
            if (value := getattr(self, each.name)) != each.default
        )

    @property
    def assertion_audience(self) -> str:
        """The audience of an assertion: a single string, since several servers refuse a list."""
        return self.assertion.audience or self.token_url


def _plain(value: Any) -> Any:
    """A JSON value; for a dataclass, only the fields that differ from their defaults."""
    if not isinstance(value, Assertion | TokenExchange):
        return value
    named = ((each, getattr(value, each.name)) for each in fields(value))
    return [[each.name, set_] for each, set_ in named if set_ != each.default]


@dataclass(frozen=True, slots=True)
class TokenRequestSpec:
    """One token request before it is built. Its repr shows no credential."""

    inputs: GrantInputs
    credentials: Mapping[str, str] = field(repr=False)
    """The credentials that its parts need, by the names in :class:`Needs`."""
    account_token: str = field(default="", repr=False)
    """The ServiceAccount's token, requested for this one request. Not part of the grant's identity."""
    places: Mapping[str, str] = field(default_factory=dict)
    """Where each credential was read, for messages, by the same names."""

    @property
    def client_id(self) -> str:
        """The client ID from either source; empty without one."""
        return self.inputs.client_id or self.credentials.get(CLIENT_ID, "")

    def place(self, name: str) -> str:
        """Where the credential of this name was read, for messages."""
        return self.places.get(name, f"{name} of the credentials")


@dataclass(frozen=True, slots=True)
class Needs:
    """What a part requires."""

    credentials: tuple[str, ...] = ()
    """Keys of the credentials Secret, by their default names; spec.credentialsSecretRef may map them to others."""
    account: bool = False
    """Requires a ServiceAccount's token."""
    signs: bool = False
    """Takes long enough that it must run off the event loop."""


def signing_needs(inputs: GrantInputs) -> Needs:
    """What an assertion requires that the client signs with its key. Includes the certificate only if the server
    identifies the key by it."""
    certificate = (CERTIFICATE,) if inputs.certificate else ()
    return Needs((CLIENT_ID, PRIVATE_KEY, *certificate), signs=True)


@dataclass(frozen=True, slots=True)
class ClientCertificate:
    """What a client authenticates with in TLS (RFC 8705)."""

    chain: str = field(repr=False)
    """PEM."""
    key: str = field(repr=False)
    """PEM, not encrypted."""


@dataclass(frozen=True, slots=True)
class Contribution:
    """What one part adds to one token request. Its repr shows none of it."""

    fields: Mapping[str, str] = field(default_factory=dict, repr=False)
    """Fields of the body."""
    headers: Mapping[str, str] = field(default_factory=dict, repr=False)
    secrets: tuple[str, ...] = field(default=(), repr=False)
    """Texts that no message may repeat from the endpoint's response: what was sent, and what can be derived from it."""
    certificate: ClientCertificate | None = None
    """For the connection, which is then not shared with any other request."""


class Part(Protocol):
    """A client authentication method or a grant type. Stateless."""

    def needs(self, inputs: GrantInputs) -> Needs:
        """What it requires for such a request."""

    def contribute(self, spec: TokenRequestSpec, now: float) -> Contribution:
        """What it adds to one request.

        :param now: wall time in seconds, for dated content.
        :raises UserActionRequired: if what it requires cannot be used.
        """
