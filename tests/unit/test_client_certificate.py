"""Clients that authenticate with a certificate (RFC 8705): each request has its own TLS session, and no key leaks."""

import asyncio
import gc
import json
import os
import resource
import socket
import ssl
import sys
import threading
import traceback
import weakref
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import contextmanager, suppress
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.hazmat.primitives.serialization import (
    BestAvailableEncryption,
    Encoding,
    NoEncryption,
    PrivateFormat,
    load_pem_private_key,
)
from integration_token.api.condition import Reason
from integration_token.errors import EndpointUnusable, Failure, Transient, UserActionRequired
from integration_token.oauth import pool, trust
from integration_token.oauth.address import Policy
from integration_token.oauth.client import Route, TokenClient
from integration_token.oauth.client_certificate import certified_context
from integration_token.oauth.part import ClientCertificate
from integration_token.oauth.request import TokenRequest

from tests.fakes.certificate import Certificate, ClientAuthority, ClientIdentity
from tests.unit.virtual import FakeClock

HOST = "127.0.0.1"
TRIAL = Policy(insecure=True, allowed_hosts=frozenset(), private_hosts=frozenset())
SERVER = Certificate.issue(HOST, "login.example")
AUTHORITY = ClientAuthority()
SHOP = AUTHORITY.issue("shop")
STRANGER = ClientAuthority().issue("shop")
EXPIRED = AUTHORITY.issue("shop", not_after=datetime.now(UTC) - timedelta(hours=1))
ROUTE = Route(ca_bundle=SERVER.ca_pem, timeout=5.0, private=False)

TLS_1_2, TLS_1_3 = ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3


class Server:
    """A token endpoint on blocking sockets that refuses clients with a TLS alert, as OpenSSL does.

    It answers each request with the serial number of the client's certificate, and keeps connections open.
    """

    def __init__(self, version: ssl.TLSVersion = TLS_1_3, *, demands: bool = True) -> None:
        """Speaks that TLS version; `demands`: requires a client certificate."""
        self.connections = 0
        self.resumed: list[bool] = []
        self.heads: list[str] = []
        self._context = SERVER.context(clients=AUTHORITY if demands else None)
        self._context.minimum_version = self._context.maximum_version = version
        self._socket = socket.create_server((HOST, 0))
        self.port: int = self._socket.getsockname()[1]
        self.url = f"https://{HOST}:{self.port}/token"

    def run(self) -> None:
        """Runs until its socket is closed."""
        while True:
            try:
                connection, _ = self._socket.accept()
            except OSError:
                return
            self.connections += 1
            # The server handles one client at a time: an open connection keeps out the next client.
            with suppress(OSError), self._context.wrap_socket(connection, server_side=True) as secured:
                secured.settimeout(5)
                self._serve(secured)

    def _serve(self, secured: ssl.SSLSocket) -> None:
        self.resumed.append(bool(secured.session_reused))
        shown = secured.getpeercert() or {}
        body = json.dumps({"access_token": shown.get("serialNumber", "none")}).encode()
        while head := self._head(secured):
            self.heads.append(head)
            secured.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n%s" % (len(body), body))

    def _head(self, secured: ssl.SSLSocket) -> str:
        """The head of the next request, whose body is `x`."""
        read = b""
        while not read.endswith(b"\r\n\r\nx"):
            piece = secured.recv(4096)
            if not piece:
                return ""
            read += piece
        return read.decode()

    def close(self) -> None:
        """Stops the server."""
        self._socket.shutdown(socket.SHUT_RDWR)
        self._socket.close()


@contextmanager
def serving(version: ssl.TLSVersion = TLS_1_3, *, demands: bool = True) -> Iterator[Server]:
    """Such a server, in its own thread."""
    server = Server(version, demands=demands)
    thread = threading.Thread(target=server.run, daemon=True)
    thread.start()
    try:
        yield server
    finally:
        server.close()
        thread.join(10)


