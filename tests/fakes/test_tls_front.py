"""A front shows its own certificate, and passes requests on to whatever is behind it."""

import ssl
from collections.abc import Iterator

import httpx
import pytest

from tests.fakes.certificate import Certificate
from tests.fakes.tls_front import TLSFront
from tests.fakes.token_endpoint import TokenEndpoint

HOST = "127.0.0.1"
CERTIFICATE = Certificate.issue(HOST)


@pytest.fixture
def endpoint() -> Iterator[TokenEndpoint]:
    """The server behind the front."""
    with TokenEndpoint(clients={"shop": "s3cret"}, tls=True) as endpoint:
        yield endpoint


@pytest.fixture
def front(endpoint: TokenEndpoint) -> Iterator[TLSFront]:
    """The front of the endpoint."""
    with TLSFront(CERTIFICATE, endpoint.url, ssl.create_default_context(cadata=endpoint.ca_pem)) as front:
        yield front


def _client(authority: str) -> httpx.Client:
    return httpx.Client(verify=ssl.create_default_context(cadata=authority), trust_env=False)


def test_requests_pass_and_the_front_alone_is_seen(endpoint: TokenEndpoint, front: TLSFront) -> None:
    """Several on one connection, each answered by the endpoint."""
    path = httpx.URL(endpoint.url).path
    with _client(CERTIFICATE.ca_pem) as client:
        for _ in range(3):
            assert client.get(front.url + path).status_code == 405
    assert len(endpoint.log) == 3
    with _client(endpoint.ca_pem) as client, pytest.raises(httpx.ConnectError, match="CERTIFICATE_VERIFY_FAILED"):
        client.get(front.url + path)


def test_connections_end_with_what_is_behind(endpoint: TokenEndpoint, front: TLSFront) -> None:
    """New ones work once the server is back."""
    path = httpx.URL(endpoint.url).path
    with _client(CERTIFICATE.ca_pem) as client:
        with endpoint.away(), pytest.raises(httpx.TransportError):
            client.get(front.url + path)
        assert client.get(front.url + path).status_code == 405
