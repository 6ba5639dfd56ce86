"""The room's world, built once: a control plane with the operator and every state of its resources, and a Prometheus
that looks at it."""

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
    """One answer to a scrape."""

    text: str
    now: float
    """Seconds since the epoch."""


@pytest.fixture(scope="session")
def helm(tmp_path_factory: pytest.TempPathFactory) -> Helm:
    """Helm, with no cluster in reach."""
    directory = tmp_path_factory.mktemp("helm")
    return Helm(Client(directory / "no-kubeconfig", directory))


@pytest.fixture(scope="session")
def rule_groups(helm: Helm) -> Document:
    """The chart's rules as they are installed without any values."""
    return rules.rendered(helm)


@pytest.fixture(scope="session")
def rule_file(rule_groups: Document, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The same as a file."""
    return rules.write(rule_groups, tmp_path_factory.mktemp("rules") / "rules.yml")


@pytest.fixture(scope="session")
def plane() -> Iterator[ControlPlane]:
    """For the operator alone."""
    with ControlPlane(audit=False) as running:
        yield running


@pytest.fixture(scope="session")
def operator(plane: ControlPlane) -> Iterator[Operator]:
    """As a Deployment of the chart runs it."""
    with usual(plane) as running:
        yield running


@pytest.fixture(scope="session")
def prometheus(helm: Helm, operator: Operator) -> Iterator[Prometheus]:
    """It has the chart's rules, in a hurry, and scrapes the operator from its first moment on."""
    with Prometheus(rules.rendered(helm, *rules.HASTY), operator.url.removeprefix("http://")) as running:
        yield running


@pytest.fixture(scope="session")
def states(plane: ControlPlane, operator: Operator, prometheus: Prometheus) -> Iterator[Scene]:
    """Everything is in its state, under Prometheus' eyes."""
    ledger, login, down = Ledger(), Login(), Login()
    with down.endpoint:
        pass  # it has an address that nobody serves
    with login.endpoint, closing(Kube(plane)) as kube:
        yield scene.put_up(kube, ledger, login, down)


@pytest.fixture(scope="session")
def scraped(operator: Operator, states: Scene) -> Scraped:
    """What the operator tells once everything is in its state."""
    return Scraped(operator.metrics(), time.time())