@pytest.fixture
async def client(clock: FakeClock) -> AsyncIterator[TokenClient]:
    """A client of an installation for trials."""
    client = TokenClient(clock, TRIAL, None)
    yield client
    await client.close()


def request(url: str, identity: ClientIdentity | None = SHOP) -> TokenRequest:
    """A token request with that client certificate."""
    certificate = ClientCertificate(identity.chain, identity.key) if identity else None
    return TokenRequest(url, {"Content-Type": "text/plain"}, b"x", certificate=certificate)


async def shown(client: TokenClient, url: str, identity: ClientIdentity | None = SHOP) -> str:
    """The serial number of the certificate that the server saw."""
    answer = await client.send(request(url, identity), ROUTE)
    return str(json.loads(answer.body)["access_token"])


async def failure(client: TokenClient, request: TokenRequest, route: Route = ROUTE) -> Failure:
    """The failure of a request; neither it, its causes nor their frames show the key."""
    with pytest.raises(Failure) as caught:
        await client.send(request, route)
    told = "".join(traceback.format_exception(caught.value)) + repr(caught.value) + repr(request)
    key = request.certificate.key if request.certificate else ""
    assert [line for line in key.splitlines() if line and line in told and not line.startswith("-----")] == []
    assert caught.value.__cause__ is None
    return caught.value


@pytest.mark.parametrize("version", [TLS_1_2, TLS_1_3])
async def test_the_server_sees_the_certificate(client: TokenClient, version: ssl.TLSVersion) -> None:
    """With either TLS version in use; the request also tells the server to close the connection afterwards."""
    with serving(version) as server:
        assert await shown(client, server.url) == SHOP.serial_number
    [head] = server.heads
    assert "connection: close\r\n" in head.lower()


@pytest.mark.parametrize("version", [TLS_1_2, TLS_1_3])
async def test_no_two_requests_share_a_connection_or_a_session(client: TokenClient, version: ssl.TLSVersion) -> None:
    """Neither two clients, nor one client twice, nor one without a certificate: each request is judged alone."""
    other = AUTHORITY.issue("other")
    with serving(version) as server:
        seen = [await shown(client, server.url, identity) for identity in (SHOP, other, SHOP, other)]
    assert seen == [identity.serial_number for identity in (SHOP, other, SHOP, other)]
    assert server.connections == 4
    assert server.resumed == [False] * 4


async def test_requests_without_a_certificate_go_on_without_one(client: TokenClient) -> None:
    """To the same host, with the same CA certificates, before and after."""
    with serving(demands=False) as server:
        seen = [await shown(client, server.url, None)]
        await client.close()  # it would keep out the next client
        seen += [await shown(client, server.url)]
        seen += [await shown(client, server.url, None), await shown(client, server.url, None)]
    assert seen == ["none"] * 4  # it required none
    assert server.connections == 3


async def test_a_renewed_certificate_is_shown_with_the_next_request(client: TokenClient) -> None:
    """Nothing of the old one is kept."""
    renewed = AUTHORITY.issue("shop")
    with serving() as server:
        assert await shown(client, server.url) == SHOP.serial_number
        assert await shown(client, server.url, renewed) == renewed.serial_number


async def test_the_chain_may_be_followed_by_an_authority_and_the_key_may_be_in_any_form(client: TokenClient) -> None:
    """As cert-manager and openssl write them: PKCS#8 or not, with the issuer at the end."""
    key = load_pem_private_key(SHOP.key.encode(), None)
    forms = [
        key.private_bytes(Encoding.PEM, form, NoEncryption()).decode()
        for form in (PrivateFormat.PKCS8, PrivateFormat.TraditionalOpenSSL)
    ]
    with serving() as server:
        for form in forms:
            identity = ClientIdentity(SHOP.chain + AUTHORITY.ca_pem, form)
            assert await shown(client, server.url, identity) == SHOP.serial_number


_RSA = rsa.generate_private_key(65537, 2048).private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()).decode()


