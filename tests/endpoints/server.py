"""What all servers have in common, as a test sees them."""

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum
from types import TracebackType
from typing import ClassVar, Final, Protocol, Self

SCOPES: Final = ("orders.read", "orders.write")
"""Those that a client can have: some servers want to know all of them when they start."""
API: Final = "https://orders.example.com/v1"
"""For which a token can be, where the server is told by the request."""


class Method(StrEnum):
    """Of client authentication, as an endpoint's `clientAuthenticationMethod` calls it."""

    CLIENT_SECRET_POST = "ClientSecretPost"
    CLIENT_SECRET_BASIC = "ClientSecretBasic"
    CLIENT_SECRET_JWT = "ClientSecretJWT"
    PRIVATE_KEY_JWT = "PrivateKeyJWT"
    TLS_CLIENT_AUTH = "TLSClientAuth"
    SERVICE_ACCOUNT_TOKEN = "ServiceAccountToken"


class Capability(StrEnum):
    """What some servers do, and others don't."""

    SCOPE_REFUSAL = "scope refusal"
    """A scope that the client hasn't is `invalid_scope`; others leave it out of what they grant, without a word."""
    AUDIENCE = "audience"
    """The field of that name says for which API the token is to be."""
    RESOURCE = "resource"
    """So does this one (RFC 8707)."""


@dataclass(frozen=True, slots=True)
class Answer:
    """What the server said to one token request."""

    status: int
    error: str
    """Of RFC 6749, section 5.2; empty in a success, or where the answer has none."""


class TokenServer(Protocol):
    """A context manager: inside, it runs. It knows no client at first."""

    name: ClassVar[str]
    methods: ClassVar[frozenset[Method]]
    """Those that the server has, as it comes."""
    capabilities: ClassVar[frozenset[Capability]]
    """Those that it has as it is set up here."""
    encoding: ClassVar[str]
    """Of a request's body, as an endpoint's `requestEncoding` calls it."""
    token_url: str
    """By https, at the loopback address."""
    audience: str
    """Of a client assertion, the one that the server wants."""
    ca_pem: str
    """What a client has to trust."""

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
        """Register a client whose ID is its name, and return what a Secret with its credentials holds.

        Beside `client_id` that is `client_secret`, or for a key `private_key` in PEM, or for a certificate that and
        `certificate`, in PEM as well.

        :param lifetime: of its tokens, in seconds.
        :param granted: whether it may use the grant of client credentials.
        :param scopes: that it gets where it asks for them, beside what the server gives to every one: among SCOPES.
        """

    def rotate(self, name: str) -> dict[str, str]:
        """Give the client a new secret, key or certificate, and return what the Secret holds then.

        The server takes the old one no longer.
        """

    def disable(self, name: str) -> None:
        """Let the server know the client no longer, or no longer serve it: what it has for that."""

    def stop(self) -> None:
        """End its process, as an outage does; the front stays, and has nobody to ask."""

    def start(self) -> None:
        """Start it again, with the clients as they were, and wait until it is ready."""

    def requests(self, name: str) -> tuple[Answer, ...]:
        """The token requests in the client's name that reached the server, right or wrong, with its answers."""

    def sent(self) -> frozenset[str]:
        """What the token requests so far held that nobody else may see: assertions, and secrets in bodies."""

    def issued(self) -> frozenset[str]:
        """The access tokens in their answers."""
