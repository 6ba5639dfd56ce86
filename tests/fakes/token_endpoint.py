"""A token endpoint like other people's: strict, cached, and as faulty as a test wants."""

import time
from collections.abc import Callable, Mapping
from contextlib import AbstractContextManager, ExitStack
from email.utils import formatdate
from types import TracebackType
from typing import Final, Self

from starlette.types import Receive, Scope, Send

from tests.fakes.assertion import KnownKey
from tests.fakes.certificate import Certificate, ClientAuthority, name_of
from tests.fakes.delivery import deliver
from tests.fakes.fault import Fault
from tests.fakes.issuer import Grant, Issuer, Policy
from tests.fakes.record import Record
from tests.fakes.server import HOST, Server
from tests.fakes.service import PATH, Accepts, TokenService

AUDIENCE: Final = "https://api.example"
"""The only audience that the endpoint knows by default."""


class TokenEndpoint:
    """A context manager: inside, the endpoint serves at `url`; other threads can use everything too.

    Attributes: `url` is where tokens are requested, `audience` a known one, `ca_pem` what to trust if it uses TLS,
    `issuer` the tokens themselves, for an API that checks them.
    """

    url: str

    def __init__(
        self,
        *,
        lifetime: float = 86400.0,
        lead: float = 3600.0,
        policy: Policy | Callable[[Grant], Policy] | None = None,
        clients: Mapping[str, str] | None = None,
        accepts: Accepts | None = None,
        audiences: tuple[str, ...] | None = (AUDIENCE,),
        scopes: tuple[str, ...] | None = None,
        unauthorized: str = "access_denied",
        tls: bool = False,
        certificate_name: str = HOST,
        certificate: Certificate | None = None,
        client_certificates: ClientAuthority | None = None,
        keys: Mapping[str, KnownKey] | None = None,
        plain_basic: bool = False,
        federated: Accepts | None = None,
        skew: float = 0.0,
        date: bool = True,
        clock: Callable[[], float] = time.time,
    ) -> None:
        """:param lifetime: seconds; with `lead`, the policy of every grant unless `policy` is given.
        :param lead: seconds before a token's expiry from which on a new one is returned.
        :param clients: secrets by client ID. A test may change the mapping while it is served.
        :param accepts: instead: whether a client ID and a secret belong together.
        :param audiences: the known ones, of which `audience` is the first; None: any, or none.
        :param certificate_name: the name or address that the certificate is for, even a wrong one.
        :param certificate: instead of `tls`: its certificate.
        :param client_certificates: the CA of required client certificates, whose common name authenticates the client;
            needs TLS.
        :param keys: of clients that authenticate with assertions, by client ID; may be changed later.
        :param plain_basic: HTTP Basic is taken as it is, without form-decoding.
        :param federated: instead of `keys`: whether a client ID and an assertion from another issuer belong together.
        :param skew: seconds that the server's clock is ahead, in Date and in a JWT's `exp`.
        :param date: whether responses have a Date header.
        """
        known = {} if clients is None else clients
        self.issuer = Issuer(policy or Policy(lifetime, lead), skew=skew)
        self.service = TokenService(
            self.issuer,
            accepts or (lambda client_id, secret: known.get(client_id) == secret),
            audiences=audiences,
            scopes=scopes,
            unauthorized=unauthorized,
            skew=skew,
            keys=keys,
            plain_basic=plain_basic,
            federated=federated,
        )
        self.shown: list[str] = []
        """The serial numbers of client certificates in requests, in hex."""
        self._certificate = certificate or (Certificate.issue(certificate_name) if tls else None)
        self._clock = clock
        self._skew = skew
        self._date = date
        self._server = Server(self, certificate=self._certificate, clients=client_certificates)
        self._stack = ExitStack()
        self.audience = audiences[0] if audiences else ""

    def __enter__(self) -> Self:
        """Starts serving."""
        self._stack.enter_context(self._server)
        self.url = self.service.url = self._server.url + PATH
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        """Stops; log and tokens can still be read."""
        self._stack.close()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """The ASGI application."""
        now = self._clock()
        headers = {name.decode("latin-1"): value.decode("latin-1") for name, value in scope["headers"]}
        body = b""
        while (message := await receive())["type"] == "http.request":
            body += message["body"]
            if not message["more_body"]:
                break
        query, certificate = scope["query_string"].decode(), scope["state"]["transport"].get_extra_info("peercert")
        if certificate:
            self.shown.append(certificate["serialNumber"])
        peer = name_of(certificate)
        reply = self.service.answer(scope["method"], scope["path"], headers, query, body, now, peer=peer)
        date = formatdate(self._clock() + self._skew, usegmt=True) if self._date else None
        await deliver(reply, date, scope, receive, send)

    @property
    def ca_pem(self) -> str:
        """What a client must trust."""
        if self._certificate is None:
            raise ValueError("the endpoint speaks no TLS")
        return self._certificate.ca_pem

    @property
    def log(self) -> tuple[Record, ...]:
        """Every request so far."""
        return self.service.log.entries()

    def wait_for(self, enough: Callable[[tuple[Record, ...]], bool], timeout: float = 10.0) -> tuple[Record, ...]:
        """The log, as soon as it is long enough.

        :raises TimeoutError: if it isn't after `timeout` seconds.
        """
        return self.service.log.wait_for(enough, timeout)

    def fault(self, fault: Fault, *, client_id: str | None = None, count: int | None = None) -> None:
        """Makes the next `count` requests, or all, of that client, or of all, meet the fault; the latest one wins."""
        self.service.arm(fault, client_id, count)

    def mend(self, client_id: str | None = None) -> None:
        """Ends the faults of that client, or all."""
        self.service.disarm(client_id)

    def away(self) -> AbstractContextManager[None]:
        """A block in which connections are refused."""
        return self._server.away()

    def roll_over(self, client_id: str | None = None) -> None:
        """Makes the next request of that client, or of any, mint a new token, whatever the time."""
        self.issuer.roll_over(client_id)

    def revoke(self, client_id: str | None = None) -> None:
        """Expires the tokens of that client, or all, now: the API refuses them and the cache forgets them."""
        self.issuer.revoke(client_id, now=self._clock())

    def tokens(self, client_id: str | None = None) -> tuple[str, ...]:
        """The value of every token that was minted, for a test that looks for leaks."""
        return tuple(token.value for token in self.issuer if client_id in (None, token.grant.client_id))
