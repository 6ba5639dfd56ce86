"""What the chart renders for platforms: registries, labels, networks, OpenShift, and as a subchart."""

import json
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.chart.rendering import CI_FILES, Document, Helm, Kubectl, of_kind, the
from tests.cluster.client import CHART
from tests.release import project

OPERATOR = "tokens-integration-token-operator"
IDENTITY = {"app.kubernetes.io/name": "integration-token-operator", "app.kubernetes.io/instance": "tokens"}


def _ci(helm: Helm, name: str, *arguments: str) -> list[Document]:
    return helm.everything("--values", CHART / "ci" / f"{name}-values.yaml", *arguments)


def _pods(documents: list[Document]) -> list[Document]:
    """The specs of the operator's pod and of the test pod."""
    return [the("Deployment", documents)["spec"]["template"]["spec"], the("Pod", documents)["spec"]]


def _pod(documents: list[Document]) -> Document:
    return _pods(documents)[0]


@pytest.mark.parametrize(
    ("repository", "image"),
    [
        ("integration-token-operator", "mirror.example.com/cache/integration-token-operator:1.0"),
        ("team/operator", "mirror.example.com/cache/team/operator:1.0"),
        ("registry.example.com/team/operator", "mirror.example.com/cache/team/operator:1.0"),
        ("registry:5000/operator", "mirror.example.com/cache/operator:1.0"),
        ("localhost/operator", "mirror.example.com/cache/operator:1.0"),
    ],
)
def test_a_registry_for_all_charts(helm: Helm, repository: str, image: str) -> None:
    """It replaces the image's own registry, for both pods."""
    documents = _ci(helm, "subchart", f"--set=image.repository={repository}", "--set-string=image.tag=1.0")
    assert [pod["containers"][0]["image"] for pod in _pods(documents)] == [image] * 2


def test_pull_secrets_for_all_charts(helm: Helm) -> None:
    """By name or as objects, in addition to the chart's own, without duplicates."""
    for pod in _pods(_ci(helm, "subchart")):
        assert pod["imagePullSecrets"] == [{"name": "mirror"}, {"name": "registry"}]


def test_common_labels(helm: Helm) -> None:
    """Every object has them, including CRDs, pod and test; the chart's own win over a parent's; selectors don't."""
    documents = _ci(helm, "subchart", "--set=replicas=2,metrics.serviceMonitor.enabled=true,networkPolicy.enabled=true")
    assert len(documents) > 15
    for document in [*documents, the("Deployment", documents)["spec"]["template"]]:
        labels = document["metadata"]["labels"]
        assert labels | {"team": "tokens", "cost-center": "42"} == labels, document["metadata"].get("name")
    selectors = re.findall(r"(?i)(?:selector|matchLabels)\W+(\{[^{}]*\})", json.dumps(documents).replace("'", '"'))
    assert selectors
    assert not [selector for selector in selectors if "cost-center" in selector]


def test_a_label_is_written_once(helm: Helm) -> None:
    """If it is set in several places, the most specific wins; many tools reject a duplicate key."""
    documents = _ci(helm, "metadata", "--set=podLabels.team=shop,commonLabels.role=other")
    assert the("Deployment", documents)["spec"]["template"]["metadata"]["labels"]["team"] == "shop"
    account, _ = of_kind("ServiceAccount", documents)
    assert account["metadata"]["labels"]["role"] == "tokens"


@pytest.mark.parametrize("path", CI_FILES, ids=lambda path: path.name.removesuffix("-values.yaml"))
def test_everything_is_in_its_namespace(helm: Helm, path: Path) -> None:
    """Nothing depends on the namespace of somebody's kubectl, and no name occurs twice."""
    cluster = {"ClusterRole", "ClusterRoleBinding", "CustomResourceDefinition"}
    documents = helm.everything("--values", path)
    places = [
        (document["kind"], document["metadata"].get("namespace"), document["metadata"]["name"])
        for document in documents
    ]
    assert len(set(places)) == len(places)
    assert not [kind for kind, namespace, _ in places if (kind in cluster) != (namespace is None)]


