"""The parts of a token request that can be exchanged: what each is made from, and what it adds."""

from collections.abc import Mapping
from dataclasses import MISSING, dataclass, field, fields
from typing import Any, Final, Protocol

from integration_token.api.endpoint import BasicEncoding, RequestEncoding
from integration_token.api.grant import CLIENT_CREDENTIALS, PLAIN_ASSERTION, PLAIN_EXCHANGE, Assertion, TokenExchange
from integration_token.api.integration import CERTIFICATE, CLIENT_ID, PRIVATE_KEY

MULTILINE: Final[Mapping[str, int]] = {PRIVATE_KEY: 16 * 1024, CERTIFICATE: 32 * 1024}
"""Credentials that have line breaks, and how many characters each may have: a key of 4096 bits has 3,300 as PEM, its
certificate 2,300 and those between that and its root as many each."""


@dataclass(frozen=True, slots=True)
class GrantInputs:
    """All that goes into a token request and is no secret: listed here alone, so that none can be forgotten where
    grants are told apart."""

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
    """By the key of the credentials Secret that each one's value is read from."""
    access_token_pointer: str = ""
    expires_in_pointer: str = ""
    """What of the answer is taken is as much a part of the grant as what is sent."""
    client_id: str = ""
    """Where it is no part of the credentials Secret."""
    account: str = ""
    """Namespace, name and UID of the ServiceAccount whose token is sent, with slashes between; empty where there is
    none."""
    certificate: bool = False
    """The spec names a key of the credentials Secret for a certificate: assertions then tell which one it is."""

    @property
    def fingerprint(self) -> tuple[Any, ...]:
        """All of them, as JSON has them: what differs in one is another grant.

        A field that has a default counts only if it differs from that: the fingerprints that are stored on users'
        Secrets must stay what they are when a field is added, or an upgrade would cost a request for each.
        """
        return tuple(
            value if each.default is MISSING else [each.name, _plain(value)]
            for each in fields(self)
            if (value := getattr(self, each.name)) != each.default
        )

    @property
    def assertion_audience(self) -> str:
        """Whom an assertion is for: one text, since several servers refuse a list."""
        return self.assertion.audience or self.token_url


def _plain(value: Any) -> Any:
    """A value as JSON has it; of those that have fields what differs from their defaults."""
    if not isinstance(value, Assertion | TokenExchange):
        return value
    named = ((each, getattr(value, each.name)) for each in fields(value))
    return [[each.name, set_] for each, set_ in named if set_ != each.default]


@dataclass(frozen=True, slots=True)
class TokenRequestSpec:
    """One token request as it is to be made. No credential shows in the repr."""

    inputs: GrantInputs
    credentials: Mapping[str, str] = field(repr=False)
    """What was read of what its parts need, by the names under which they ask for it."""
    account_token: str = field(default="", repr=False)
    """The ServiceAccount's, got for this one request: no part of what grants are told apart by."""
    places: Mapping[str, str] = field(default_factory=dict)
    """Where the credentials were read, for people, by the same names."""

    @property
    def client_id(self) -> str:
        """The client ID, wherever it is from; empty where there is none."""
        return self.inputs.client_id or self.credentials.get(CLIENT_ID, "")

    def place(self, name: str) -> str:
        """Where the credential of this name was read, for people."""
        return self.places.get(name, f"{name} of the credentials")


@dataclass(frozen=True, slots=True)
class Needs:
    """What a part is made from."""

    credentials: tuple[str, ...] = ()
    """The keys of the credentials Secret that are read for it, by the names that they have unless
    spec.credentialsSecretRef gives others."""
    account: bool = False
    """The token of a ServiceAccount."""
    signs: bool = False
    """It takes so long to make that others are to run meanwhile."""


def signing_needs(inputs: GrantInputs) -> Needs:
    """What an assertion takes that the client signs with its key: its certificate only for a server that knows the key
    by that."""
    certificate = (CERTIFICATE,) if inputs.certificate else ()
    return Needs((CLIENT_ID, PRIVATE_KEY, *certificate), signs=True)


@dataclass(frozen=True, slots=True)
class ClientCertificate:
    """What a client proves itself by in TLS (RFC 8705)."""

    chain: str = field(repr=False)
    """PEM."""
    key: str = field(repr=False)
    """PEM, not encrypted."""


@dataclass(frozen=True, slots=True)
class Contribution:
    """What one part adds to one token request. Nothing of it shows in the repr."""

    fields: Mapping[str, str] = field(default_factory=dict, repr=False)
    """Of the body."""
    headers: Mapping[str, str] = field(default_factory=dict, repr=False)
    secrets: tuple[str, ...] = field(default=(), repr=False)
    """What no message may repeat if the endpoint's answer does: what it was sent, or could make of that."""
    certificate: ClientCertificate | None = None
    """For the connection, which is then shared with no other request."""


class Part(Protocol):
    """A method of client authentication, or a grant type. It keeps nothing."""

    def needs(self, inputs: GrantInputs) -> Needs:
        """What it takes to make its share of such a request."""

    def contribute(self, spec: TokenRequestSpec, now: float) -> Contribution:
        """Its share of one request.

        :param now: wall time in seconds, for what bears a date.
        :raises UserActionRequired: where what it is made from cannot be used.
        """
