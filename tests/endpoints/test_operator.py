"""The operator, on a real control plane, gets tokens from servers that others wrote."""

from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor

import pytest

from tests.apiserver.kube import Kube
from tests.apiserver.ledger import Ledger
from tests.apiserver.operator import Installation, Operator
from tests.cluster.plane import ControlPlane
from tests.endpoints import case
from tests.endpoints.authlib import Authlib
from tests.endpoints.case import Result, Site
from tests.endpoints.keycloak import Keycloak
from tests.endpoints.oidc_provider import OIDCProvider
from tests.endpoints.server import TokenServer

QUICK: dict[str, type[TokenServer]] = {each.name: each for each in (Keycloak, OIDCProvider, Authlib)}
"""Those that every run of the tests starts."""


@pytest.fixture(scope="module")
def plane() -> Iterator[ControlPlane]:
    """For the operator alone."""
    with ControlPlane(audit=False) as running:
        yield running


@pytest.fixture(scope="module")
def operator(plane: ControlPlane) -> Iterator[Operator]:
    """As a Deployment of the chart runs it."""
    installation = Installation(plane, "integration-token-operator", "endpoints.insecure=true")
    with Operator(installation, Ledger()) as running:
        yield running


@pytest.fixture(scope="module")
def results(
    plane: ControlPlane, operator: Operator, request: pytest.FixtureRequest
) -> Iterator[dict[str, dict[str, "Future[Result]"]]]:
    """By server and case: all were begun at once."""
    servers: list[TokenServer] = [request.getfixturevalue(name.replace("-", "_")) for name in QUICK]
    kube = Kube(plane)
    with ThreadPoolExecutor(max_workers=64) as pool:
        yield {server.name: case.begin(pool, Site(kube, server)) for server in servers}
    kube.close()


@pytest.mark.parametrize(
    ("server", "name"), [(name, each) for name, kind in QUICK.items() for each in case.cases(kind)]
)
def test_the_case_goes_well(results: dict[str, dict[str, "Future[Result]"]], server: str, name: str) -> None:
    """See case.py for what each of them is."""
    failure = results[server][name].result().failure
    if failure is not None:
        raise failure


def test_a_restart_asks_no_server_for_anything(
    results: dict[str, dict[str, "Future[Result]"]],
    operator: Operator,
    request: pytest.FixtureRequest,
) -> None:
    """The stored tokens are good, whoever issued them."""
    servers: list[TokenServer] = [request.getfixturevalue(name.replace("-", "_")) for name in QUICK]
    for futures in results.values():
        for future in futures.values():
            future.result()
    before = [server.requests(name) for server in servers for name in ("wrong", "issue-clientsecretpost")]
    operator.restart()
    assert [server.requests(name) for server in servers for name in ("wrong", "issue-clientsecretpost")] == before