def test_another_namespace_than_the_release_s(helm: Helm) -> None:
    """Everything namespaced goes there, and the bindings refer to the account there."""
    documents = _ci(helm, "namespace")
    found = {document["metadata"].get("namespace") for document in documents if document["kind"] != "ServiceMonitor"}
    assert found == {None, "tokens"}
    assert the("ServiceMonitor", documents)["spec"]["namespaceSelector"] == {"matchNames": ["tokens"]}
    for binding in of_kind("ClusterRoleBinding", documents) + of_kind("RoleBinding", documents):
        assert binding["subjects"] == [{"kind": "ServiceAccount", "name": OPERATOR, "namespace": "tokens"}]
    assert the("Pod", documents)["spec"]["containers"][0]["args"][1] == f"http://{OPERATOR}.tokens.svc:8080/readyz"
    service = the("Service", documents)["spec"]
    assert (service["ipFamilyPolicy"], service["ipFamilies"]) == ("PreferDualStack", ["IPv4"])


NUMBERS = {"runAsUser", "runAsGroup", "fsGroup"}


def test_the_notes_name_both_namespaces(helm: Helm) -> None:
    """Where it is installed, and where Helm keeps the release, in which `helm test` runs."""
    notes = helm.notes("--namespace=releases", "--values", CHART / "ci" / "namespace-values.yaml")
    assert " is installed in namespace tokens and serves" in notes
    assert "helm test tokens --namespace releases" in notes


def test_openshift_chooses_the_user(helm: Helm) -> None:
    """On OpenShift, or if a parent says so, no user ID is set, and everything else is just as strict."""
    on_openshift = helm.everything("--api-versions=security.openshift.io/v1")
    for documents in (
        on_openshift,
        _ci(helm, "openshift", "--set=podSecurityContext.fsGroup=1,securityContext.runAsUser=1"),
    ):
        for pod in _pods(documents):
            assert NUMBERS.isdisjoint(pod["securityContext"])
            assert pod["securityContext"]["runAsNonRoot"] is True
            assert NUMBERS.isdisjoint(pod["containers"][0]["securityContext"])
    disabled = "--set=global.compatibility.openshift.adaptSecurityContext=disabled"
    kept = helm.everything("--api-versions=security.openshift.io/v1", disabled)
    for pod in (*_pods(kept), *_pods(helm.everything())):
        assert pod["securityContext"]["runAsUser"] == 65532


def test_nothing_of_a_security_context_is_left_if_all_is_removed(helm: Helm) -> None:
    """A context that would only contain numbers is omitted, not written empty."""
    without = "--set=podSecurityContext.runAsNonRoot=null,podSecurityContext.seccompProfile=null"
    assert "securityContext" not in _pod(_ci(helm, "openshift", without))


def test_names_that_dns_does_not_have(helm: Helm) -> None:
    """The installation's own name servers and host aliases reach both pods."""
    for pod in _pods(_ci(helm, "names")):
        assert (pod["dnsPolicy"], pod["dnsConfig"]["nameservers"]) == ("None", ["192.0.2.53"])
        assert pod["hostAliases"] == [{"ip": "192.0.2.10", "hostnames": ["login.example.com"]}]


def test_how_an_upgrade_goes(helm: Helm) -> None:
    """Strategy, history, runtime and user namespace follow the values; a single replica must not run twice."""
    documents = _ci(helm, "rollout")
    spec = the("Deployment", documents)["spec"]
    assert spec["strategy"]["rollingUpdate"] == {"maxSurge": 1, "maxUnavailable": 0}
    assert spec["revisionHistoryLimit"] == 3
    assert (_pod(documents)["runtimeClassName"], _pod(documents)["hostUsers"]) == ("gvisor", False)
    assert "hostUsers" not in _pod(helm.everything())
    in_place = "--set=strategy.type=RollingUpdate,strategy.rollingUpdate.maxSurge=0"
    assert the("Deployment", helm.template(in_place))["spec"]["strategy"]["type"] == "RollingUpdate"


def test_more_of_everything(helm: Helm) -> None:
    """Flags after the chart's own, volumes with their mounts, and objects, whose templates are rendered."""
    documents = _ci(helm, "extra")
    container = _pod(documents)["containers"][0]
    assert container["args"][-2:] == ["--log-format=text", "--log-format=json"]
    assert container["volumeMounts"] == [{"name": "proxy", "mountPath": "/etc/proxy", "readOnly": True}]
    assert _pod(documents)["volumes"] == [{"name": "proxy", "secret": {"secretName": "proxy"}}]
    names = {document["metadata"]["name"] for document in of_kind("ConfigMap", documents)}
    assert names == {"tokens-note", f"{OPERATOR}-text"}


def test_annotations_of_the_crds(helm: Helm) -> None:
    """In addition to the one that keeps them."""
    for crd in of_kind("CustomResourceDefinition", _ci(helm, "crd-annotations")):
        assert crd["metadata"]["annotations"] == {
            "helm.sh/resource-policy": "keep",
            "argocd.argoproj.io/sync-options": "Prune=false,ServerSideApply=true",
        }


