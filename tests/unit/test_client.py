"""A token request goes over real sockets to a checked address only, and ends in bounded time and memory."""

import asyncio
import base64
import errno
import json
import socket
import ssl
import threading
import tracemalloc
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from ipaddress import ip_address
from urllib.parse import urlsplit

import pytest
from integration_token.api.condition import Reason
from integration_token.api.endpoint import RequestEncoding
from integration_token.cluster.fence import Fence
from integration_token.errors import Failure, Fenced, Transient, UserActionRequired
from integration_token.oauth import client as module
from integration_token.oauth import pool
from integration_token.oauth.address import Policy
from integration_token.oauth.client import Route, TokenClient
from integration_token.oauth.content import MAX_BODY
from integration_token.oauth.part import GrantInputs, TokenRequestSpec
from integration_token.oauth.request import TokenRequest, build_request
from integration_token.oauth.response import Answer
from integration_token.oauth.token_url import check_url
from integration_token.oauth.trust import tls_context

from tests.fakes import fault
from tests.fakes.certificate import Certificate
from tests.fakes.fault import Fault
from tests.fakes.reply import Reply
from tests.fakes.token_endpoint import TokenEndpoint
from tests.unit.virtual import EPOCH, FakeClock

SECRET = "s3cret-of-the-shop"
STRICT = Policy(insecure=False, allowed_hosts=frozenset(), private_hosts=frozenset())
TRIAL = Policy(insecure=True, allowed_hosts=frozenset(), private_hosts=frozenset())
ROUTE = Route(ca_bundle="", timeout=5.0, private=False)
QUICK = Route(ca_bundle="", timeout=0.1, private=False)
"""For endpoints that never answer."""

Resolve = Callable[..., list[str]]


@pytest.fixture(scope="module")
def endpoint() -> Iterator[TokenEndpoint]:
    """One server for all tests; each test that breaks it uses its own client ID."""
    with TokenEndpoint(accepts=lambda _, secret: secret == SECRET) as endpoint:
        yield endpoint


@pytest.fixture(scope="module")
def secure() -> Iterator[TokenEndpoint]:
    """A server with a certificate for `login.example`."""
    with TokenEndpoint(clients={"shop": SECRET}, tls=True, certificate_name="login.example") as endpoint:
        yield endpoint


@pytest.fixture
async def client(clock: FakeClock) -> AsyncIterator[TokenClient]:
    """A client of an installation for trials."""
    client = TokenClient(clock, TRIAL, None)
    yield client
    await client.close()


@pytest.fixture
def resolve(monkeypatch: pytest.MonkeyPatch) -> Callable[..., list[str]]:
    """Makes names resolve to the given addresses; returns a list that records each resolution."""

    def names(**addresses: list[str]) -> list[str]:
        asked: list[str] = []

        def getaddrinfo(host: str, port: int, **_: object) -> list[object]:
            asked.append(host)
            found = addresses.get(host.partition(".")[0])
            if found is None:
                raise socket.gaierror(socket.EAI_NONAME, "Name or service not known")
            return [(socket.AF_INET, socket.SOCK_STREAM, 6, "", (address, port)) for address in found]

        monkeypatch.setattr(socket, "getaddrinfo", getaddrinfo)
        return asked

    return names


def request(url: str, client_id: str = "shop") -> TokenRequest:
    """A token request to that URL."""
    return build_request(
        TokenRequestSpec(
            GrantInputs(url, RequestEncoding.JSON, "ClientSecretPost", (), "https://api.example", ()),
            {"client_id": client_id, "client_secret": SECRET},
        ),
        EPOCH,
    )


def named(url: str, host: str) -> str:
    """The URL with that name in place of its address."""
    parts = urlsplit(url)
    return parts._replace(netloc=f"{host}:{parts.port}").geturl()


async def failure(client: TokenClient, request: TokenRequest, route: Route = ROUTE) -> Failure:
    """The failure of a request, which never shows the secret."""
    with pytest.raises(Failure) as caught:
        await client.send(request, route)
    assert SECRET not in f"{caught.value!r} {caught.value.message}"
    assert caught.value.__cause__ is None
    return caught.value


def access_token(answer: Answer) -> object:
    """The access token in a successful response."""
    assert answer.status == 200
    return json.loads(answer.body)["access_token"]


