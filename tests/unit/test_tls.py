"""On any Python version the operator reaches the servers that kubectl and curl reach, or says why it can't."""

import asyncio
import re
import ssl
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path

import aiohttp
import integration_token
import pytest
from aiohttp import web
from integration_token.api.condition import Reason
from integration_token.api.endpoint import RequestEncoding
from integration_token.cluster.connection import access, connect
from integration_token.cluster.rest_client import RestClient
from integration_token.errors import Failure, SettingsError, Unavailable
from integration_token.handlers import watch
from integration_token.handlers.session import session_of
from integration_token.oauth import trust
from integration_token.oauth.address import Policy
from integration_token.oauth.client import Route, TokenClient
from integration_token.oauth.part import GrantInputs, TokenRequestSpec
from integration_token.oauth.request import build_request
from integration_token.tls import failure_of, tolerant

from tests.cluster import kubeconfig
from tests.fakes.certificate import Certificate
from tests.unit.virtual import EPOCH, FakeClock

HOST = "127.0.0.1"
TRIAL = Policy(insecure=True, allowed_hosts=frozenset(), private_hosts=frozenset())

PLAIN = Certificate.issue_plain(HOST, "localhost")
"""Without key usage and key identifiers."""

CERTIFICATES = [
    pytest.param(PLAIN, id="plain"),
    pytest.param(Certificate.issue_below(HOST), id="of an intermediate CA that is trusted by itself"),
    pytest.param(Certificate.issue(HOST), id="standard"),
]

Call = Callable[[str, str, Path], Awaitable[None]]
"""Sends a request to a URL, trusting a CA, with a directory for files."""


@pytest.fixture(autouse=True)
def _strict_python(monkeypatch: pytest.MonkeyPatch) -> None:
    """TLS contexts as in Python 3.13 and newer on Debian, whichever Python runs this."""
    plain = ssl.create_default_context

    def create(*arguments: object, **options: object) -> ssl.SSLContext:
        context = plain(*arguments, **options)  # type: ignore[arg-type]  # handed on
        context.verify_flags |= ssl.VERIFY_X509_STRICT
        context.minimum_version = ssl.TLSVersion.MINIMUM_SUPPORTED
        return context

    monkeypatch.setattr(ssl, "create_default_context", create)
    monkeypatch.setattr(trust, "_kept", type(trust._kept)())


@asynccontextmanager
async def serving(certificate: Certificate | None) -> AsyncIterator[str]:
    """The URL of a server that answers everything with a JSON object."""

    async def answer(_: web.Request) -> web.Response:
        return web.json_response({"access_token": "x"})

    application = web.Application()
    application.router.add_route("*", "/{path:.*}", answer)
    runner = web.AppRunner(application)
    await runner.setup()
    site = web.TCPSite(runner, HOST, 0, ssl_context=certificate.context() if certificate else None)
    await site.start()
    try:
        yield f"https://{HOST}:{runner.addresses[0][1]}"
    finally:
        await runner.cleanup()


async def call_endpoint(url: str, authority: str, _: Path) -> None:
    """As for a token."""
    inputs = GrantInputs(f"{url}/token", RequestEncoding.JSON, "ClientSecretPost", (), "", ())
    request = build_request(TokenRequestSpec(inputs, {"client_id": "shop", "client_secret": "s3cret"}), EPOCH)
    client = TokenClient(FakeClock(), TRIAL, None)
    try:
        await client.send(request, Route(authority, 5.0, private=False))
    finally:
        await client.close()


def _kubeconfig(url: str, authority: str, directory: Path) -> Path:
    file = directory / "ca.pem"
    file.write_text(authority)
    return kubeconfig.write(directory / "kubeconfig", url, file, {"token": "t0ken"})


def nothing_listed(plural: str, namespace: str) -> None:
    """Must not be called."""
    raise AssertionError(f"{plural} in {namespace} were listed")


async def call_api_server(url: str, authority: str, directory: Path) -> None:
    """As with most calls."""
    async with AsyncExitStack() as stack:
        client = await connect(_kubeconfig(url, authority, directory), watches=0)
        stack.push_async_callback(client.close)
        await RestClient(client, None, None, lambda *_: None).call("GET", "/version")


