"""Other ways to install: for single namespaces, and with the checks that restrict endpoints.

They use a plane of their own, since the other tests' operator serves all namespaces.
"""

import re
from collections.abc import Iterator
from datetime import datetime

import pytest

from tests.apiserver.kube import GROUP_VERSION, Document, Kube
from tests.apiserver.ledger import Ledger
from tests.apiserver.operator import Installation, Operator
from tests.apiserver.stage import SOON, Login, Stage
from tests.cluster.plane import ControlPlane
from tests.cluster.poll import poll

SERVED = ("tenant-a", "tenant-b")


@pytest.fixture(scope="module")
def tenants(other_kube: Kube, ledger: Ledger, login: Login) -> dict[str, Stage]:
    """The namespaces, which must exist before the chart is installed for them."""
    names = (*SERVED, "elsewhere", "strict", "listed")
    return {name: Stage(other_kube, ledger, login, name) for name in names}


@pytest.fixture(scope="module")
def namespaced(other_plane: ControlPlane, ledger: Ledger, tenants: dict[str, Stage]) -> Iterator[Operator]:
    """For two namespaces; endpoints on the loopback address are allowed."""
    values = ["crds.enabled=false", "endpoints.insecure=true", f"namespaces={{{','.join(SERVED)}}}"]
    with Operator(Installation(other_plane, "namespaced", *values), ledger) as running:
        yield running


@pytest.fixture(scope="module")
def strict(other_plane: ControlPlane, ledger: Ledger, tenants: dict[str, Stage]) -> Iterator[Operator]:
    """With default settings, but for one namespace."""
    with Operator(Installation(other_plane, "strict", "crds.enabled=false", "namespaces={strict}"), ledger) as running:
        yield running


@pytest.fixture(scope="module")
def listed(other_plane: ControlPlane, ledger: Ledger, tenants: dict[str, Stage]) -> Iterator[Operator]:
    """With a list of hosts for the whole installation."""
    values = [
        "crds.enabled=false",
        "namespaces={listed}",
        "endpoints.insecure=true",
        "endpoints.allowedHosts={127.0.0.1}",
    ]
    with Operator(Installation(other_plane, "listed", *values), ledger) as running:
        yield running


def test_namespaced_install_has_no_cluster_role(namespaced: Operator, other_kube: Kube) -> None:
    """An installation for a list of namespaces creates no ClusterRole and no ClusterRoleBinding."""
    for kind in ("ClusterRole", "ClusterRoleBinding"):
        owners = [found["metadata"].get("labels", {}) for found in other_kube.list(kind)]
        assert not [labels for labels in owners if labels.get("app.kubernetes.io/instance") == "namespaced"]
    assert namespaced.process.running


def test_namespaced_install_works_in_its_namespaces_and_sees_nothing_elsewhere(
    namespaced: Operator, tenants: dict[str, Stage], other_plane: ControlPlane
) -> None:
    """Both namespaces are served; others aren't even read, and nothing that RBAC refuses is ever tried."""
    elsewhere = tenants["elsewhere"].token("shop")
    for name in SERVED:
        token = tenants[name].token("shop").until_ready()
        token.edit_secret(stringData={"extra": "x"})
        token.until_event("Repaired")
        assert "extra" not in token.data()
        endpoint = tenants[name].kube.get("TokenEndpoint", name, "login")
        assert endpoint["status"]["conditions"][0]["reason"] == "Valid"

    assert elsewhere.status() == {"observedGeneration": 0}
    assert not elsewhere.requests()
    asked = [e for e in other_plane.audit_events() if e["user"]["username"] == namespaced.installation.user]
    assert {event["objectRef"].get("namespace") for event in asked if "objectRef" in event} == set(SERVED)
    assert {event["responseStatus"]["code"] for event in asked} <= {200, 201, 404}


def test_a_namespace_that_is_gone_does_not_keep_the_others_waiting(
    other_plane: ControlPlane, ledger: Ledger, other_kube: Kube, login: Login
) -> None:
    """Its Role went with it: the operator serves the others, even after a restart, and says what it can't list."""
    stage = Stage(other_kube, ledger, login, "left")
    values = ["crds.enabled=false", "endpoints.insecure=true", "namespaces={left}"]
    with Operator(Installation(other_plane, "left-over", *values), ledger, "--namespace=gone") as running:
        stage.token("shop").until_ready()
        assert running.status("/readyz") == 200
        assert running.process.running


def test_namespaced_install_serves_no_cluster_endpoint(namespaced: Operator, tenants: dict[str, Stage]) -> None:
    """An installation for single namespaces finds no ClusterTokenEndpoint, and the message says why."""
    tenants["tenant-a"].endpoint("cluster", kind="ClusterTokenEndpoint")
    token = tenants["tenant-a"].token("cluster", kind="ClusterTokenEndpoint", endpoint="cluster")

    message = token.until_failing("EndpointNotFound")["message"]

    assert message == "this installation serves single namespaces and no ClusterTokenEndpoint; refer to a TokenEndpoint"
    assert not token.requests()
    assert namespaced.process.running