class Recorder:
    """A server that records what it receives and gives every request the same response."""

    def __init__(self, answer: bytes) -> None:
        self.port = 0
        self.connections = 0
        self.requests: list[str] = []
        self.server_names: list[str | None] = []
        self._answer = answer

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Answers on one connection until the client disconnects."""
        self.connections += 1
        try:
            while True:
                head = (await reader.readuntil(b"\r\n\r\n")).decode()
                self.requests.append(head)
                if "content-length: " in head.lower():
                    await reader.readexactly(int(head.lower().partition("content-length: ")[2].split()[0]))
                writer.write(self._answer)
        except (asyncio.IncompleteReadError, ConnectionError):
            pass
        finally:
            writer.close()

    def note_name(self, _: object, name: str | None, __: object) -> None:
        """Records the server name in the TLS handshake."""
        self.server_names.append(name)


def response(status: str = "200 OK", headers: str = "", body: str = '{"access_token": "x"}') -> bytes:
    """An HTTP/1.1 response."""
    return f"HTTP/1.1 {status}\r\nContent-Length: {len(body)}\r\n{headers}\r\n{body}".encode()


@asynccontextmanager
async def recording(answer: bytes | None = None, certificate: Certificate | None = None) -> AsyncIterator[Recorder]:
    """A recorder on a free port of 127.0.0.1."""
    recorder = Recorder(answer or response())
    context = certificate.context() if certificate else None
    if context is not None:
        context.sni_callback = recorder.note_name
    async with await asyncio.start_server(recorder.serve, "127.0.0.1", 0, ssl=context) as server:
        recorder.port = server.sockets[0].getsockname()[1]
        yield recorder


@pytest.mark.parametrize(
    ("url", "reason", "message"),
    [
        ("https://", Reason.INVALID_SPEC, "spec.tokenURL is not an https URL with a host; fix it"),
        ("login.example/token", Reason.INVALID_SPEC, "spec.tokenURL is not an https URL with a host; fix it"),
        ("ftp://login.example/", Reason.INVALID_SPEC, "spec.tokenURL is not an https URL with a host; fix it"),
        ("https://login.example:99999/", Reason.INVALID_SPEC, "port 99999, but the highest port is 65535; fix it"),
        ("https://login.example:x/", Reason.INVALID_SPEC, "spec.tokenURL is not a valid URL; fix it"),
        ("https://[::1/", Reason.INVALID_SPEC, "spec.tokenURL is not a valid URL; fix it"),
        ("https://login\n.example/", Reason.INVALID_SPEC, "spec.tokenURL is not a valid URL; fix it"),
        ("https://xn--a/", Reason.INVALID_SPEC, "spec.tokenURL is not a valid URL; fix it"),
        ("https://１２７.0.0.1/", Reason.INVALID_SPEC, "spec.tokenURL is not a valid URL; fix it"),
        ("https://user:pw@login.example/", Reason.INVALID_SPEC, "must not contain a user or password; remove them"),
        ("http://login.example/", Reason.INSECURE_URL, "would send the client secret unencrypted; use https"),
        ("https://other.example/", Reason.HOST_NOT_ALLOWED, "its administrator to add --allowed-host other.example"),
        ("https://söhne.example/", Reason.HOST_NOT_ALLOWED, "add --allowed-host xn--shne-5qa.example"),
    ],
)
def test_a_url_that_is_not_admitted_is_refused_before_anything_is_sent(url: str, reason: Reason, message: str) -> None:
    """The message says what to change."""
    with pytest.raises(UserActionRequired) as caught:
        check_url(url, Policy(False, frozenset({"login.example"}), frozenset()))
    assert caught.value.reason == reason
    assert message in caught.value.message
    assert "pw" not in caught.value.message


def test_a_url_on_the_list_of_hosts_is_admitted() -> None:
    """Only its host counts, in any case; international names are listed in their ASCII form."""
    policy = Policy(False, frozenset({"login.example", "xn--bcher-kva.example", "::1"}), frozenset())
    for url in ("https://LOGIN.example:8443/a?b#c", "https://bücher.example", "https://[::1]/"):
        assert check_url(url, policy).scheme == "https"


async def test_the_answer_comes_with_the_time_at_which_its_request_was_sent(
    client: TokenClient, endpoint: TokenEndpoint
) -> None:
    """Header names are in lower case."""
    answer = await client.send(request(endpoint.url), ROUTE)
    assert access_token(answer) in endpoint.tokens("shop")
    assert answer.sent == EPOCH
    assert answer.headers["content-type"] == "application/json"
    assert "date" in answer.headers


async def test_an_endpoint_with_a_certificate_of_the_given_authority_is_trusted(
    clock: FakeClock, secure: TokenEndpoint, resolve: Resolve
) -> None:
    """The certificate is for the URL's name, not for the address connected to; comments in the bundle are ignored."""
    resolve(login=["127.0.0.1"])
    client = TokenClient(clock, TRIAL, None)
    for bundle in (secure.ca_pem, f"# Ángel's Autorität\n{secure.ca_pem}", secure.ca_pem * 2):
        answer = await client.send(request(named(secure.url, "login.example")), Route(bundle, 5.0, private=False))
        assert access_token(answer) in secure.tokens()
    await client.close()


