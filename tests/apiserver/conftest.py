"""The layer's environment, built once: a control plane with the chart, the running operator, and token endpoints.

Each test module has its own namespace in it.
"""

from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor

import pytest

from tests.apiserver import upgrade
from tests.apiserver.kube import Kube
from tests.apiserver.ledger import Ledger
from tests.apiserver.operator import Installation, Operator
from tests.apiserver.rollover import LEADS, LIFETIME, RENEW_BEFORE
from tests.apiserver.stage import Login, Stage, Token
from tests.apiserver.upgrade import Costs
from tests.cluster.plane import ControlPlane
from tests.fakes.issuer import Policy
from tests.released.release import RELEASES


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Puts tests that restart the operator first, then the ones that start what later tests check.

    Leader tests come once the upgrades, which take a whole core, are over. Deletions come late, when the garbage
    collector has noticed our kinds, and the canary test last: it checks what all the others left behind.
    """
    late = ["test_leader", "test_deletion", "test_restore", "test_upgrade", "test_patience", "test_canary"]
    order = ["test_budget", "test_rollover", "", *late]
    items.sort(key=lambda item: order.index(item.path.stem if item.path.stem in order else ""))


@pytest.fixture(scope="session")
def plane() -> Iterator[ControlPlane]:
    """With the controllers, whose garbage collector deletes a deleted resource's Secret."""
    with ControlPlane(controller_manager=True) as running:
        yield running


@pytest.fixture(scope="session")
def ledger() -> Ledger:
    """What must not leak."""
    return Ledger()


@pytest.fixture(scope="session")
def kube(plane: ControlPlane, ledger: Ledger) -> Iterator[Kube]:
    """The plane's API."""
    kube = Kube(plane)
    ledger.kubes.append(kube)
    yield kube
    kube.close()


@pytest.fixture(scope="session")
def login(ledger: Ledger) -> Iterator[Login]:
    """The token endpoint of most tests."""
    login = Login()
    ledger.endpoints.append(login.endpoint)
    with login.endpoint:
        yield login


@pytest.fixture(scope="session")
def operator(plane: ControlPlane, ledger: Ledger) -> Iterator[Operator]:
    """The operator for all namespaces; it allows endpoints on the loopback address."""
    installation = Installation(plane, "integration-token-operator", "endpoints.insecure=true")
    # Its own namespace, which a pod knows by itself.
    with Operator(installation, ledger, f"--lease-namespace={installation.release}") as running:
        yield running


@pytest.fixture(scope="session")
def other_plane() -> Iterator[ControlPlane]:
    """A second plane, with the CRDs, for other ways to install and for outages."""
    with ControlPlane() as running:
        running.install_crds()
        yield running


@pytest.fixture(scope="session")
def other_kube(other_plane: ControlPlane, ledger: Ledger) -> Iterator[Kube]:
    """The second plane's API."""
    kube = Kube(other_plane)
    ledger.kubes.append(kube)
    yield kube
    kube.close()


@pytest.fixture(scope="session")
def crowd(kube: Kube, ledger: Ledger, login: Login, operator: Operator) -> list[Token]:
    """Tokens from an endpoint limited to 5 requests a minute: 8, so that it takes more than one minute."""
    stage = Stage(kube, ledger, login, "crowd", endpoint=False)
    stage.endpoint("limited", rateLimit={"requestsPerMinute": 5})
    return [stage.token(f"crowd-{number}", endpoint="limited") for number in range(8)]


@pytest.fixture(scope="session", autouse=True)
def restless(request: pytest.FixtureRequest) -> Token | None:
    """A token of 4 s, started before everything else if a test that checks it later will run."""
    if not any(item.path.stem == "test_patience" for item in request.session.items):
        return None
    kube, ledger, login = (request.getfixturevalue(name) for name in ("kube", "ledger", "login"))
    request.getfixturevalue("operator")
    return Stage(kube, ledger, login, "restless").token("restless", policy=Policy(lifetime=4, lead=0))


@pytest.fixture(scope="session", autouse=True)
def upgrades(request: pytest.FixtureRequest) -> Iterator[dict[str, Future[Costs]]]:
    """Upgrades from each release, on planes of their own in parallel with the other tests, if they will be checked."""
    wanted = any(item.path.stem == "test_upgrade" for item in request.session.items)
    with ThreadPoolExecutor(1) as pool:
        yield {release.version: pool.submit(upgrade.play, release) for release in RELEASES if wanted}


@pytest.fixture(scope="session")
def learner(kube: Kube, ledger: Ledger, login: Login, operator: Operator) -> Token:
    """A token of 26 s. Its lead of 5 s is learned after 25 s; until then 3 requests renew it."""
    stage = Stage(kube, ledger, login, "learner")
    return stage.token("learner", policy=Policy(lifetime=26, lead=5), renewBefore="13s")


@pytest.fixture(scope="session")
def rollovers(kube: Kube, ledger: Ledger, login: Login, operator: Operator) -> dict[float, Token]:
    """Tokens of 30 s, by their endpoint's rollover lead in seconds."""
    stage = Stage(kube, ledger, login, "rollovers")
    return {
        lead: stage.token(f"lead-{lead:.0f}", policy=Policy(LIFETIME, lead), renewBefore=RENEW_BEFORE) for lead in LEADS
    }


@pytest.fixture(scope="session")
def stated(kube: Kube, ledger: Ledger, login: Login, operator: Operator) -> Token:
    """Another one, from an endpoint whose spec states the lead."""
    stage = Stage(kube, ledger, login, "stated")
    stage.endpoint("stated", rolloverLead="5s")
    return stage.token("stated", endpoint="stated", policy=Policy(LIFETIME, lead=5), renewBefore=RENEW_BEFORE)


@pytest.fixture(scope="module")
def stage(request: pytest.FixtureRequest, kube: Kube, ledger: Ledger, login: Login, operator: Operator) -> Stage:
    """The module's namespace, named after it."""
    name = request.path.stem.removeprefix("test_").replace("_", "-")
    return Stage(kube, ledger, login, name)