async def call_by_kopf(url: str, authority: str, directory: Path) -> None:
    """As kopf lists and watches."""
    async with AsyncExitStack() as stack:
        client = await connect(_kubeconfig(url, authority, directory), watches=0)
        stack.push_async_callback(client.close)
        session = await stack.enter_async_context(
            session_of(watch._connection(await access(client)), {}, nothing_listed)
        )
        async with session.get(f"{url}/version") as response:
            assert response.status == 200


CALLS = [call_endpoint, call_api_server, call_by_kopf]


@pytest.mark.parametrize("certificate", CERTIFICATES)
@pytest.mark.parametrize("call", CALLS)
async def test_a_server_is_reached_that_kubectl_and_curl_reach(
    call: Call, certificate: Certificate, tmp_path: Path
) -> None:
    """A token endpoint or the API server, by each of our clients."""
    async with serving(certificate) as url:
        await call(url, certificate.ca_pem, tmp_path)


@pytest.mark.parametrize("call", CALLS)
async def test_a_plain_certificate_of_another_authority_is_refused(call: Call, tmp_path: Path) -> None:
    """Only the certificate's extensions are optional, not its signature."""
    async with serving(PLAIN) as url:
        with pytest.raises((Failure, Unavailable, aiohttp.ClientError)) as raised:
            await call(url, Certificate.issue_plain(HOST).ca_pem, tmp_path)
    assert getattr(raised.value, "reason", Reason.TLS_FAILED) == Reason.TLS_FAILED


@pytest.mark.parametrize("call", CALLS)
async def test_a_plain_certificate_for_another_name_is_refused(call: Call, tmp_path: Path) -> None:
    """Nor is its name."""
    certificate = Certificate.issue_plain("login.example")
    async with serving(certificate) as url:
        with pytest.raises((Failure, Unavailable, aiohttp.ClientError), match=r"(?i)certificate"):
            await call(url, certificate.ca_pem, tmp_path)


@pytest.mark.parametrize(
    ("certificate", "authority", "said"),
    [
        (PLAIN, Certificate.issue_plain(HOST).ca_pem, "its certificate is not trusted: [a-z -]+"),
        (
            PLAIN,
            Certificate.issue(HOST).ca_pem,
            "its certificate is not trusted: unable to get local issuer certificate",
        ),
        (
            Certificate.issue_plain("other.example"),
            "",
            r"its certificate is not trusted: IP address mismatch, certificate is not valid for '127\.0\.0\.1'",
        ),
        (None, PLAIN.ca_pem, "TLS failed: [a-z ]+"),
    ],
    ids=["another plain authority", "another authority", "another name", "no TLS"],
)
async def test_what_tls_says_of_the_api_server_is_reported(
    certificate: Certificate | None, authority: str, said: str, tmp_path: Path
) -> None:
    """With what to check; the kind of the library's error helps nobody."""
    async with serving(certificate) as url:
        trusted = authority or (certificate.ca_pem if certificate else "")
        advice = "check its address and certificate authority in the kubeconfig, or in the pod's ServiceAccount"
        with pytest.raises(Unavailable, match=f"^the API server cannot be reached: {said}; {advice}$") as raised:
            await call_api_server(url, trusted, tmp_path)
    assert raised.value.__cause__ is None


async def test_other_faults_of_a_connection_are_not_blamed_on_tls(tmp_path: Path) -> None:
    """An API server that is down is reported as before."""
    with pytest.raises(Unavailable, match=r"^the API server cannot be reached \(ClientConnectorError\)$"):
        await call_api_server("https://127.0.0.1:1", PLAIN.ca_pem, tmp_path)