@pytest.mark.parametrize(
    ("name", "trusted", "why", "advice"),
    [
        ("other.example", True, "Hostname mismatch", "set spec.tokenURL to a name in the certificate"),
        ("login.example", False, "unable to get local issuer certificate", "set caBundle of the endpoint"),
    ],
)
async def test_an_endpoint_with_another_certificate_is_not(
    client: TokenClient, secure: TokenEndpoint, resolve: Resolve, name: str, trusted: bool, why: str, advice: str
) -> None:
    """Neither one for another name nor one from an unknown CA; nothing is sent.

    A wrong name doesn't point to `caBundle`.
    """
    resolve(login=["127.0.0.1"], other=["127.0.0.1"])
    before = secure.log
    problem = await failure(
        client, request(named(secure.url, name)), Route(secure.ca_pem if trusted else "", 5.0, private=False)
    )
    assert (type(problem), problem.reason) == (Transient, Reason.TLS_FAILED)
    port = urlsplit(secure.url).port
    assert problem.message.startswith(f"the certificate of {name}:{port} is not trusted: {why}")
    assert f"; {advice}" in problem.message
    assert ("caBundle" in problem.message) is not trusted
    assert secure.log == before


@pytest.mark.parametrize(
    ("days", "why", "advice"),
    [
        ((-9, -1), "certificate has expired", "have the endpoint's certificate"),
        ((1, 9), "certificate is not yet valid", "check the endpoint's clock"),
    ],
)
async def test_a_certificate_out_of_its_time_is_no_matter_of_authorities(
    client: TokenClient, resolve: Resolve, days: tuple[int, int], why: str, advice: str
) -> None:
    """The kind of the failure says what to do."""
    resolve(login=["127.0.0.1"])
    begins, ends = (datetime.now(UTC) + timedelta(days=day) for day in days)
    certificate = Certificate.issue("login.example", not_before=begins, not_after=ends)
    async with recording(certificate=certificate) as recorder:
        url = f"https://login.example:{recorder.port}/"
        problem = await failure(client, request(url), Route(certificate.ca_pem, 5.0, private=False))
    assert (type(problem), problem.reason) == (Transient, Reason.TLS_FAILED)
    assert f"{why}; " in problem.message
    assert advice in problem.message
    assert "caBundle" not in problem.message


async def test_an_endpoint_that_speaks_no_tls_is_said_to(client: TokenClient, endpoint: TokenEndpoint) -> None:
    """As with the http port in an https URL."""
    problem = await failure(client, request(endpoint.url.replace("http:", "https:")))
    assert (type(problem), problem.reason) == (Transient, Reason.TLS_FAILED)
    assert "check that spec.tokenURL points to an https port" in problem.message


@pytest.mark.parametrize(
    "bundle", ["garbage", " ", "\x00", "-----BEGIN CERTIFICATE-----\né\n-----END CERTIFICATE-----"]
)
async def test_a_bundle_without_a_certificate_is_refused(client: TokenClient, bundle: str) -> None:
    """The message names the field."""
    problem = await failure(client, request("https://127.0.0.1:9/"), Route(bundle, 1.0, private=False))
    assert (type(problem), problem.reason) == (UserActionRequired, Reason.INVALID_CA_BUNDLE)
    assert problem.message == "spec.caBundle contains no valid PEM certificate; fix it"


async def test_endpoints_of_one_authority_share_what_tls_needs(secure: TokenEndpoint) -> None:
    """Each TLS context costs almost 1 MiB."""
    assert await tls_context(secure.ca_pem) is await tls_context(secure.ca_pem)
    assert (await tls_context(secure.ca_pem)).minimum_version >= ssl.TLSVersion.TLSv1_2


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
async def test_a_redirect_is_not_followed(client: TokenClient, endpoint: TokenEndpoint, status: int) -> None:
    """A 307 would send the secret to another host."""
    async with recording() as elsewhere:
        to = fault.redirect(status, f"http://127.0.0.1:{elsewhere.port}/")
        endpoint.fault(to, client_id=f"redirected {status}", count=1)
        answer = await client.send(request(endpoint.url, f"redirected {status}"), ROUTE)
        assert (answer.status, elsewhere.connections) == (status, 0)


@pytest.mark.parametrize("spoiled", [fault.HUGE, fault.ENDLESS], ids=lambda spoiled: spoiled.name)
async def test_an_answer_of_more_than_64_kib_is_given_up(
    client: TokenClient, endpoint: TokenEndpoint, spoiled: Fault
) -> None:
    """No more than that is kept in memory."""
    endpoint.fault(spoiled, client_id=spoiled.name, count=1)
    tracemalloc.start()
    problem = await failure(client, request(endpoint.url, spoiled.name))
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert (type(problem), problem.reason) == (Transient, Reason.INVALID_RESPONSE)
    assert problem.message == "the endpoint's response is larger than 64 KiB"
    assert peak < 4 * 1024 * 1024


async def test_the_page_of_an_error_may_be_as_large_as_it_wants(client: TokenClient, endpoint: TokenEndpoint) -> None:
    """The status counts; the body isn't read."""
    page = fault.status(503)
    large = Fault("large page", lambda _, __: Reply(503, body=b"x" * 2 * MAX_BODY), issue=page.issue)
    endpoint.fault(large, client_id="large", count=1)
    answer = await client.send(request(endpoint.url, "large"), ROUTE)
    assert (answer.status, answer.body) == (503, b"")