def _rules(policy: Document, direction: str) -> Iterator[tuple[set[tuple[Any, str]], Any]]:
    """Ports with their protocols, and the peers; None means everybody."""
    for rule in policy["spec"][direction]:
        peers = rule.get("to", rule.get("from"))
        yield {(port["port"], port["protocol"]) for port in rule.get("ports", [])}, peers


def test_network_policy(helm: Helm) -> None:
    """The pod can reach DNS, the API server and https, and everybody can reach its one port; nothing else is open."""
    assert of_kind("NetworkPolicy", helm.template()) == []
    policy = the("NetworkPolicy", helm.template("--set=networkPolicy.enabled=true"))
    assert policy["spec"]["policyTypes"] == ["Ingress", "Egress"]
    assert list(_rules(policy, "ingress")) == [({(8080, "TCP")}, None)]
    assert list(_rules(policy, "egress")) == [
        ({(port, protocol) for port in (53, 5353) for protocol in ("UDP", "TCP")}, None),
        ({(443, "TCP"), (6443, "TCP")}, None),
        ({(443, "TCP")}, None),
    ]


def test_network_policy_as_narrow_as_configured(helm: Helm) -> None:
    """Each kind of connection has its own peers, with the proxy's port among the endpoints'.

    If the metrics' readers are restricted, the test pod is still allowed.
    """
    documents = _ci(helm, "network-policy")
    policy = the("NetworkPolicy", documents)
    dns, api_server, endpoints, more = _rules(policy, "egress")
    assert dns[1] == [{"namespaceSelector": {"matchLabels": {"kubernetes.io/metadata.name": "kube-system"}}}]
    assert api_server == ({(6443, "TCP")}, [{"ipBlock": {"cidr": "192.0.2.0/28"}}])
    assert endpoints == ({(443, "TCP"), (8443, "TCP"), (3128, "TCP")}, None)
    assert more == ({(8200, "TCP")}, [{"ipBlock": {"cidr": "198.51.100.7/32"}}])
    metrics, debug = _rules(policy, "ingress")
    assert debug == (set(), [{"podSelector": {"matchLabels": {"app": "debug"}}}])
    monitoring, test = metrics[1]
    assert monitoring == {"namespaceSelector": {"matchLabels": {"kubernetes.io/metadata.name": "monitoring"}}}
    assert test["podSelector"]["matchLabels"].items() <= the("Pod", documents)["metadata"]["labels"].items()


@pytest.mark.parametrize(("url", "port"), [("http://a.example", 80), ("https://a.example/", 443), ("https://b:1", 1)])
def test_network_policy_knows_the_proxy_s_port(helm: Helm, url: str, port: int) -> None:
    """The configured one, or the scheme's default."""
    hosts = "--set=networkPolicy.enabled=true,endpoints.allowedHosts={login.example.com}"
    none_besides = "--set-json=networkPolicy.endpoints.ports=[]"
    policy = the("NetworkPolicy", helm.template(hosts, none_besides, f"--set=endpoints.proxyURL={url}"))
    assert list(_rules(policy, "egress"))[-1] == ({(port, "TCP")}, None)


def test_the_test_s_pod(helm: Helm) -> None:
    """`helm test` runs the operator's image under an account without roles, and no Service selects its pod.

    Only a failed pod is left behind.
    """
    for name in ("default", "metadata", "replicas", "namespaced"):
        documents = _ci(helm, name)
        pod = the("Pod", documents)
        service = the("Service", documents)
        assert not service["spec"]["selector"].items() <= pod["metadata"]["labels"].items()
        account = next(
            one
            for one in of_kind("ServiceAccount", documents)
            if "annotations" in one["metadata"] and one["metadata"]["name"].endswith("-test")
        )
        assert pod["spec"]["serviceAccountName"] == account["metadata"]["name"]
        bindings = of_kind("ClusterRoleBinding", documents) + of_kind("RoleBinding", documents)
        assert account["metadata"]["name"] not in {one["subjects"][0]["name"] for one in bindings}
        assert "hook-failed" not in pod["metadata"]["annotations"]["helm.sh/hook-delete-policy"]
        assert "hook-failed" in account["metadata"]["annotations"]["helm.sh/hook-delete-policy"]
        assert pod["spec"]["containers"][0]["image"] == _pod(documents)["containers"][0]["image"]
    assert the("Pod", _ci(helm, "existing-service-account"))["spec"]["serviceAccountName"] == "default"


