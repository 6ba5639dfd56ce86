"""CA certificates that an installation trusts for all endpoints, from a file that may change at any time."""

import asyncio
import logging
import ssl
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager
from pathlib import Path
from urllib.parse import urlsplit

import pytest
from integration_token.__main__ import main
from integration_token.api.condition import Reason
from integration_token.cluster.permission import Permissions
from integration_token.errors import SettingsError
from integration_token.oauth.address import Policy
from integration_token.oauth.client import Route, TokenClient
from integration_token.oauth.trusted_file import TrustedFile
from integration_token.runtime.process import Application
from integration_token.runtime.settings import Settings
from integration_token.telemetry.metrics import Metrics

from tests.fakes.certificate import Certificate
from tests.fakes.cluster import Cluster
from tests.fakes.tls_front import TLSFront
from tests.fakes.token_endpoint import TokenEndpoint
from tests.unit.scrape import scraped
from tests.unit.test_client import SECRET, access_token, failure, request
from tests.unit.virtual import FakeClock, run

HOST = "127.0.0.1"
FIRST, SECOND = Certificate.issue(HOST), Certificate.issue(HOST)
TRIAL = Policy(insecure=True, allowed_hosts=frozenset(), private_hosts=frozenset())
ROUTE = Route(ca_bundle="", timeout=5.0, private=False)


@pytest.fixture(scope="module")
def endpoint() -> Iterator[TokenEndpoint]:
    """An endpoint with its own certificate."""
    with TokenEndpoint(clients={"shop": SECRET}, tls=True) as endpoint:
        yield endpoint


@pytest.fixture(scope="module")
def front(endpoint: TokenEndpoint) -> Iterator[TLSFront]:
    """A proxy in front of the endpoint, with another certificate."""
    with TLSFront(SECOND, endpoint.url, ssl.create_default_context(cadata=endpoint.ca_pem)) as front:
        yield front


@pytest.fixture
def file(tmp_path: Path) -> Path:
    """The file as the kubelet mounts it from a ConfigMap."""
    path = tmp_path / "ca.crt"
    path.symlink_to("..data/ca.crt")
    return path


def exchange(file: Path, text: str | None) -> None:
    """Replaces it as the kubelet does: atomically by another directory; None for a ConfigMap without the key."""
    directory = file.parent
    version = directory / f"..version{len(list(directory.iterdir()))}"
    version.mkdir()
    if text is not None:
        (version / file.name).write_text(text)
    link = directory / "..data_tmp"
    link.symlink_to(version.name)
    link.rename(directory / "..data")


@asynccontextmanager
async def trusting(file: Path, proxy: str | None = None) -> AsyncIterator[tuple[TrustedFile, TokenClient]]:
    """A client that trusts what the file holds."""
    trusted = TrustedFile(file)
    await trusted.open()
    client = TokenClient(FakeClock(), TRIAL, proxy, trusted=trusted)
    try:
        yield trusted, client
    finally:
        await client.close()


async def test_endpoints_are_known_by_it_and_its_exchange_counts_for_the_next_request(
    file: Path, endpoint: TokenEndpoint, front: TLSFront
) -> None:
    """What it no longer holds is no longer trusted."""
    behind = front.url + urlsplit(endpoint.url).path
    exchange(file, endpoint.ca_pem)
    async with trusting(file) as (trusted, client):
        assert access_token(await client.send(request(endpoint.url), ROUTE))
        assert (await failure(client, request(behind))).reason == Reason.TLS_FAILED
        exchange(file, SECOND.ca_pem)
        await trusted.look()
        assert access_token(await client.send(request(behind), ROUTE))
        assert (await failure(client, request(endpoint.url))).reason == Reason.TLS_FAILED