async def test_a_compressed_answer_is_neither_asked_for_nor_unpacked(
    client: TokenClient, endpoint: TokenEndpoint
) -> None:
    """16 KiB could expand to 16 MiB."""
    endpoint.fault(fault.GZIP_BOMB, client_id="bomb", count=2)
    await client.send(request(endpoint.url, "bomb"), ROUTE)
    tracemalloc.start()
    answer = await client.send(request(endpoint.url, "bomb"), ROUTE)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert answer.body.startswith(b"\x1f\x8b")
    assert peak < 1024 * 1024


@pytest.mark.parametrize(
    ("spoiled", "reason", "message"),
    [
        (
            fault.HANG,
            Reason.TIMEOUT,
            "SERVER did not answer within 0.1 s; check whether it is slow, or raise spec.timeout",
        ),
        (fault.drip(0.01), Reason.TIMEOUT, "SERVER did not answer within 0.1 s; check whether it is slow, or raise"),
        (fault.TRUNCATED, Reason.ENDPOINT_UNREACHABLE, "SERVER broke before the response was complete: it was closed"),
        (fault.RESET, Reason.ENDPOINT_UNREACHABLE, "SERVER broke before the response was complete: connection reset"),
        (
            fault.NO_HTTP,
            Reason.ENDPOINT_UNREACHABLE,
            "before the response was complete: it was closed, or the response is not",
        ),
    ],
    ids=lambda value: value.name if isinstance(value, Fault) else "",
)
async def test_an_answer_that_never_comes_or_never_ends_is_a_passing_failure(
    client: TokenClient,
    endpoint: TokenEndpoint,
    monkeypatch: pytest.MonkeyPatch,
    spoiled: Fault,
    reason: Reason,
    message: str,
) -> None:
    """It ends in bounded time even if bytes trickle in; the message says who and why, and the next request works."""
    monkeypatch.setattr(module, "_GRACE", 0.05)
    endpoint.fault(spoiled, client_id=spoiled.name, count=1)
    loop = asyncio.get_running_loop()
    begun = loop.time()
    problem = await failure(client, request(endpoint.url, spoiled.name), QUICK)
    assert loop.time() - begun < 2
    assert (type(problem), problem.reason) == (Transient, reason)
    assert message.replace("SERVER", urlsplit(endpoint.url).netloc) in problem.message
    assert access_token(await client.send(request(endpoint.url, spoiled.name), ROUTE))


async def test_a_name_is_resolved_once_and_its_checked_address_connected_to(
    client: TokenClient, resolve: Resolve
) -> None:
    """A second resolution could return another address; the endpoint still sees the URL's name."""
    certificate = Certificate.issue("login.example")
    asked = resolve(login=["127.0.0.1"])
    async with recording(certificate=certificate) as recorder:
        url = f"https://Login.example:{recorder.port}/oauth/token?a=b"
        answer = await client.send(request(url), Route(certificate.ca_pem, 5.0, private=False))
        assert answer.status == 200
        assert asked == ["login.example"]
        assert recorder.server_names == ["login.example"]
        [head] = recorder.requests
        assert head.startswith("POST /oauth/token?a=b HTTP/1.1\r\n")
        assert f"\r\nhost: login.example:{recorder.port}\r\n" in head.lower()
        assert "127.0.0.1" not in head
        await client.close()


@pytest.mark.parametrize(
    ("addresses", "wrong"),
    [
        (["127.0.0.1", "10.0.0.7"], "10.0.0.7 is private"),
        (["10.0.0.7", "127.0.0.1"], "10.0.0.7 is private"),
        (["127.0.0.1", "169.254.169.254"], "169.254.169.254 is a link-local address"),
        # Before 3.13 Python prints it as ::ffff:a00:7.
        (["127.0.0.1", "::ffff:10.0.0.7"], f"{ip_address('::ffff:10.0.0.7')} (which means 10.0.0.7) is private"),
    ],
)
async def test_a_name_with_one_refused_address_is_not_connected_to(
    client: TokenClient, resolve: Resolve, addresses: list[str], wrong: str
) -> None:
    """Not even at its other addresses."""
    resolve(login=addresses)
    async with recording() as recorder:
        problem = await failure(client, request(f"http://login.example:{recorder.port}/"))
        assert (type(problem), problem.reason) == (UserActionRequired, Reason.ADDRESS_NOT_ALLOWED)
        assert problem.message == (
            f"credentials are never sent to login.example: {wrong}; set spec.tokenURL to a public host,"
            " or ask this installation's administrator for --private-host"
        )
        assert recorder.connections == 0


@pytest.mark.parametrize(
    "url", ["https://127.0.0.1/", "https://[::1]/", "https://[::ffff:127.0.0.1]/", "https://2130706433/"]
)
async def test_an_address_in_the_url_is_checked_like_a_resolved_one(clock: FakeClock, url: str) -> None:
    """In any notation: the resolver also accepts numbers."""
    client = TokenClient(clock, STRICT, None)
    problem = await failure(client, request(url))
    assert (type(problem), problem.reason) == (UserActionRequired, Reason.ADDRESS_NOT_ALLOWED)
    assert "is a loopback address" in problem.message
    await client.close()


