"""The operator, on a real control plane, gets tokens from servers that others wrote."""

from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor

import pytest

from tests.apiserver.kube import Kube
from tests.apiserver.operator import Operator, usual
from tests.cluster.plane import ControlPlane
from tests.endpoints import case
from tests.endpoints.authlib import Authlib
from tests.endpoints.case import Result, Site
from tests.endpoints.conftest import Start
from tests.endpoints.keycloak import Keycloak
from tests.endpoints.oidc_provider import OIDCProvider
from tests.endpoints.server import Answer, TokenServer

QUICK: tuple[type[TokenServer], ...] = (Keycloak, OIDCProvider, Authlib)
"""Those that every run of the tests starts."""

Results = dict[str, dict[str, "Future[Result]"]]
"""By server and case."""


@pytest.fixture(scope="module")
def plane() -> Iterator[ControlPlane]:
    """For the operator alone."""
    with ControlPlane(audit=False) as running:
        yield running


@pytest.fixture(scope="module")
def operator(plane: ControlPlane) -> Iterator[Operator]:
    """As a Deployment of the chart runs it."""
    with usual(plane) as running:
        yield running


@pytest.fixture(scope="module")
def results(plane: ControlPlane, operator: Operator, start: Start) -> Iterator[Results]:
    """All were begun at once."""
    servers = [start(kind) for kind in QUICK]
    kube = Kube(plane)
    with ThreadPoolExecutor(max_workers=64) as pool:
        yield {server.name: case.begin(pool, Site(kube, server)) for server in servers}
    kube.close()


@pytest.mark.parametrize(("server", "name"), [(kind.name, each) for kind in QUICK for each in case.cases(kind)])
def test_the_case_goes_well(results: Results, server: str, name: str) -> None:
    """See case.py for what each of them is."""
    failure = results[server][name].result().failure
    if failure is not None:
        raise failure


def test_a_restart_asks_no_server_for_anything(results: Results, operator: Operator, start: Start) -> None:
    """The stored tokens are good, whoever issued them."""
    for futures in results.values():
        for future in futures.values():
            future.result()

    def requests() -> list[tuple[Answer, ...]]:
        return [start(kind).requests(name) for kind in QUICK for name in ("wrong", "issue-clientsecretpost")]

    before = requests()
    operator.restart()
    assert requests() == before