@asynccontextmanager
async def proxying(
    certificate: Certificate, clock: FakeClock
) -> AsyncIterator[tuple[Callable[[], Awaitable[Failure]], list[str]]]:
    """The failure of a request through a proxy that refuses, and what the proxy was asked for."""
    asked: list[str] = []

    async def refuse(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        asked.append((await reader.readuntil(b"\r\n\r\n")).decode().partition("\r\n")[0])
        writer.write(b"HTTP/1.1 403 Forbidden\r\nContent-Length: 0\r\n\r\n")
        writer.close()

    server = await asyncio.start_server(refuse, HOST, 0, ssl=certificate.context())
    client = TokenClient(clock, TRIAL, f"https://{HOST}:{server.sockets[0].getsockname()[1]}")
    inputs = GrantInputs("https://login.example/", RequestEncoding.JSON, "ClientSecretPost", (), "", ())
    request = build_request(TokenRequestSpec(inputs, {"client_id": "shop", "client_secret": "s3cret"}), EPOCH)

    async def failure() -> Failure:
        with pytest.raises(Failure) as raised:
            await client.send(request, Route("", 5.0, private=False))
        return raised.value

    try:
        yield failure, asked
    finally:
        await client.close()
        server.close()


async def test_a_proxy_is_reached_by_a_plain_certificate(
    clock: FakeClock, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It was issued by one of the machine's own CAs."""
    authorities = tmp_path / "authorities.pem"
    authorities.write_text(PLAIN.ca_pem)
    monkeypatch.setenv("SSL_CERT_FILE", str(authorities))
    async with proxying(PLAIN, clock) as (failure, asked):
        await failure()
    assert asked == ["CONNECT login.example:443 HTTP/1.1"]


async def test_a_proxy_that_is_not_trusted_is_named(clock: FakeClock) -> None:
    """The endpoint and its CA bundle aren't blamed."""
    async with proxying(PLAIN, clock) as (failure, asked):
        problem = await failure()
    assert asked == []
    assert problem.reason == Reason.ENDPOINT_UNREACHABLE
    assert "the proxy 127.0.0.1:" in problem.message
    assert "login.example" not in problem.message


@pytest.mark.parametrize(
    ("least", "then"),
    [
        (ssl.TLSVersion.MINIMUM_SUPPORTED, ssl.TLSVersion.TLSv1_2),
        (ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_2),
        (ssl.TLSVersion.TLSv1_3, ssl.TLSVersion.TLSv1_3),
    ],
)
def test_tls_1_2_is_the_least(least: ssl.TLSVersion, then: ssl.TLSVersion) -> None:
    """A higher minimum set on the machine is kept."""
    context = ssl.create_default_context()
    context.minimum_version = least
    assert tolerant(context).minimum_version == then


async def test_tls_1_2_is_the_least_of_every_client(tmp_path: Path) -> None:
    """Debian's Python leaves it open."""
    client = await connect(_kubeconfig("https://127.0.0.1:1", PLAIN.ca_pem, tmp_path), watches=0)
    session = session_of(watch._connection(await access(client)), {}, nothing_listed)
    connectors = session.connector, client._session.connector
    contexts = (await trust.tls_context(""), *(getattr(connector, "_ssl", None) for connector in connectors))
    await session.close()
    await client.close()
    assert [getattr(context, "minimum_version", None) for context in contexts] == [ssl.TLSVersion.TLSv1_2] * 3


def test_no_context_is_made_that_depends_on_the_python() -> None:
    """Every context is created by the same code."""
    package = Path(integration_token.__file__).parent
    made = [
        (path.name, line.strip())
        for path in package.rglob("*.py")
        for line in path.read_text().splitlines()
        if re.search(r"create_default_context\(|SSLContext\(|as_ssl_context\(", line)
    ]
    assert len(made) >= 3
    assert [(name, line) for name, line in made if "tolerant(" not in line] == []


@pytest.mark.parametrize(
    ("url", "authority"),
    [
        ("https://127.0.0.1:1", "no certificate"),
        ("https://127.0.0.1:99999", PLAIN.ca_pem),
        ("https://[bad", PLAIN.ca_pem),
    ],
)
async def test_a_kubeconfig_that_cannot_be_used_is_a_wrong_setting(url: str, authority: str, tmp_path: Path) -> None:
    """The command ends with a line that names it instead of an unexpected error."""
    with pytest.raises(
        SettingsError, match=r"^--kubeconfig /.*: cannot use the server's address, a certificate or a key in it$"
    ):
        await connect(_kubeconfig(url, authority, tmp_path), watches=0)


def test_what_an_error_says_beyond_tls_is_not_shown() -> None:
    """It may contain the request's headers."""
    error = RuntimeError("Authorization: Bearer t0ken")
    error.__cause__ = ssl.SSLError(1, "[SSL: WRONG_VERSION_NUMBER] t0ken")
    assert failure_of(error) == "TLS failed"
    assert failure_of(RuntimeError("t0ken")) == ""