async def test_private_addresses_are_for_trusted_endpoints_and_listed_hosts(
    clock: FakeClock, client: TokenClient, resolve: Resolve
) -> None:
    """That is, for a ClusterTokenEndpoint or with `--private-host`."""
    resolve(login=["127.0.0.1", "10.0.0.7"])
    listing = TokenClient(clock, Policy(True, frozenset(), frozenset({"login.example"})), None)
    async with recording() as recorder:
        url = f"http://login.example:{recorder.port}/"
        assert (await client.send(request(url), Route("", 5.0, private=True))).status == 200
        assert (await listing.send(request(url), ROUTE)).status == 200
        await client.close()
        await listing.close()


async def test_the_next_address_is_tried_if_one_refuses_the_connection(
    client: TokenClient, endpoint: TokenEndpoint, resolve: Resolve
) -> None:
    """A name with two addresses survives the loss of one server."""
    resolve(login=["127.0.0.2", "127.0.0.3", "127.0.0.1"], down=["127.0.0.2", "127.0.0.3"])
    assert access_token(await client.send(request(named(endpoint.url, "login.example")), ROUTE))
    problem = await failure(client, request(named(endpoint.url, "down.example")))
    assert isinstance(problem, Transient)
    assert problem.reason == Reason.ENDPOINT_UNREACHABLE
    assert problem.message == (
        f"could not connect to down.example:{urlsplit(endpoint.url).port}: connection refused; check spec.tokenURL, and"
        " anything between the operator and it, such as a NetworkPolicy or a firewall"
    )


async def test_several_addresses_give_the_same_failure_in_whatever_order_they_come(
    client: TokenClient, resolve: Resolve, monkeypatch: pytest.MonkeyPatch
) -> None:
    """DNS servers rotate addresses; otherwise each attempt would write another message to the status."""
    numbers = {"127.0.0.2": errno.ENETUNREACH, "127.0.0.3": errno.ECONNREFUSED}

    async def connect(_: object, host: str, *__: object, **___: object) -> None:
        raise OSError(numbers[host], "text of the library")

    monkeypatch.setattr(asyncio.get_running_loop(), "create_connection", connect)
    resolve(a=[*numbers], b=[*reversed(numbers)])
    said = [(await failure(client, request(f"http://{name}.example/"))).message for name in ("a", "b")]
    assert said[0].startswith("could not connect to a.example:80: connection refused; ")
    assert said[1] == said[0].replace("a.example", "b.example")


async def test_the_next_address_is_not_tried_once_the_request_was_sent(
    client: TokenClient, endpoint: TokenEndpoint, resolve: Resolve
) -> None:
    """One attempt sends at most one request."""
    resolve(login=["127.0.0.1", "127.0.0.1", "127.0.0.2"])
    endpoint.fault(fault.RESET, client_id="reset once", count=1)
    await failure(client, request(named(endpoint.url, "login.example"), "reset once"))
    assert [record.fault for record in endpoint.log if record.client_id == "reset once"] == ["reset"]


@pytest.mark.parametrize(
    ("number", "said"),
    [
        (errno.EHOSTUNREACH, "no route to host"),
        (errno.ENETUNREACH, "network is unreachable"),
        (errno.ECONNRESET, "connection reset by peer"),
        (errno.EMFILE, "too many open files"),
    ],
)
async def test_the_systems_cause_is_reported(
    client: TokenClient, monkeypatch: pytest.MonkeyPatch, number: int, said: str
) -> None:
    """A NetworkPolicy, a missing route and a closed port are fixed by different people."""

    async def connect(*_: object, **__: object) -> None:
        raise OSError(number, "text of the library")

    monkeypatch.setattr(asyncio.get_running_loop(), "create_connection", connect)
    problem = await failure(client, request("http://127.0.0.1:8/"))
    assert (isinstance(problem, Transient), problem.reason) == (True, Reason.ENDPOINT_UNREACHABLE)
    assert problem.message.startswith(f"could not connect to 127.0.0.1:8: {said}; check")


async def test_a_name_that_does_not_resolve_is_a_passing_failure(client: TokenClient, resolve: Resolve) -> None:
    """It may also be a typo in the URL."""
    resolve(empty=[])
    problem = await failure(client, request("https://gone.example/"))
    assert (type(problem), problem.reason) == (Transient, Reason.ENDPOINT_UNREACHABLE)
    assert problem.message == (
        "cannot resolve the name gone.example: name or service not known; check spec.tokenURL and the cluster's DNS"
    )
    assert (await failure(client, request("https://empty.example/"))).message == "empty.example has no address"