def test_the_test_s_pod_knows_no_secret(helm: Helm) -> None:
    """Of the operator's variables it gets only the API server's address."""
    assert "env" not in the("Pod", _ci(helm, "extra-env"))["spec"]["containers"][0]
    pod = the("Pod", _ci(helm, "hostnetwork"))["spec"]
    assert [one["name"] for one in pod["containers"][0]["env"]] == ["KUBERNETES_SERVICE_HOST"]
    assert pod["hostNetwork"] is True


def test_the_test_s_program_is_the_file(helm: Helm) -> None:
    """It reaches the pod as it was checked here, including its indentation."""
    source = (CHART / "files" / "check.py").read_text()
    assert the("Pod", _ci(helm, "default"))["spec"]["containers"][0]["args"][0].strip() == source.strip()


VERSION = project.read().semantic_version

PARENT: dict[str, Any] = {
    "apiVersion": "v2",
    "name": "platform",
    "version": "1.0.0",
    "dependencies": [
        {"name": "integration-token-operator", "version": VERSION, "condition": "integration-token-operator.enabled"}
    ],
}


@pytest.fixture(scope="module")
def parent(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A chart with ours as a subchart."""
    directory = tmp_path_factory.mktemp("parent") / "platform"
    (directory / "charts").mkdir(parents=True)
    (directory / "Chart.yaml").write_text(yaml.safe_dump(PARENT))
    (directory / "values.yaml").write_text(
        yaml.safe_dump(
            {
                "global": {"imageRegistry": "mirror.example.com", "imagePullSecrets": ["mirror"], "zone": "north"},
                "integration-token-operator": {"namespaces": ["store"], "namespaceOverride": "tokens"},
            }
        )
    )
    (directory / "charts" / "integration-token-operator").symlink_to(CHART)
    return directory


def test_as_a_part_of_another_chart(helm: Helm, parent: Path) -> None:
    """Values under its name reach it, so do globals, and the parent's condition disables it."""
    documents = helm.everything(chart=parent)
    for pod in _pods(documents):
        assert pod["containers"][0]["image"] == f"mirror.example.com/integration-token-operator:{VERSION}"
        assert pod["imagePullSecrets"] == [{"name": "mirror"}]
    assert the("Role", documents)["metadata"]["namespace"] == "store"
    assert the("Deployment", documents)["metadata"]["namespace"] == "tokens"
    assert len(of_kind("CustomResourceDefinition", documents)) == 3
    assert helm.everything("--set=integration-token-operator.enabled=false", chart=parent) == []


def test_as_a_part_of_another_chart_on_openshift(helm: Helm, parent: Path) -> None:
    """The parent's globals, or the cluster itself, enable the OpenShift settings."""
    force = "--set=global.compatibility.openshift.adaptSecurityContext=force"
    for argument in (force, "--api-versions=security.openshift.io/v1"):
        for pod in _pods(helm.everything(argument, chart=parent)):
            assert NUMBERS.isdisjoint(pod["securityContext"])


def test_a_wrong_value_in_another_chart_is_refused(helm: Helm, parent: Path) -> None:
    """The message names the subchart."""
    with pytest.raises(Exception, match="replicaCount"):
        helm.everything("--set=integration-token-operator.replicaCount=2", chart=parent)


@pytest.mark.parametrize("name", ["default", "extra-env", "hostnetwork", "openshift", "network-policy"])
def test_pod_security_of_the_test_s_pod(helm: Helm, kubectl: Kubectl, name: str) -> None:
    """The API server accepts it in a namespace that enforces `restricted`, like the operator's pod."""
    namespace = "restricted-test"
    labels = {"pod-security.kubernetes.io/enforce": "restricted"}
    manifest = {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": namespace, "labels": labels}}
    documents = helm.test("--values", CHART / "ci" / f"{name}-values.yaml", namespace=namespace)
    account, pod = the("ServiceAccount", documents), the("Pod", documents)
    kubectl.run("apply", "--filename=-", documents=[manifest, account])
    if name == "hostnetwork":
        assert "host namespaces" in kubectl.refusal(pod)
    else:
        kubectl.dry_run(pod)


def test_the_program_of_the_test_says_what_is_wrong() -> None:
    """If it can't reach the operator, it says so when its time is up, and fails."""
    command = [sys.executable, str(CHART / "files" / "check.py"), "http://127.0.0.1:9/readyz", "0", "integrationtokens"]
    answer = subprocess.run(command, capture_output=True, text=True, check=False)
    assert answer.returncode == 1
    assert answer.stdout.startswith("the operator is not ready: http://127.0.0.1:9/readyz: ")
    assert answer.stderr == ""
