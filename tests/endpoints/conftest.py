"""Each server of the room, started when the first test asks for it."""

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from functools import cache

import pytest

from tests.endpoints.issuer import ClusterIssuer
from tests.endpoints.keycloak import Keycloak
from tests.endpoints.server import TokenServer

Start = Callable[[type[TokenServer]], TokenServer]


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
def start(request: pytest.FixtureRequest) -> Iterator[Start]:
    """Starts a server, or answers the one that runs already."""
    with ExitStack() as stack:

        @cache
        def started(kind: type[TokenServer]) -> TokenServer:
            if kind is Keycloak:
                keycloak: Keycloak = request.getfixturevalue("keycloak")
                return keycloak
            return stack.enter_context(kind())

        yield started
