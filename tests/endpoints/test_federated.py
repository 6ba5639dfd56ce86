"""No client secret at all: Keycloak takes tokens of ServiceAccounts that a real API server signed, by its keys."""

import json
from collections import Counter
from collections.abc import Iterator

import pytest

from tests.apiserver.canary import Canary
from tests.apiserver.kube import Kube
from tests.apiserver.ledger import Ledger
from tests.apiserver.operator import Operator, usual
from tests.cluster import etcd
from tests.cluster.plane import ControlPlane
from tests.endpoints import jose
from tests.endpoints.case import LIFETIME, RENEWALS
from tests.endpoints.keycloak import Keycloak
from tests.endpoints.server import Method
from tests.endpoints.trial import Trial


@pytest.fixture(scope="module")
def plane() -> Iterator[ControlPlane]:
    """Whose tokens others can prove."""
    with ControlPlane(issuer=True) as running:
        yield running


@pytest.fixture(scope="module")
def server(plane: ControlPlane) -> Iterator[Keycloak]:
    """It knows the cluster as an identity provider."""
    with Keycloak(plane.authority) as running:
        running.add_issuer(plane.server)
        yield running


@pytest.fixture(scope="module")
def ledger() -> Ledger:
    """What the operator left behind."""
    return Ledger()


@pytest.fixture(scope="module")
def operator(plane: ControlPlane, server: Keycloak, ledger: Ledger) -> Iterator[Operator]:
    """By a chart that names the account of each test."""
    values = []
    for number, name in enumerate(("federated", "disabled")):
        values += [
            f"serviceAccounts[{number}].namespace={server.name}-{name}",
            f"serviceAccounts[{number}].name=shop",
        ]
    for name in ("federated", "disabled"):
        plane.kubectl("create", "namespace", f"{server.name}-{name}")  # where the chart makes Roles
    with usual(plane, *values, ledger=ledger) as running:
        yield running


@pytest.fixture
def kube(plane: ControlPlane) -> Iterator[Kube]:
    """The plane's API."""
    kube = Kube(plane)
    yield kube
    kube.close()


def begun(kube: Kube, server: Keycloak, name: str) -> Trial:
    """With a client that Keycloak knows by the account, and nothing else."""
    trial = Trial(kube, server, name, Method.SERVICE_ACCOUNT_TOKEN)
    subject = f"system:serviceaccount:{trial.namespace}:shop"
    server.add_client(name, method=trial.method, lifetime=LIFETIME, subject=subject)
    return trial.begin({})


def test_a_namespace_without_any_secret_has_good_tokens(
    plane: ControlPlane, server: Keycloak, operator: Operator, kube: Kube
) -> None:
    """Over three renewals, each by one TokenRequest and one token request, and without an expired token in between."""
    trial = begun(kube, server, "federated")
    token = trial.until_ready()
    for _ in range(RENEWALS):
        token = trial.until_other(token, LIFETIME)
    assert [answer.status for answer in server.requests(trial.name)] == [200] * (1 + RENEWALS)
    assert trial.expired == []
    calls = Counter(
        (event["verb"], event["objectRef"].get("subresource", ""), event["objectRef"]["resource"])
        for event in plane.audit_events()
        if event["user"]["username"] == operator.installation.user
        and event.get("objectRef", {}).get("namespace") == trial.namespace
    )
    assert calls["create", "token", "serviceaccounts"] == 1 + RENEWALS
    assert (calls["create", "", "secrets"], calls["update", "", "secrets"]) == (1, RENEWALS)
    assert [secret["metadata"]["name"] for secret in kube.list("Secret", trial.namespace)] == ["shop"]


def test_a_client_that_is_disabled_is_told_once_its_last_token_has_expired(
    server: Keycloak, operator: Operator, kube: Kube
) -> None:
    """Until then the failing refresh alone, since consumers are still served."""
    trial = begun(kube, server, "disabled")
    token = trial.until_ready()
    server.disable(trial.name)
    trial.ask_for_renewal()
    trial.until(lambda: trial.condition("Refreshed").get("status") == "False", "the refresh to fail", LIFETIME)
    assert trial.token() == token
    assert (trial.condition("Ready")["status"], trial.condition("Stalled")["status"]) == ("True", "False")
    ready = trial.until_stalled(2 * LIFETIME)
    assert ready["reason"] in {"InvalidClient", "UnauthorizedClient"}, ready
    assert "ServiceAccount" in ready["message"], ready


def test_no_token_stands_anywhere_but_in_the_target_secret(
    plane: ControlPlane, server: Keycloak, operator: Operator, kube: Kube, ledger: Ledger
) -> None:
    """Neither a ServiceAccount's, by which Keycloak was asked, nor one that it issued: not in the operator's log at
    level debug, its metrics, its command line or environment, in events and statuses, the API server's audit log, or
    any version of any object that etcd has held; and in the target Secret only the issued one, in its data."""
    assertions = {each for each in server.confidential() if '"kubernetes.io"' in json.dumps(jose.claims_of(each))}
    issued = server.confidential() - assertions
    assert len(assertions) >= len(issued) > RENEWALS
    held = {
        f"{number} {key}": value.decode("latin-1") for number, (key, value) in enumerate(etcd.versions(plane.directory))
    }
    targets = {name for name in held if name.endswith("/shop") and "/registry/secrets/" in name}
    assert {token for token in issued if any(token in held[name] for name in targets)} == issued

    texts = {operator.log.name: operator.log.read_text(), "audit log": json.dumps(plane.audit_events())}
    assert "asking the endpoint" in texts[operator.log.name], "the log is at level debug"
    texts |= ledger.seen | operator.traces() | kube.texts()
    texts |= {name: text for name, text in held.items() if name not in targets}
    assert Canary(ledger.secrets | server.confidential()).leaks(texts) == []
    signatures = [assertion.rpartition(".")[2] for assertion in assertions]  # some claims are the issued one's, too
    assert not [name for name in targets if any(signature in held[name] for signature in signatures)]
