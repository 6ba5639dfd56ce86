"""Each of the servers, started when the first test needs it."""

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from functools import cache

import pytest

from tests.cluster.plane import ControlPlane
from tests.endpoints import federation
from tests.endpoints.keycloak import Keycloak
from tests.endpoints.server import TokenServer

Start = Callable[[type[TokenServer]], TokenServer]


@pytest.fixture(scope="session")
def plane() -> Iterator[ControlPlane]:
    """Others can verify its ServiceAccounts' tokens."""
    with ControlPlane(issuer=True) as running:
        yield running


@pytest.fixture(scope="session")
def start(plane: ControlPlane) -> Iterator[Start]:
    """Starts a server, or returns the running one."""
    with ExitStack() as stack:

        @cache
        def started(kind: type[TokenServer]) -> TokenServer:
            return stack.enter_context(federation.running(kind, plane))

        yield started


@pytest.fixture(scope="session")
def keycloak(start: Start) -> Keycloak:
    """It accepts the tokens of the plane's ServiceAccounts."""
    server = start(Keycloak)
    assert isinstance(server, Keycloak)
    return server