FORBIDDEN = {
    "127.0.0.1": "127.0.0.1 is a loopback address",
    "127.1.2.3": "127.1.2.3 is a loopback address",
    "[::1]": "::1 is a loopback address",
    "localhost": "is a loopback address",
    "2130706433": "127.0.0.1 is a loopback address",
    "0x7f.1": "127.0.0.1 is a loopback address",
    "0.0.0.0": "0.0.0.0 is an unspecified address",
    "[::]": ":: is an unspecified address",
    "169.254.169.254": "169.254.169.254 is a link-local address",
    "[fe80::1]": "fe80::1 is a link-local address",
    "10.0.0.1": "10.0.0.1 is private",
    "172.16.0.1": "172.16.0.1 is private",
    "192.168.1.1": "192.168.1.1 is private",
    "100.64.0.1": "100.64.0.1 is private",
    "[fd00::1]": "fd00::1 is private",
    "224.0.0.1": "224.0.0.1 is a multicast address",
    "[ff02::1]": "ff02::1 is a multicast address",
    "[::ffff:127.0.0.1]": "(which means 127.0.0.1) is a loopback address",
    "[::ffff:a00:1]": "(which means 10.0.0.1) is private",
    "[64:ff9b::7f00:1]": "(which means 127.0.0.1) is a loopback address",
    "[64:ff9b::a9fe:a9fe]": "(which means 169.254.169.254) is a link-local address",
    "[2002:7f00:1::]": "(which means 127.0.0.1) is a loopback address",
}


def test_addresses_inside_are_never_connected_to(strict: Operator, tenants: dict[str, Stage], login: Login) -> None:
    """Credentials go to no loopback, link-local, private, shared, multicast or unspecified address in any form."""
    stage = tenants["strict"]
    port = login.endpoint.url.split(":")[2].split("/")[0]
    tokens = {}
    for number, host in enumerate(FORBIDDEN):
        stage.endpoint(f"inside-{number}", tokenURL=f"https://{host}:{port}/oauth/token")
        tokens[host] = stage.token(f"inside-{number}", endpoint=f"inside-{number}")

    messages = {host: token.until_failing("AddressNotAllowed")["message"] for host, token in tokens.items()}

    for host, message in messages.items():
        assert FORBIDDEN[host] in message, message
        assert message.endswith(
            "; set spec.tokenURL to a public host, or ask this installation's administrator for --private-host;"
            " the next attempt is due within 5 min"
        )
        assert tokens[host].condition("Stalled")["status"] == "False"
        assert not tokens[host].requests()
    assert strict.process.running


def test_http_is_refused_by_condition(strict: Operator, tenants: dict[str, Stage]) -> None:
    """The schema allows an http URL, but resource and endpoint report InsecureURL; https fixes it."""
    stage = tenants["strict"]
    stage.endpoint("insecure")
    token = stage.token("insecure", endpoint="insecure")

    message = token.until_failing("InsecureURL")["message"]

    assert message == "spec.tokenURL is http, which would send the client secret unencrypted; use https"

    def state() -> list[tuple[str, str]]:
        found = stage.kube.get("TokenEndpoint", "strict", "insecure")
        return [(condition["status"], condition["reason"]) for condition in found["status"].get("conditions", [])]

    token.until(lambda: state() == [("False", "InsecureURL"), ("True", "InsecureURL")], "the endpoint to be Stalled")
    assert token.condition("Stalled")["status"] == "False"
    stage.kube.patch("TokenEndpoint", "strict", "insecure", {"spec": {"tokenURL": "https://127.0.0.1:9/token"}})
    token.until(lambda: state() == [("True", "Valid"), ("False", "Progressing")], "the endpoint to be usable")
    token.until_failing("AddressNotAllowed")
    assert not token.requests()
    assert strict.process.running


def test_list_of_hosts_is_for_the_whole_installation(listed: Operator, tenants: dict[str, Stage], login: Login) -> None:
    """With --allowed-host no other host gets requests, not even another name for the same address."""
    stage = tenants["listed"]
    stage.endpoint("by-name", tokenURL=login.endpoint.url.replace("127.0.0.1", "localhost"))
    good, bad = stage.token("listed"), stage.token("by-name", endpoint="by-name")

    good.until_ready()
    assert bad.until_failing("HostNotAllowed")["message"] == (
        "host localhost is not allowed in this installation; ask its administrator to add --allowed-host localhost"
    )
    assert not bad.requests()
    assert listed.process.running


METRICS = {
    "integration_token_expiration_timestamp_seconds": "gauge",
    "integration_token_renewal_timestamp_seconds": "gauge",
    "integration_token_ready_status": "gauge",
    "integration_token_status_condition": "gauge",
    "integration_token_next_request_timestamp_seconds": "gauge",
    "integration_token_info": "gauge",
    "integration_token_endpoint_ready_status": "gauge",
    "integration_token_request_duration_seconds": "histogram",
    "integration_token_requests_waiting": "gauge",
    "integration_token_queue_depth": "gauge",
    "integration_token_build_info": "gauge",
    "integration_token_requests_total": "counter",
    "integration_token_secret_writes_total": "counter",
    "process_resident_memory_bytes": "gauge",
}


