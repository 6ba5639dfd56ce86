"""The rendered chart, as a real API server sees it."""

from pathlib import Path

import pytest
import yaml

from tests.chart.monitor import MONITOR_CRDS
from tests.chart.rendering import CI_FILES, Document, Helm, Kubectl, the
from tests.cluster.client import CHART


def _namespace(name: str, **labels: str) -> Document:
    return {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": name, "labels": labels}}


@pytest.fixture(scope="module")
def namespaces(kubectl: Kubectl) -> None:
    """The namespaces in the chart and its ci files, and what a dry run doesn't create.

    That is the ServiceAccounts of the test pods, and kinds that aren't part of Kubernetes.
    """
    names = ("operators", "store", "shipping", "monitoring", "tokens")
    runtime = {
        "apiVersion": "node.k8s.io/v1",
        "kind": "RuntimeClass",
        "metadata": {"name": "gvisor"},
        "handler": "runsc",
    }
    accounts = [
        {"apiVersion": "v1", "kind": "ServiceAccount", "metadata": {"namespace": namespace, "name": name}}
        for namespace, name in [("operators", "default"), ("operators", "token-operator-test")]
        + [(namespace, "tokens-integration-token-operator-test") for namespace in ("operators", "tokens")]
    ]
    kubectl.run("apply", "--filename=-", documents=[*map(_namespace, names), *accounts, runtime, *MONITOR_CRDS])
    kubectl.run("wait", "--for=condition=Established", *(f"crd/{crd['metadata']['name']}" for crd in MONITOR_CRDS))


@pytest.mark.usefixtures("namespaces")
@pytest.mark.parametrize("path", CI_FILES, ids=lambda path: path.name.removesuffix("-values.yaml"))
def test_accepted_by_the_api_server(helm: Helm, kubectl: Kubectl, path: Path) -> None:
    """The API server accepts every document for every set of values, without unknown fields."""
    documents = helm.everything("--values", path)
    command = ["apply", "--dry-run=server", "--server-side", "--force-conflicts", "--validate=strict", "--filename=-"]
    assert len(kubectl.run(*command, documents=documents).splitlines()) == len(documents)


@pytest.fixture(scope="module")
def restricted(helm: Helm, kubectl: Kubectl) -> str:
    """A namespace that enforces Pod Security `restricted`, with the chart's ServiceAccount in it."""
    name = "restricted"
    account = the("ServiceAccount", helm.template(namespace=name))
    labels = {"pod-security.kubernetes.io/enforce": "restricted"}
    kubectl.run("apply", "--filename=-", documents=[_namespace(name, **labels), account])
    return name


def _pod(helm: Helm, namespace: str, *arguments: str) -> Document:
    """The pod that a Deployment's controller would create."""
    template = the("Deployment", helm.template(*arguments, namespace=namespace))["spec"]["template"]
    metadata = template["metadata"] | {"name": "operator", "namespace": namespace}
    return {"apiVersion": "v1", "kind": "Pod", "metadata": metadata, "spec": template["spec"]}


def test_pod_security_restricted(helm: Helm, kubectl: Kubectl, restricted: str) -> None:
    """The pod runs in a namespace that enforces Pod Security `restricted`, under the chart's own account."""
    pod = kubectl.dry_run(_pod(helm, restricted))
    assert pod["spec"]["serviceAccountName"] == "tokens-integration-token-operator"
    assert [volume for volume in pod["spec"]["volumes"] if "projected" in volume]


def test_pod_security_is_enforced(helm: Helm, kubectl: Kubectl, restricted: str) -> None:
    """The same namespace refuses the pod on the node's network, so the test above does check something."""
    assert 'violates PodSecurity "restricted' in kubectl.refusal(_pod(helm, restricted, "--set=hostNetwork=true"))


def test_a_user_chosen_by_the_cluster(helm: Helm, kubectl: Kubectl, restricted: str) -> None:
    """If the cluster chooses the user, no user ID is set, and the pod is just as restricted."""
    pod = _pod(helm, restricted, "--set=podSecurityContext.runAsUser=null,podSecurityContext.runAsGroup=null")
    assert {"runAsUser", "runAsGroup"}.isdisjoint(pod["spec"]["securityContext"])
    kubectl.dry_run(pod)


@pytest.mark.usefixtures("namespaces")
@pytest.mark.parametrize("name", ["default", "namespaced"])
def test_the_notes_hold_what_a_first_token_needs(helm: Helm, kubectl: Kubectl, name: str) -> None:
    """Once their angle brackets are filled in, the printed manifests are accepted and fit together."""
    notes = helm.notes("--values", CHART / "ci" / f"{name}-values.yaml")
    filled = notes.replace("<", "").replace(">", "")
    manifests = [yaml.safe_load(part) for part in filled.split("\n---\n")[1:-1]]
    endpoint, secret, token = (kubectl.dry_run(manifest) for manifest in manifests)
    assert secret["metadata"]["labels"] == {"integrationtoken.dev/credentials": "true"}
    assert secret["data"].keys() == {
        token["spec"]["credentialsSecretRef"]["clientIDKey"],
        token["spec"]["credentialsSecretRef"]["clientSecretKey"],
    }
    assert token["spec"]["credentialsSecretRef"]["name"] == secret["metadata"]["name"]
    assert token["metadata"]["namespace"] == secret["metadata"]["namespace"]
    assert token["spec"]["endpointRef"] == {"kind": endpoint["kind"], "name": endpoint["metadata"]["name"]}
    kind = {"default": "ClusterTokenEndpoint", "namespaced": "TokenEndpoint"}[name]
    assert endpoint["kind"] == kind
    assert endpoint["metadata"].get("namespace") == {"default": None, "namespaced": "store"}[name]


def test_uninstall_leaves_the_crds(kubectl: Kubectl) -> None:
    """After `helm uninstall` the CRDs still exist, and the next installation takes them over unchanged."""
    release = ("installed", "--namespace=installed")
    install = ("install", *release, str(CHART), "--create-namespace")
    # The CRDs for the other tests were installed without Helm.
    kubectl.client.helm(*install, "--take-ownership", "--force-conflicts")
    kubectl.client.helm("uninstall", *release)
    kept = kubectl.run("get", "crds", "--output=name").split()
    assert len([name for name in kept if name.endswith(".integrationtoken.dev")]) == 3
    assert "/installed-" not in kubectl.run("get", "deployments,clusterroles", "--all-namespaces", "--output=name")
    kubectl.client.helm(*install)
    kubectl.client.helm("uninstall", *release)