@asynccontextmanager
async def proxying(to: int, refusal: str = "502 Bad Gateway") -> AsyncIterator[Recorder]:
    """A proxy that connects every tunnel to that port on 127.0.0.1, whatever name is requested; 0 refuses."""
    recorder = Recorder(b"")

    async def copy(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            while data := await reader.read(65536):
                writer.write(data)
        except ConnectionError:
            pass
        finally:
            writer.close()

    async def tunnel(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        recorder.requests.append((await reader.readuntil(b"\r\n\r\n")).decode())
        if not to:
            writer.write(response(refusal))
            writer.close()
            return
        there = await asyncio.open_connection("127.0.0.1", to)
        writer.write(b"HTTP/1.1 200 Connected\r\n\r\n")
        await asyncio.gather(copy(reader, there[1]), copy(there[0], writer))

    async with await asyncio.start_server(tunnel, "127.0.0.1", 0) as server:
        recorder.port = server.sockets[0].getsockname()[1]
        yield recorder


async def test_a_proxy_resolves_the_name_by_itself(clock: FakeClock, secure: TokenEndpoint, resolve: Resolve) -> None:
    """The proxy gets the name and its own password, and sees nothing of the request."""
    asked = resolve()
    url = named(secure.url, "login.example")
    async with proxying(int(urlsplit(secure.url).port or 0)) as proxy:
        client = TokenClient(clock, STRICT, f"http://user:pass@127.0.0.1:{proxy.port}")
        answer = await client.send(request(url), Route(secure.ca_pem, 5.0, private=False))
        assert access_token(answer) in secure.tokens()
        assert asked == []
        [head] = proxy.requests
        assert head.startswith(f"CONNECT {urlsplit(url).netloc} HTTP/1.1\r\n")
        assert base64.b64encode(b"user:pass").decode() in head
        assert SECRET not in head
        await client.close()


async def test_a_host_that_needs_no_proxy_is_asked_directly(
    clock: FakeClock, secure: TokenEndpoint, resolve: Resolve
) -> None:
    """Its name is resolved and its addresses are checked as without a proxy; failures are the endpoint's."""
    asked = resolve(login=["127.0.0.1", "10.0.0.7"])
    near, far = named(secure.url, "login.example"), named(secure.url, "far.example")
    async with proxying(int(urlsplit(secure.url).port or 0)) as proxy:
        url = f"http://127.0.0.1:{proxy.port}"
        client = TokenClient(clock, TRIAL, url, no_proxy=frozenset({"login.example"}))
        problem = await failure(client, request(near), Route(secure.ca_pem, 5.0, private=False))
        assert (problem.reason, asked) == (Reason.ADDRESS_NOT_ALLOWED, ["login.example"])
        assert (
            access_token(await client.send(request(near), Route(secure.ca_pem, 5.0, private=True))) in secure.tokens()
        )
        distrusted = await failure(client, request(near), Route(Certificate.issue("a").ca_pem, 5.0, private=True))
        assert distrusted.message.startswith(f"the certificate of {urlsplit(near).netloc} is not trusted")
        assert proxy.requests == []
        await failure(client, request(far), Route(secure.ca_pem, 5.0, private=False))
        [head] = proxy.requests
        assert head.startswith(f"CONNECT {urlsplit(far).netloc} HTTP/1.1\r\n")
        assert "far.example" not in asked
        await client.close()


@pytest.mark.parametrize(
    ("answer", "advice"),
    [
        ("502 Bad Gateway", "check that it allows login.example:443"),
        ("407 Proxy Authentication Required", "it requires a user and a password: set them in the URL of --proxy-url"),
    ],
)
async def test_a_proxy_that_refuses_or_is_gone_is_a_passing_failure(clock: FakeClock, answer: str, advice: str) -> None:
    """The message blames the proxy and never shows its password."""
    async with proxying(0, answer) as proxy:
        url = f"http://user:pa55word@127.0.0.1:{proxy.port}"
        client = TokenClient(clock, STRICT, url)
        problem = await failure(client, request("https://login.example/"))
        assert (type(problem), problem.reason) == (Transient, Reason.ENDPOINT_UNREACHABLE)
        assert problem.message == (
            f"the proxy did not connect to login.example:443 (it answered {answer[:3]}); {advice}"
        )
        await client.close()
    client = TokenClient(clock, STRICT, url)
    problem = await failure(client, request("https://login.example/"))
    assert isinstance(problem, Transient)
    assert problem.reason == Reason.ENDPOINT_UNREACHABLE
    assert problem.message == (
        f"could not connect to the proxy 127.0.0.1:{proxy.port}: connection refused; check the proxy, and --proxy-url"
    )
    await client.close()


async def test_the_message_says_whether_tls_fails_with_the_proxy_or_behind_it(
    clock: FakeClock, secure: TokenEndpoint
) -> None:
    """The endpoint's owner can't fix the proxy's certificate, nor the proxy's owner the endpoint's."""
    url = named(secure.url, "login.example")
    async with recording(certificate=Certificate.issue("127.0.0.1")) as recorder:
        client = TokenClient(clock, STRICT, f"https://127.0.0.1:{recorder.port}")
        problem = await failure(client, request(url))
        await client.close()
    assert (type(problem), problem.reason) == (Transient, Reason.ENDPOINT_UNREACHABLE)
    assert problem.message.startswith(f"TLS with the proxy 127.0.0.1:{recorder.port} failed: unable to get local")
    assert "caBundle" not in problem.message
    async with proxying(int(urlsplit(secure.url).port or 0)) as proxy:
        client = TokenClient(clock, STRICT, f"http://127.0.0.1:{proxy.port}")
        problem = await failure(client, request(url))
        await client.close()
    assert problem.reason == Reason.TLS_FAILED
    assert problem.message.startswith(f"the certificate of {urlsplit(url).netloc} is not trusted")


async def test_the_proxies_of_the_environment_are_not_used(
    clock: FakeClock, endpoint: TokenEndpoint, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Only `--proxy-url` counts, with its list of hosts."""
    async with recording() as proxy:
        for name in ("HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY"):
            monkeypatch.setenv(name, f"http://127.0.0.1:{proxy.port}")
            monkeypatch.setenv(name.lower(), f"http://127.0.0.1:{proxy.port}")
        for name in ("NO_PROXY", "no_proxy"):
            monkeypatch.delenv(name, raising=False)
        client = TokenClient(clock, TRIAL, None)
        assert access_token(await client.send(request(endpoint.url), ROUTE))
        assert proxy.connections == 0
        await client.close()


async def test_a_connection_is_used_again_and_no_cookie_is_sent_back(client: TokenClient) -> None:
    """A cookie would link one tenant's request to the next."""
    async with recording(response(headers="Set-Cookie: session=1; Path=/\r\n")) as recorder:
        for client_id in ("one", "two", "three"):
            await client.send(request(f"http://127.0.0.1:{recorder.port}/", client_id), ROUTE)
        assert (recorder.connections, len(recorder.requests)) == (1, 3)
        assert not [head for head in recorder.requests if "cookie" in head.lower()]
        await client.close()


async def test_two_hosts_with_one_address_share_no_connection(client: TokenClient, resolve: Resolve) -> None:
    """Neither do two CA bundles for one host: a verification under one doesn't hold under the other."""
    certificate = Certificate.issue("a.example", "b.example")
    resolve(a=["127.0.0.1"], b=["127.0.0.1"])
    async with recording(certificate=certificate) as recorder:
        for host, bundle in (("a", certificate.ca_pem), ("b", certificate.ca_pem), ("a", certificate.ca_pem + "\n")):
            for _ in range(2):
                url = f"https://{host}.example:{recorder.port}/"
                await client.send(request(url), Route(bundle, 5.0, private=False))
        assert (recorder.connections, len(recorder.requests)) == (3, 6)
        assert recorder.server_names == ["a.example", "b.example", "a.example"]
        await client.close()


async def test_connections_are_kept_for_the_hosts_of_late_alone(
    client: TokenClient, resolve: Resolve, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The connections of the least recently used host are closed first."""
    monkeypatch.setattr(pool, "_HOSTS", 2)
    resolve(a=["127.0.0.1"], b=["127.0.0.1"], c=["127.0.0.1"])
    async with recording() as recorder:
        for host in ("a", "b", "a", "c", "a", "b"):
            await client.send(request(f"http://{host}.example:{recorder.port}/"), ROUTE)
        assert recorder.connections == 4
        await client.close()


async def test_nothing_is_asked_by_a_process_that_may_not_act_any_more(
    clock: FakeClock, secure: TokenEndpoint, resolve: Resolve
) -> None:
    """This is checked when the request is about to be sent, however long it waited before."""
    resolve(login=["127.0.0.1"])
    fence = Fence(clock, clock.now().boot + 10)
    client = TokenClient(clock, TRIAL, None, fence.check)
    route = Route(secure.ca_pem, 5.0, private=False)
    assert access_token(await client.send(request(named(secure.url, "login.example")), route)) in secure.tokens()
    before = len(secure.log)
    clock.advance(10)
    with pytest.raises(Fenced):
        await client.send(request(named(secure.url, "login.example")), route)
    assert len(secure.log) == before
    await client.close()


class TestFlood:
    """What a server sends in addition to a response costs no more than a response."""

    @pytest.mark.parametrize(
        ("head", "again"),
        [
            pytest.param(b"", b"HTTP/1.1 100 Continue\r\n\r\n", id="interim responses"),
            pytest.param(b"HTTP/1.1 200 OK\r\n", b"X-Filler: x\r\n", id="header lines"),
            pytest.param(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n", b"1\r\n \r\n", id="small chunks"),
            pytest.param(
                b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n", b"1;" + b"x" * 900 + b"\r\n \r\n",
                id="chunk extensions",
            ),
        ],
    )  # fmt: skip
    async def test_an_endless_flood_is_given_up(self, client: TokenClient, head: bytes, again: bytes) -> None:
        """Long before the timeout, and after no more bytes than a response may have."""
        flood = Flood(head, again)
        server = await asyncio.start_server(flood.serve, "127.0.0.1", 0)
        async with server:
            url = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}/token"
            problem = await failure(client, request(url), Route(ca_bundle="", timeout=60.0, private=False))
        assert isinstance(problem, Transient)
        assert problem.reason in {Reason.INVALID_RESPONSE, Reason.ENDPOINT_UNREACHABLE}
        assert flood.sent < 8 * MAX_BODY + SOCKET_BUFFERS

    async def test_an_answer_in_ordinary_pieces_is_read(self, client: TokenClient) -> None:
        """Pieces of 64 bytes, preceded by one interim response."""
        body = json.dumps({"access_token": "x" * 20_000, "expires_in": 60}).encode()
        pieces = [body[start : start + 64] for start in range(0, len(body), 64)]
        chunked = b"".join(f"{len(piece):x}\r\n".encode() + piece + b"\r\n" for piece in pieces) + b"0\r\n\r\n"
        head = b"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"
        recorder = Recorder(head + chunked)
        server = await asyncio.start_server(recorder.serve, "127.0.0.1", 0)
        async with server:
            url = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}/token"
            assert access_token(await client.send(request(url), ROUTE)) == "x" * 20_000
            await client.close()  # from 3.12 on, closing the server waits for its connections

    async def test_what_comes_in_addition_to_an_answer_belongs_to_nobody(self, client: TokenClient) -> None:
        """The next request on this connection might be another tenant's, and mistake it for its own response."""
        async with recording(response() + response(body='{"access_token": "another"}')) as recorder:
            url = f"http://127.0.0.1:{recorder.port}/token"
            assert access_token(await client.send(request(url), ROUTE)) == "x"
            problem = await failure(client, request(url), ROUTE)
            assert (type(problem), problem.reason) == (Transient, Reason.INVALID_RESPONSE)
            assert access_token(await client.send(request(url), ROUTE)) == "x"
            assert (len(recorder.requests), recorder.connections) == (2, 2)
            await client.close()


SOCKET_BUFFERS = 16 * 1024 * 1024
"""Bytes the system buffers before a server notices that nobody reads: far below a minute's flood."""


class Flood:
    """A server that never stops sending."""

    def __init__(self, head: bytes, again: bytes) -> None:
        self._head = head
        self._again = again * (65536 // len(again))
        self.sent = 0

    async def serve(self, _: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Sends until the client disconnects."""
        try:
            writer.write(self._head)
            while True:
                writer.write(self._again)
                self.sent += len(self._again)
                await writer.drain()
        except ConnectionError:
            pass
        finally:
            writer.close()


class TestEnded:
    """The caller that counts requests learns when a request has completely ended."""

    @pytest.mark.parametrize("url", ["no url", "https://169.254.169.254/token", "https://nowhere.example/token"])
    async def test_a_request_that_was_never_sent_ends_once(
        self, client: TokenClient, resolve: Resolve, url: str
    ) -> None:
        """Whatever prevented it, and it counts as not sent."""
        resolve()
        ends: list[str] = []
        with pytest.raises(Failure) as caught:
            await client.send(request(url), ROUTE, ended=lambda: ends.append(url))
        await asyncio.sleep(0)
        assert ends == [url]
        assert not caught.value.sent

    async def test_an_answered_request_ends_once(self, client: TokenClient, endpoint: TokenEndpoint) -> None:
        """With its response."""
        ends: list[str] = []
        await client.send(request(endpoint.url), ROUTE, ended=lambda: ends.append("shop"))
        assert ends == ["shop"]

    async def test_a_request_that_times_out_ends_once_and_counts_as_sent(
        self, client: TokenClient, endpoint: TokenEndpoint
    ) -> None:
        """The endpoint received it, whatever it does with it."""
        endpoint.fault(fault.HANG, client_id="patient")
        ends: list[str] = []
        with pytest.raises(Failure) as caught:
            await client.send(request(endpoint.url, "patient"), QUICK, ended=lambda: ends.append("shop"))
        assert ends == ["shop"]
        assert caught.value.sent

    async def test_a_look_up_that_hangs_is_under_way_until_it_returns(
        self, client: TokenClient, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """The request has long timed out, and other names are resolved meanwhile."""
        returned, ended, hung = threading.Event(), asyncio.Event(), []

        def getaddrinfo(host: str, *_: object, **__: object) -> list[object]:
            if host == "hanging.example":
                hung.append(host)
                returned.wait()
            raise socket.gaierror(socket.EAI_NONAME, "Name or service not known")

        monkeypatch.setattr(socket, "getaddrinfo", getaddrinfo)
        monkeypatch.setattr(module, "_GRACE", 0.0)
        try:
            with pytest.raises(Transient) as caught:
                await client.send(request("https://hanging.example/token"), QUICK, ended=ended.set)
            assert caught.value.reason == Reason.TIMEOUT
            for number in range(100):
                await failure(client, request(f"https://other-{number}.example/token"))
            assert hung
            assert not ended.is_set()
        finally:
            returned.set()
        async with asyncio.timeout(30):
            await ended.wait()
