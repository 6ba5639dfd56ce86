"""The environment, built once: a control plane with the operator, resources in every state, and a Prometheus."""

import time
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import NamedTuple

import pytest

from tests.apiserver.kube import Kube
from tests.apiserver.ledger import Ledger
from tests.apiserver.operator import Operator, usual
from tests.apiserver.stage import Login
from tests.chart.rendering import Document, Helm
from tests.cluster.client import Client
from tests.cluster.plane import ControlPlane
from tests.monitoring import rules, scene
from tests.monitoring.prometheus import Prometheus
from tests.monitoring.scene import Scene


class Scraped(NamedTuple):
    """The response to one scrape."""

    text: str
    now: float
    """Seconds since the epoch."""


@pytest.fixture(scope="session")
def helm(tmp_path_factory: pytest.TempPathFactory) -> Helm:
    """Helm without a reachable cluster."""
    directory = tmp_path_factory.mktemp("helm")
    return Helm(Client(directory / "no-kubeconfig", directory))


@pytest.fixture(scope="session")
def rule_groups(helm: Helm) -> Document:
    """The chart's rules as installed with default values."""
    return rules.rendered(helm)


@pytest.fixture(scope="session")
def rule_file(rule_groups: Document, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The same as a file."""
    return rules.write(rule_groups, tmp_path_factory.mktemp("rules") / "rules.yml")


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
def prometheus(helm: Helm, operator: Operator) -> Iterator[Prometheus]:
    """It has the chart's rules with short delays, and scrapes the operator from its start."""
    with Prometheus(rules.rendered(helm, *rules.HASTY), operator.url.removeprefix("http://")) as running:
        yield running


@pytest.fixture(scope="session")
def states(plane: ControlPlane, operator: Operator, prometheus: Prometheus) -> Iterator[Scene]:
    """Puts everything into its state while Prometheus watches."""
    ledger, login, down = Ledger(), Login(), Login()
    with down.endpoint:
        pass  # an address where nothing listens
    with login.endpoint, closing(Kube(plane)) as kube:
        yield scene.put_up(kube, ledger, login, down)


@pytest.fixture(scope="session")
def scraped(operator: Operator, states: Scene) -> Scraped:
    """What the operator reports once everything is in its state."""
    return Scraped(operator.metrics(), time.time())
