"""The layer's world, built once: the image, a control plane with a node that knows it, the chart's release, and a token
endpoint."""

import os
from collections.abc import Iterator

import pytest

from tests.apiserver.kube import Kube
from tests.apiserver.ledger import Ledger
from tests.apiserver.stage import Login, Stage
from tests.cluster import debian
from tests.cluster import image as images
from tests.cluster.plane import ControlPlane
from tests.node.release import Release


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """First what looks at the operator's first start, and last what takes it away."""
    order = {"test_pod": -1, "test_installation": 1}
    items.sort(key=lambda item: order.get(item.path.stem, 0))


@pytest.fixture(scope="session")
def image() -> Iterator[images.Image]:
    """The image of this tree. Without root or Linux its tests are skipped, and in CI they fail."""
    obstacle = debian.obstacle()
    if obstacle and os.environ.get("CI") != "true":
        pytest.skip(obstacle)
    with images.built() as image:
        yield image


@pytest.fixture(scope="session")
def plane(image: images.Image) -> Iterator[ControlPlane]:
    """With a node that knows the image."""
    with ControlPlane(node=True) as plane:
        image.load(plane)
        yield plane


@pytest.fixture(scope="session")
def kube(plane: ControlPlane) -> Iterator[Kube]:
    """The plane's API."""
    kube = Kube(plane)
    yield kube
    kube.close()


@pytest.fixture(scope="session")
def login() -> Iterator[Login]:
    """The token endpoint."""
    login = Login()
    with login.endpoint:
        yield login


@pytest.fixture(scope="session")
def release(plane: ControlPlane) -> Release:
    """The chart, installed; the operator runs as a pod."""
    release = Release(plane)
    release.install()
    return release


@pytest.fixture(scope="module")
def stage(request: pytest.FixtureRequest, kube: Kube, login: Login, release: Release) -> Stage:
    """The module's namespace, named after it, in which consumers may be on the host's network."""
    name = request.path.stem.removeprefix("test_").replace("_", "-")
    return Stage(kube, Ledger(), login, name, labels={"pod-security.kubernetes.io/enforce": "privileged"})
