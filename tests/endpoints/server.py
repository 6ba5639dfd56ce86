"""What all servers have in common, as a test sees them."""

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum
from types import TracebackType
from typing import ClassVar, Final, Protocol, Self

SCOPES: Final = ("orders.read", "orders.write")
"""Scopes that a client can have: some servers need the full list when they start."""
API: Final = "https://orders.example.com/v1"
"""Audiences that a token can have, if the request sets them."""


class Method(StrEnum):
    """Client authentication methods, with the values of an endpoint's `clientAuthenticationMethod`."""

    CLIENT_SECRET_POST = "ClientSecretPost"
    CLIENT_SECRET_BASIC = "ClientSecretBasic"
    CLIENT_SECRET_JWT = "ClientSecretJWT"
    PRIVATE_KEY_JWT = "PrivateKeyJWT"
    TLS_CLIENT_AUTH = "TLSClientAuth"
    SERVICE_ACCOUNT_TOKEN = "ServiceAccountToken"


class Capability(StrEnum):
    """What some servers do, and others don't."""

    SCOPE_REFUSAL = "scope refusal"
    """A scope that the client lacks is `invalid_scope`; other servers silently omit it."""
    AUDIENCE = "audience"
    """The field of that name sets the API that the token is for."""
    RESOURCE = "resource"
    """So does this one (RFC 8707)."""


@dataclass(frozen=True, slots=True)
class Answer:
    """The server's response to one token request."""

    status: int
    error: str
    """As in RFC 6749, section 5.2; empty in a success, or if the response has none."""


class TokenServer(Protocol):
    """A context manager: inside, it runs. At first it knows no clients."""

    name: ClassVar[str]
    methods: ClassVar[frozenset[Method]]
    """Methods that the server supports as published."""
    capabilities: ClassVar[frozenset[Capability]]
    """Capabilities in the setup used here."""
    encoding: ClassVar[str]
    """Encodings of a request's body, with the values of an endpoint's `requestEncoding`."""
    token_url: str
    """With https, on the loopback address."""
    audience: str
    """The audience that the server expects in a client assertion."""
    ca_pem: str
    """The CA that a client must trust."""

    def __enter__(self) -> Self: ...

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None: ...

    def add_client(
        self,
        name: str,
        *,
        method: Method = Method.CLIENT_SECRET_POST,
        lifetime: int = 300,
        granted: bool = True,
        scopes: Sequence[str] = (),
    ) -> dict[str, str]:
        """Registers a client whose ID is its name, and returns the content of a Secret with its credentials.

        In addition to `client_id` that is `client_secret`, or for a key `private_key` in PEM, or for a certificate that
        and `certificate`, both in PEM.

        :param lifetime: of its tokens, in seconds.
        :param granted: whether it may use the client credentials grant.
        :param scopes: from SCOPES, which it gets on request, in addition to the server's defaults.
        """

    def rotate(self, name: str) -> dict[str, str]:
        """Gives the client a new secret, key or certificate, and returns the Secret's new content.

        The server no longer accepts the old one.
        """

    def disable(self, name: str) -> None:
        """Disables or deletes the client, whichever the server supports."""

    def stop(self) -> None:
        """Stops its process, as in an outage; the front stays, without a server behind it."""

    def start(self) -> None:
        """Restarts it with the same clients, and waits until it is ready."""

    def requests(self, name: str) -> tuple[Answer, ...]:
        """The client's token requests that reached the server, successful or not, with the responses."""

    def sent(self) -> frozenset[str]:
        """What token requests have contained so far that nobody else may see: assertions, and secrets in bodies."""

    def issued(self) -> frozenset[str]:
        """The access tokens in the responses."""
