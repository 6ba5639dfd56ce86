"""A front for a server: terminates TLS, passes requests on unchanged, and records token requests.

A client certificate is passed on in the header Client-Cert (RFC 9440). Responses are passed on unchanged: no Date is
added to one without it.
"""

import asyncio
import base64
import json
import ssl
import threading
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from types import TracebackType
from typing import Final, Self
from urllib.parse import parse_qs, unquote_plus

import httpcore
from cryptography.x509 import load_pem_x509_certificate
from starlette.types import Receive, Scope, Send

from tests.endpoints import jose
from tests.endpoints.server import Answer
from tests.fakes.certificate import Certificate, ClientAuthority
from tests.fakes.server import HOST, Server

PRIVATE: Final = "/-/"
"""Paths that only this harness and the server use: the front doesn't serve them."""

_SECRET: Final = ("client_assertion", "assertion", "subject_token", "client_secret")
"""Fields of a token request that only the server may see."""

_OWN: Final = frozenset({b"client-cert", b"x-forwarded-proto"})
"""Request headers that only the front sets."""
_HOP: Final = frozenset({b"connection", b"keep-alive", b"transfer-encoding", b"content-length"})
"""Headers of one connection."""


class _Asking(Certificate):
    """A server's certificate; the server requests a client certificate, but doesn't require one."""

    def context(self, *, clients: ClientAuthority | None = None) -> ssl.SSLContext:
        context = super().context(clients=clients)
        context.verify_mode = ssl.CERT_OPTIONAL
        return context


@dataclass(frozen=True, slots=True)
class ClientCertificate:
    """A client's certificate and key in PEM."""

    certificate: str
    private_key: str = field(repr=False)
    subject: str
    """In RFC 4514 notation, as is the next one."""
    issuer: str


class Front:
    """A context manager: inside, it serves at `url`."""

    url: str

    def __init__(self, behind: int, token_path: str, turn: threading.Semaphore | None = None) -> None:
        """:param behind: the server's port.
        :param token_path: requests for it are recorded.
        :param turn: held while a request is with the server, if that can't handle two at once.
        """
        self._turn = turn
        self._behind = f"http://{HOST}:{behind}".encode()
        self._token_path = token_path
        certificate = _Asking.issue(HOST)
        self.ca_pem = certificate.ca_pem
        self._clients = ClientAuthority()
        self.clients_pem = self._clients.ca_pem
        self._server = Server(self, certificate=certificate, clients=self._clients)
        self._noted: list[tuple[frozenset[str], Answer]] = []
        self._sent: set[str] = set()
        self._issued: set[str] = set()
        self._lock = threading.Lock()

    def __enter__(self) -> Self:
        """Starts serving."""
        self.url = self._server.__enter__().url
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        """Stops; what was recorded can still be read."""
        self._server.__exit__(kind, error, traceback)

    def answers(self, names: frozenset[str]) -> tuple[Answer, ...]:
        """Responses to token requests with one of these names: a client's ID, or the subject of its assertion."""
        with self._lock:
            return tuple(answer for named, answer in self._noted if named & names)

    def sent(self) -> frozenset[str]:
        """What token requests contained that nobody else may see: assertions, and secrets in bodies."""
        with self._lock:
            return frozenset(self._sent)

    def issued(self) -> frozenset[str]:
        """The access tokens in the responses."""
        with self._lock:
            return frozenset(self._issued)

    def issue(self, name: str) -> ClientCertificate:
        """Issues a client certificate that the front accepts, with that common name."""
        identity = self._clients.issue(name)
        parsed = load_pem_x509_certificate(identity.chain.encode())
        names = parsed.subject.rfc4514_string(), parsed.issuer.rfc4514_string()
        return ClientCertificate(identity.chain, identity.key, *names)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """The ASGI application."""
        headers: list[tuple[bytes, bytes]] = [
            (name, value) for name, value in scope["headers"] if name not in _OWN | _HOP
        ]
        body = b""
        while (message := await receive())["type"] == "http.request":
            body += message["body"]
            if not message["more_body"]:
                break
        if scope["path"].startswith(PRIVATE):
            await _answer(send, 404, [], b"")
            return
        sent = [*headers, (b"x-forwarded-proto", b"https"), *_certificate(scope)]
        target = scope["raw_path"] + (b"?" + scope["query_string"] if scope["query_string"] else b"")
        async with httpcore.AsyncConnectionPool() as pool, self._own_turn():
            try:
                response = await pool.request(scope["method"], self._behind + target, headers=sent, content=body)
                status, headed, content = response.status, response.headers, response.content
            except (httpcore.NetworkError, httpcore.ProtocolError):
                status, headed, content = 502, [], b""  # as proxies report a server that is down
        if scope["path"] == self._token_path:
            named = _named(dict(headers), body)
            said = _said(content)
            with self._lock:
                self._noted.append((named, Answer(status, said.get("error", ""))))
                self._sent |= _secrets(body)
                self._issued |= {said.get("access_token", "")} - {""}
        kept = [(name, value) for name, value in headed if name.lower() not in _HOP]
        await _answer(send, status, kept, content)

    @asynccontextmanager
    async def _own_turn(self) -> AsyncIterator[None]:
        if self._turn is None:
            yield
            return
        await asyncio.to_thread(self._turn.acquire)
        try:
            yield
        finally:
            self._turn.release()


async def _answer(send: Send, status: int, headers: list[tuple[bytes, bytes]], body: bytes) -> None:
    length = (b"content-length", str(len(body)).encode())
    await send({"type": "http.response.start", "status": status, "headers": [*headers, length]})
    await send({"type": "http.response.body", "body": body})


def _certificate(scope: Scope) -> list[tuple[bytes, bytes]]:
    shown = scope["state"]["transport"].get_extra_info("ssl_object").getpeercert(binary_form=True)
    return [(b"client-cert", b":" + base64.b64encode(shown) + b":")] if shown else []


def _named(headers: dict[bytes, bytes], body: bytes) -> frozenset[str]:
    """The client that a token request names, with any authentication method."""
    form = parse_qs(body.decode(errors="replace"))
    names = set(form.get("client_id", []))
    names |= {str(jose.claims_of(assertion).get("sub", "")) for assertion in form.get("client_assertion", [])}
    scheme, _, credentials = headers.get(b"authorization", b"").decode("latin-1").partition(" ")
    if scheme.lower() == "basic":
        with suppress(ValueError):  # the server will say so
            names.add(unquote_plus(base64.b64decode(credentials).decode().partition(":")[0]))
    return frozenset(names)


def _secrets(body: bytes) -> set[str]:
    """The contents of a token request's secret fields."""
    form = parse_qs(body.decode(errors="replace"))
    return {value for name in _SECRET for value in form.get(name, [])}


def _said(body: bytes) -> dict[str, str]:
    """The members of a JSON response, as text; none if it isn't an object."""
    try:
        found = json.loads(body)
    except ValueError:
        return {}
    return {name: str(value) for name, value in found.items()} if isinstance(found, dict) else {}
