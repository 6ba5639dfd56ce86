"""Each server of the room, started when the first test asks for it."""

from collections.abc import Iterator

import pytest

from tests.endpoints.authlib import Authlib
from tests.endpoints.django_oauth_toolkit import DjangoOAuthToolkit
from tests.endpoints.issuer import ClusterIssuer
from tests.endpoints.keycloak import Keycloak
from tests.endpoints.oidc_provider import OIDCProvider


@pytest.fixture(scope="session")
def cluster() -> Iterator[ClusterIssuer]:
    """Whose service account tokens Keycloak takes."""
    with ClusterIssuer() as running:
        yield running


@pytest.fixture(scope="session")
def keycloak(cluster: ClusterIssuer, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Keycloak]:
    """It trusts the cluster."""
    authority = tmp_path_factory.mktemp("cluster") / "ca.pem"
    authority.write_text(cluster.ca_pem)
    with Keycloak(authority) as running:
        running.add_issuer(cluster.url)
        yield running


@pytest.fixture(scope="session")
def oidc_provider() -> Iterator[OIDCProvider]:
    """As it comes."""
    with OIDCProvider() as running:
        yield running


@pytest.fixture(scope="session")
def authlib() -> Iterator[Authlib]:
    """As it comes."""
    with Authlib() as running:
        yield running


@pytest.fixture(scope="session")
def django_oauth_toolkit() -> Iterator[DjangoOAuthToolkit]:
    """As it comes."""
    with DjangoOAuthToolkit() as running:
        yield running
