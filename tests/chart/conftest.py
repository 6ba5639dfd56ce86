"""One control plane with the chart's CRDs for all chart tests; tests that only render need none."""

from collections.abc import Iterator

import pytest

from tests.chart.rendering import Helm, Kubectl
from tests.cluster.client import Client
from tests.cluster.plane import ControlPlane


@pytest.fixture(scope="session")
def helm(tmp_path_factory: pytest.TempPathFactory) -> Helm:
    """Helm without a reachable cluster: rendering must not depend on one."""
    directory = tmp_path_factory.mktemp("helm")
    return Helm(Client(directory / "no-kubeconfig", directory))


@pytest.fixture(scope="session")
def kubectl() -> Iterator[Kubectl]:
    """kubectl, on a control plane that serves the chart's CRDs."""
    with ControlPlane(audit=False) as plane:
        plane.install_crds()
        yield Kubectl(Client(plane.kubeconfig, plane.directory))