async def test_systems_roots_stay_trusted_too(
    file: Path, tmp_path: Path, endpoint: TokenEndpoint, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The file's are added to them."""
    roots = tmp_path / "roots.pem"
    roots.write_text(endpoint.ca_pem)
    monkeypatch.setenv("SSL_CERT_FILE", str(roots))
    exchange(file, FIRST.ca_pem)
    async with trusting(file) as (_, client):
        assert access_token(await client.send(request(endpoint.url), ROUTE))


async def test_endpoint_s_own_authorities_stand_alone(file: Path, endpoint: TokenEndpoint) -> None:
    """An endpoint that names its own wants no others, even if the text is the same as the file's."""
    exchange(file, endpoint.ca_pem)
    async with trusting(file) as (_, client):
        assert access_token(await client.send(request(endpoint.url), ROUTE))
        assert access_token(await client.send(request(endpoint.url), Route(endpoint.ca_pem, 5.0, private=False)))
        own = Route(FIRST.ca_pem, 5.0, private=False)
        assert (await failure(client, request(endpoint.url), own)).reason == Reason.TLS_FAILED


async def test_proxy_is_known_by_it(file: Path) -> None:
    """As with most companies' proxies; the endpoint's own CA certificates don't matter."""
    asked: list[str] = []

    async def refuse(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        asked.append((await reader.readuntil(b"\r\n\r\n")).decode().partition("\r\n")[0])
        writer.write(b"HTTP/1.1 403 Forbidden\r\nContent-Length: 0\r\n\r\n")
        writer.close()

    server = await asyncio.start_server(refuse, HOST, 0, ssl=FIRST.context())
    exchange(file, FIRST.ca_pem)
    async with trusting(file, f"https://user:pass@{HOST}:{server.sockets[0].getsockname()[1]}") as (trusted, client):
        await failure(client, request("https://login.example/"))
        await failure(client, request("https://login.example/"), Route(SECOND.ca_pem, 5.0, private=False))
        assert asked == ["CONNECT login.example:443 HTTP/1.1"] * 2
        exchange(file, SECOND.ca_pem)
        await trusted.look()
        problem = await failure(client, request("https://login.example/"))
        assert problem.message.startswith(f"TLS with the proxy {HOST}:")
        assert len(asked) == 2
    server.close()


def metrics_of(clock: FakeClock, trusted: TrustedFile) -> Callable[[], str]:
    """What an operator with that file returns on /metrics."""
    permissions = Permissions(clock)
    application = Application(
        Settings(), clock, lambda _: Cluster(), permissions, None, Metrics(), trusted=trusted, own_namespace=None
    )
    return lambda: scraped(application._metrics)


BAD: dict[str, tuple[str | None, str]] = {
    # For each case: what the file holds, and what the message says.
    "it is gone": (None, "No such file or directory"),
    "it is empty": ("", "contains no PEM certificate, or one that cannot be parsed"),
    "it only holds a key's name": ("# authorities come here\n", "contains no PEM certificate, or one that cannot be"),
    "one of its certificates is broken": (FIRST.ca_pem + FIRST.ca_pem[:200], "contains no PEM certificate, or one"),
    "it is too large": (FIRST.ca_pem.ljust(524289), "larger than 512 KiB"),
}


@pytest.mark.parametrize(("text", "said"), BAD.values(), ids=BAD)
async def test_file_that_cannot_be_used_at_the_start_is_an_error(file: Path, text: str | None, said: str) -> None:
    """Otherwise all endpoints that need it would fail one by one."""
    exchange(file, text)
    with pytest.raises(SettingsError, match=f"^--trusted-ca-file {file}: {said}"):
        await TrustedFile(file).open()


def test_it_is_one_line_and_exit_code_2(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    """As with any other setting."""
    assert main(["run", f"--trusted-ca-file={tmp_path}"]) == 2
    assert capsys.readouterr().err == (
        f"integration-token-operator run: --trusted-ca-file {tmp_path}: not a regular file\n"
    )


@pytest.mark.parametrize(("text", "said"), BAD.values(), ids=BAD)
def test_file_that_turns_bad_leaves_the_last_good_one(
    file: Path, caplog: pytest.LogCaptureFixture, text: str | None, said: str
) -> None:
    """A warning and a metric report it, and its recovery."""
    caplog.set_level(logging.INFO)

    async def story(clock: FakeClock) -> None:
        exchange(file, FIRST.ca_pem)
        trusted = TrustedFile(file)
        await trusted.open()
        metrics = metrics_of(clock, trusted)
        running = asyncio.create_task(trusted.run())
        told = []
        for content in (FIRST.ca_pem, text, SECOND.ca_pem):
            exchange(file, content)
            await asyncio.sleep(61)
            line = next(
                line for line in metrics().splitlines() if line.startswith("integration_token_trusted_ca_file_valid")
            )
            told.append((line.split()[-1], trusted.bundle.text))
        assert told == [("1.0", FIRST.ca_pem), ("0.0", FIRST.ca_pem), ("1.0", SECOND.ca_pem)]
        running.cancel()

    run(story)
    lines = [record.getMessage() for record in caplog.records]
    assert len([line for line in lines if "cannot be used, keeping its previous content" in line]) == 1
    assert len([line for line in lines if line.startswith("trusted CA file read")]) == 1


def test_installation_without_one_has_no_metric_of_it() -> None:
    """A gauge of 1 would report a file that doesn't exist."""

    async def story(clock: FakeClock) -> None:
        assert "trusted_ca" not in metrics_of(clock, TrustedFile(None))()

    run(story)