def _encrypted(form: PrivateFormat) -> str:
    key = load_pem_private_key(SHOP.key.encode(), None)
    return key.private_bytes(Encoding.PEM, form, BestAvailableEncryption(b"pw")).decode()


@pytest.mark.parametrize(
    ("chain", "key", "said"),
    [
        (SHOP.chain, AUTHORITY.issue("shop").key, "the private key does not match the certificate; store a"),
        (SHOP.chain, _RSA, "the private key does not match the certificate; store a matching pair in one update"),
        (SHOP.chain, _encrypted(PrivateFormat.PKCS8), "the private key is encrypted; store it without a password"),
        (SHOP.chain, _encrypted(PrivateFormat.TraditionalOpenSSL), "the private key is encrypted"),
        (SHOP.chain, "no key", "the certificate or the private key cannot be used; store both again as PEM, in one"),
        ("no certificate", SHOP.key, "the certificate or the private key cannot be used; store both again as PEM"),
        ("", "", "the certificate or the private key cannot be used; store both again as PEM"),
    ],
    ids=["misfit", "another kind", "encrypted", "encrypted, old form", "no key", "no certificate", "empty"],
)
async def test_what_cannot_be_used_is_a_fault_of_the_credentials(
    client: TokenClient, chain: str, key: str, said: str
) -> None:
    """Nobody is prompted for a passphrase, nothing is sent, and the message says what to store instead."""
    with serving() as server:
        problem = await failure(client, request(server.url, ClientIdentity(chain, key)))
    assert (type(problem), problem.reason) == (UserActionRequired, Reason.CREDENTIALS_INVALID)
    assert problem.message.startswith(f"in the credentials Secret, {said}")
    assert not problem.sent
    assert server.connections == 0


@pytest.mark.parametrize("version", [TLS_1_2, TLS_1_3])
@pytest.mark.parametrize(
    ("identity", "alert", "advice"),
    [
        (STRANGER, "TLSV1_ALERT_UNKNOWN_CA", "have the endpoint trust the authority that issued it"),
        (EXPIRED, "SSLV3_ALERT_CERTIFICATE_EXPIRED", "store a valid certificate and its key"),
    ],
    ids=["unknown authority", "expired"],
)
async def test_a_refused_certificate_is_named(
    client: TokenClient, identity: ClientIdentity, alert: str, advice: str, version: ssl.TLSVersion
) -> None:
    """With the server's alert, even if it replaces a response; without it if the alert was lost with the connection."""
    with serving(version) as server:
        problem = await failure(client, request(server.url, identity))
    assert (type(problem), problem.reason) == (Transient, Reason.TLS_FAILED)
    place = f"{HOST}:{server.port}"
    told = problem.message.startswith(f"{place} refused the client certificate ({alert}); {advice}")
    lost = problem.message.startswith(f"{place} closed the connection after the client certificate was presented")
    assert told or lost
    assert told or version == TLS_1_3
    assert not server.heads


async def test_a_connection_that_ends_because_of_the_certificate_is_reported_as_such(client: TokenClient) -> None:
    """Servers that close the connection without an alert are common; asyncio's is one."""
    context = SERVER.context(clients=AUTHORITY)
    async with await asyncio.start_server(lambda *_: None, HOST, 0, ssl=context) as server:
        port = server.sockets[0].getsockname()[1]
        problem = await failure(client, request(f"https://{HOST}:{port}/token", STRANGER))
    assert (type(problem), problem.reason) == (Transient, Reason.TLS_FAILED)
    assert "check that the endpoint knows this client by the certificate in the credentials Secret" in problem.message
    assert "NetworkPolicy" not in problem.message