def test_metrics_tell_of_every_resource_and_of_no_client(namespaced: Operator, tenants: dict[str, Stage]) -> None:
    """/metrics has each resource's expiry, renewal and readiness, and its requests and writes, but no client ID."""
    token = tenants["tenant-b"].token("measured", client_id="a-client-id-of-its-own").until_ready()
    text = namespaced.metrics()

    kinds = dict(re.findall(r"^# TYPE (\S+) (\S+)$", text, re.MULTILINE))
    assert METRICS.items() <= kinds.items()
    labels = '{namespace="tenant-b",name="measured"}'
    values = dict(line.rsplit(" ", 1) for line in text.splitlines() if not line.startswith("#"))
    status = token.status()
    assert float(values[f"integration_token_ready_status{labels}"]) == 1
    for metric, field in (("expiration", "expirationTime"), ("renewal", "renewalTime")):
        told = datetime.fromisoformat(status[field]).timestamp()
        assert told <= float(values[f"integration_token_{metric}_timestamp_seconds{labels}"]) < told + 1
    issued = '{kind="TokenEndpoint",namespace="tenant-b",endpoint="login",outcome="issued"}'
    assert float(values[f"integration_token_requests_total{issued}"]) >= 1
    assert token.client_id not in text
    token.delete()
    token.until(lambda: "measured" not in namespaced.metrics(), "the deleted resource's metrics to go")


def test_probes(namespaced: Operator) -> None:
    """/healthz and /readyz return 200, other paths 404."""
    assert namespaced.probe("/healthz").text == namespaced.probe("/readyz").text == "ok"
    assert namespaced.probe("/").status_code == 404


def test_operator_without_its_rights_says_so_and_recovers(
    other_plane: ControlPlane, ledger: Ledger, other_kube: Kube, login: Login
) -> None:
    """Without its Role it runs, isn't ready, and says what it may not list; with it, it works without a restart."""
    stage = Stage(other_kube, ledger, login, "later")
    installation = Installation(
        other_plane, "later", "crds.enabled=false", "namespaces={later}", "endpoints.insecure=true"
    )
    role = other_kube.get("Role", "later", _name(other_kube, "later"))
    other_kube.delete("Role", "later", role["metadata"]["name"])
    running = Operator(installation, ledger)
    running.start()
    try:
        poll(lambda: running.status("/healthz") == 200, "it to be alive", SOON)
        token = stage.token("shop")
        assert running.probe("/readyz").status_code == 503
        assert running.probe("/readyz").text
        metadata = {key: role["metadata"][key] for key in ("name", "namespace")}
        other_kube.create({**role, "metadata": metadata})

        token.until_ready(60)
        running.await_ready()
    finally:
        running.stop()
    assert running.exit_code == 0


def _name(kube: Kube, namespace: str) -> str:
    (role,) = kube.list("Role", namespace)
    name: str = role["metadata"]["name"]
    return name


def test_resource_that_its_own_schema_would_refuse_today(
    namespaced: Operator, tenants: dict[str, Stage], other_kube: Kube
) -> None:
    """A resource from an older, wider schema is InvalidSpec, and is served once it is fixed."""
    crd = other_kube.get("CustomResourceDefinition", "", "integrationtokens.integrationtoken.dev")
    (version,) = crd["spec"]["versions"]
    spec = version["schema"]["openAPIV3Schema"]["properties"]["spec"]["properties"]
    strict = spec["renewBefore"].pop("x-kubernetes-validations")
    other_kube.replace(crd)
    stage = tenants["tenant-a"]
    poll(lambda: _accepts(stage), "the wider schema", SOON)
    stage.kube.patch("IntegrationToken", "tenant-a", "old-schema", {"spec": {"renewBefore": "soon"}})
    token = stage.token("older-schema", renewBefore="soon")
    message = token.until_failing("InvalidSpec")["message"]
    assert message == "spec: 'soon' is not a duration such as 30s, 15m or 1h30m; fix this field"
    token.patch(renewBefore=None)
    token.until_ready()
    spec["renewBefore"]["x-kubernetes-validations"] = strict
    crd["metadata"].pop("resourceVersion")
    other_kube.patch("CustomResourceDefinition", "", "integrationtokens.integrationtoken.dev", {"spec": crd["spec"]})
    assert namespaced.process.running


def _accepts(stage: Stage) -> Document | None:
    document = {
        "apiVersion": GROUP_VERSION,
        "kind": "IntegrationToken",
        "metadata": {"name": "old-schema", "namespace": stage.namespace},
        "spec": {
            "endpointRef": {"name": "login"},
            "credentialsSecretRef": {"name": "none"},
            "renewBefore": "later",
        },
    }
    try:
        return stage.kube.create(document)
    except AssertionError:
        return None
