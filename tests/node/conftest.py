"""The layer's environment, built once: the image, a control plane with a node, the release, and a token endpoint."""

import os
from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import ExitStack

import pytest

from tests.apiserver.kube import Kube
from tests.apiserver.ledger import Ledger
from tests.apiserver.stage import Login, Stage
from tests.cluster import debian
from tests.cluster import image as images
from tests.cluster.plane import ControlPlane
from tests.node.federation import ACCOUNT, NAMESPACE, Federation
from tests.node.release import Release

PRIVILEGED = {"pod-security.kubernetes.io/enforce": "privileged"}
"""The label of a namespace in which consumers may use the host's network."""


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Puts tests that check the operator's first start first.

    Tests that stop the kubelet come after the hour without a secret, which test_rollover checks before its outages.
    Tests that remove the operator come last.
    """
    order = ["test_pod", "", "test_rollover", "test_consumer", "test_installation"]
    items.sort(key=lambda item: order.index(item.path.stem if item.path.stem in order else ""))


@pytest.fixture(scope="session")
def image() -> Iterator[images.Image]:
    """This tree's image. Without root or Linux its tests are skipped, or fail in CI."""
    obstacle = debian.obstacle()
    if obstacle and os.environ.get("CI") != "true":
        pytest.skip(obstacle)
    with images.built() as image:
        yield image


@pytest.fixture(scope="session")
def plane(image: images.Image) -> Iterator[ControlPlane]:
    """With a node that has the image. Others can verify the tokens of its ServiceAccounts."""
    with ControlPlane(node=True, issuer=True) as plane:
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
def release(plane: ControlPlane, kube: Kube) -> Release:
    """The chart, installed; the operator runs as a pod, and may get one account's tokens."""
    metadata = {"name": NAMESPACE, "labels": PRIVILEGED}
    kube.create({"apiVersion": "v1", "kind": "Namespace", "metadata": metadata})
    release = Release(plane)
    release.install(f"serviceAccounts[0].namespace={NAMESPACE}", f"serviceAccounts[0].name={ACCOUNT}")
    return release


@pytest.fixture(scope="session", autouse=True)
def federation(request: pytest.FixtureRequest) -> Iterator["Future[Federation] | None"]:
    """An hour without a secret, started before everything else if a test that checks it later will run."""
    if not any(item.name == "test_an_hour_without_a_secret" for item in request.session.items):
        yield None
        return
    plane: ControlPlane = request.getfixturevalue("plane")
    request.getfixturevalue("release")
    with ExitStack() as stack, ThreadPoolExecutor(max_workers=1) as pool:
        yield pool.submit(lambda: stack.enter_context(Federation(plane)))


@pytest.fixture(scope="module")
def stage(request: pytest.FixtureRequest, kube: Kube, login: Login, release: Release) -> Stage:
    """The module's namespace, named after it."""
    name = request.path.stem.removeprefix("test_").replace("_", "-")
    return Stage(kube, Ledger(), login, name, labels=PRIVILEGED)