@pytest.mark.parametrize("version", [TLS_1_2, TLS_1_3])
async def test_a_missing_client_certificate_is_reported_with_the_method(
    client: TokenClient, version: ssl.TLSVersion
) -> None:
    """TLS 1.2 has no alert for it, and in TLS 1.3 the connection may end before the alert is read."""
    with serving(version) as server:
        problem = await failure(client, request(server.url, None))
    assert isinstance(problem, Transient)
    if "CERTIFICATE_REQUIRED" in problem.message:
        assert problem.message.endswith("set spec.clientAuthenticationMethod to TLSClientAuth")
    assert "refused the client certificate" not in problem.message


async def test_a_server_that_is_not_trusted_is_shown_nothing(client: TokenClient) -> None:
    """The same CA certificates apply as with other methods, and so does the message."""
    with serving() as server:
        problem = await failure(client, request(server.url), Route(AUTHORITY.ca_pem, 5.0, private=False))
        unreadable = await failure(client, request(server.url), Route("no PEM", 5.0, private=False))
    assert problem.reason == Reason.TLS_FAILED
    assert problem.message.startswith(f"the certificate of {HOST}:{server.port} is not trusted")
    assert unreadable.reason == Reason.INVALID_CA_BUNDLE
    assert not server.heads


async def test_a_server_that_is_away_is_reported_as_such(client: TokenClient) -> None:
    """A certificate that nobody saw isn't blamed."""
    with serving() as server:
        pass
    problem = await failure(client, request(server.url))
    assert problem.reason == Reason.ENDPOINT_UNREACHABLE
    assert problem.message.startswith(f"could not connect to {HOST}:{server.port}: connection refused")


async def test_an_http_endpoint_can_be_shown_no_certificate(client: TokenClient) -> None:
    """Not even in an installation for trials, which allows http."""
    problem = await failure(client, request("http://127.0.0.1:9/token"))
    assert (type(problem), problem.reason) == (EndpointUnusable, Reason.INSECURE_URL)
    assert problem.message == ("spec.tokenURL is http, but a client certificate requires https; use https")


