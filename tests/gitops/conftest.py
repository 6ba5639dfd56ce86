"""The environment, built once: a control plane with the operator, a token endpoint, and the tools that wait."""

from collections.abc import Iterator

import pytest

from tests.apiserver.kube import Kube
from tests.apiserver.operator import Operator, usual
from tests.apiserver.stage import Login
from tests.cluster.plane import ControlPlane
from tests.gitops import program
from tests.gitops.release import Site
from tests.gitops.waiter import Waiter


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """What stops the operator comes last."""
    items.sort(key=lambda item: item.path.stem == "test_absent")


@pytest.fixture(scope="session")
def plane() -> Iterator[ControlPlane]:
    """For the operator only."""
    with ControlPlane(audit=False) as running:
        yield running


@pytest.fixture(scope="session")
def operator(plane: ControlPlane) -> Iterator[Operator]:
    """Run like the chart's Deployment."""
    with usual(plane) as running:
        yield running


@pytest.fixture(scope="session")
def site(plane: ControlPlane, operator: Operator) -> Iterator[Site]:
    """Where releases go."""
    login = Login()
    kube = Kube(plane)
    with login.endpoint:
        yield Site(kube, login)
    kube.close()


@pytest.fixture(scope="session")
def waiter(plane: ControlPlane, tmp_path_factory: pytest.TempPathFactory) -> Waiter:
    """Helm, Flux and kstatus."""
    return Waiter(plane, program.waiter(), tmp_path_factory.mktemp("charts"))