async def test_a_proxy_is_not_shown_the_certificate(
    clock: FakeClock, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Even if the proxy asks for one: only the endpoint behind it sees it."""
    asked: list[object] = []
    tunnels: list[asyncio.Task[None]] = []

    async def tunnel(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        asked.append(writer.get_extra_info("peercert"))
        tunnels.append(asyncio.current_task())  # type: ignore[arg-type]  # this one
        head = await reader.readuntil(b"\r\n\r\n")
        there = await asyncio.open_connection(HOST, server.port)
        assert head.startswith(b"CONNECT login.example:443 ")
        writer.write(b"HTTP/1.1 200 Connected\r\n\r\n")
        await asyncio.gather(copy(reader, there[1]), copy(there[0], writer))

    async def copy(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with suppress(OSError):
            while data := await reader.read(65536):
                writer.write(data)
        writer.close()

    context = SERVER.context(clients=AUTHORITY)
    context.verify_mode = ssl.CERT_OPTIONAL
    authorities = tmp_path / "authorities.pem"
    authorities.write_text(SERVER.ca_pem)
    monkeypatch.setenv("SSL_CERT_FILE", str(authorities))
    monkeypatch.setattr(trust, "_kept", type(trust._kept)())  # the system's own are kept once read
    with serving() as server:
        async with await asyncio.start_server(tunnel, HOST, 0, ssl=context) as proxy:
            client = TokenClient(clock, TRIAL, f"https://{HOST}:{proxy.sockets[0].getsockname()[1]}")
            assert await shown(client, "https://login.example/token") == SHOP.serial_number
            problem = await failure(client, request("https://login.example/token", STRANGER))
            await client.close()
            await asyncio.gather(*tunnels)
    assert asked == [None, None]
    assert (problem.reason, "login.example:443" in problem.message) == (Reason.TLS_FAILED, True)


def _open_files() -> dict[str, str]:
    """This process's open files, by descriptor."""
    found = {}
    for path in Path("/proc/self/fd").iterdir():
        with suppress(OSError):
            found[path.name] = str(path.readlink())
    return found


async def test_no_file_is_left_or_has_a_name(client: TokenClient, monkeypatch: pytest.MonkeyPatch) -> None:
    """Certificate and key are read from sealed memory, which is closed before anything is sent, even if unusable."""
    files: list[tuple[str, bool]] = []
    load = ssl.SSLContext.load_cert_chain

    def note(context: ssl.SSLContext, chain: str, key: str, **options: object) -> None:
        for path in (chain, key):
            try:
                Path(path).write_text("changed")
                sealed = False
            except PermissionError:
                sealed = True
            files.append((str(Path(path).readlink()), sealed))
        load(context, chain, key, **options)  # type: ignore[arg-type]  # handed on

    monkeypatch.setattr(ssl.SSLContext, "load_cert_chain", note)
    before = _open_files()
    with pytest.raises(UserActionRequired):
        certified_context(ClientCertificate(SHOP.chain, STRANGER.key), SERVER.ca_pem)
    certified_context(ClientCertificate(SHOP.chain, SHOP.key), SERVER.ca_pem)
    assert files == [("/memfd:client-certificate (deleted)", True)] * 4
    assert _open_files() == before


async def test_a_missing_file_in_memory_is_reported(client: TokenClient, monkeypatch: pytest.MonkeyPatch) -> None:
    """The message gives the system's error, or says that the method needs Linux."""

    def exhausted(*_: object) -> int:
        raise OSError(24, "Too many open files", "/proc/self/fd/7")

    with serving() as server:
        monkeypatch.setattr(os, "memfd_create", exhausted)
        problem = await failure(client, request(server.url))
        assert (type(problem), problem.reason) == (Transient, Reason.TLS_FAILED)
        assert "load the client certificate in the operator's pod: too many open files; check" in problem.message
        monkeypatch.setattr(sys, "platform", "darwin")
        problem = await failure(client, request(server.url))
    assert (type(problem), problem.reason) == (EndpointUnusable, Reason.INVALID_SPEC)
    assert "require the operator to run on Linux" in problem.message


async def test_a_certificate_is_read_while_others_run(client: TokenClient, monkeypatch: pytest.MonkeyPatch) -> None:
    """With the system's roots it takes some 20 ms each time."""
    threads: list[int] = []
    original = certified_context

    def note(*arguments: ClientCertificate | str, **options: str) -> ssl.SSLContext:
        threads.append(threading.get_ident())
        return original(*arguments, **options)  # type: ignore[arg-type]  # handed on

    monkeypatch.setattr(pool, "certified_context", note)
    with serving() as server:
        await shown(client, server.url)
    assert threads
    assert threading.get_ident() not in threads


async def test_nothing_is_kept_of_many_requests(client: TokenClient, monkeypatch: pytest.MonkeyPatch) -> None:
    """After 200 requests, some of them refused: no context, connection or memory is left."""
    contexts: list[weakref.ref[ssl.SSLContext]] = []
    original = certified_context

    def note(*arguments: ClientCertificate | str, **options: str) -> ssl.SSLContext:
        context = original(*arguments, **options)  # type: ignore[arg-type]  # handed on
        contexts.append(weakref.ref(context))
        return context

    monkeypatch.setattr(pool, "certified_context", note)
    resident: Callable[[], int] = lambda: int(Path("/proc/self/statm").read_text().split()[1]) * resource.getpagesize()  # noqa: E731
    with serving() as server:

        async def some(count: int) -> None:
            for number in range(count):
                if number % 10:
                    assert await shown(client, server.url) == SHOP.serial_number
                else:
                    assert (await failure(client, request(server.url, STRANGER))).reason == Reason.TLS_FAILED

        await some(50)
        gc.collect()
        files, before = len(_open_files()), resident()
        await some(200)
        gc.collect()
        assert [context for context in contexts if context() is not None] == []
        assert len(_open_files()) < files + 20  # the server, in this process, closes its ends in its own time
        assert resident() - before < 200 * 16 * 1024
    assert len(contexts) == 250
