"""Uninstalling, and reinstalling under another name or namespace with real Helm, works as documented."""

import json
from collections.abc import Iterator

import pytest

from tests.chart.comparison import DOCUMENT
from tests.chart.rendering import Kubectl
from tests.chart.resource import token
from tests.cluster.client import CHART, CommandError

CRDS = [
    f"crd/{plural}.integrationtoken.dev" for plural in ("integrationtokens", "tokenendpoints", "clustertokenendpoints")
]
TAKE, FORCE = "--take-ownership", "--force-conflicts"


def _install(kubectl: Kubectl, name: str, namespace: str, *flags: str) -> str:
    return kubectl.client.helm("install", name, str(CHART), f"--namespace={namespace}", "--create-namespace", *flags)


def _refused(kubectl: Kubectl, name: str, namespace: str, *flags: str) -> str:
    """Helm's message; the failed release is removed again."""
    with pytest.raises(CommandError) as refused:
        _install(kubectl, name, namespace, *flags)
    _uninstall(kubectl, name, namespace)
    return str(refused.value)


def _uninstall(kubectl: Kubectl, name: str, namespace: str) -> None:
    kubectl.client.helm("uninstall", name, f"--namespace={namespace}", "--ignore-not-found")


@pytest.fixture
def resource(kubectl: Kubectl) -> Iterator[str]:
    """CRDs that kubectl applied, owned by no release, and a resource of theirs; returns its UID."""
    kubectl.run("annotate", *CRDS, "meta.helm.sh/release-name-", "meta.helm.sh/release-namespace-")
    kubectl.run("label", "--overwrite", *CRDS, "app.kubernetes.io/managed-by=kubectl")
    kubectl.client.install_crds()
    kubectl.run("label", "--overwrite", *CRDS, "app.kubernetes.io/managed-by=kubectl")
    kubectl.run("apply", "--filename=-", documents=[token("kept")])
    yield _uid(kubectl)
    kubectl.run("delete", "itok", "kept")


def _uid(kubectl: Kubectl) -> str:
    uid = json.loads(kubectl.run("get", "itok", "kept", "--output=json"))["metadata"]["uid"]
    assert isinstance(uid, str)
    return uid


def test_crds_that_kubectl_applied(kubectl: Kubectl, resource: str) -> None:
    """Helm takes them over with two flags together, and names a missing one."""
    assert "invalid ownership metadata" in _refused(kubectl, "tokens", "first")
    assert "conflict" in _refused(kubectl, "tokens", "first", TAKE)
    _install(kubectl, "tokens", "first", TAKE, FORCE)
    _uninstall(kubectl, "tokens", "first")
    assert _uid(kubectl) == resource


@pytest.mark.parametrize(("name", "namespace"), [("other", "first"), ("tokens", "second")])
def test_another_name_or_namespace(kubectl: Kubectl, resource: str, name: str, namespace: str) -> None:
    """After an uninstall the CRDs still belong to the old release: one flag hands them over, without losing resources.

    The next upgrade needs no flag.
    """
    _install(kubectl, "tokens", "first", TAKE, FORCE)
    _uninstall(kubectl, "tokens", "first")
    refused = _refused(kubectl, name, namespace)
    assert "invalid ownership metadata" in refused
    assert "meta.helm.sh/release-name" in refused
    _install(kubectl, name, namespace, TAKE)
    kubectl.client.helm("upgrade", name, str(CHART), f"--namespace={namespace}", "--set=crds.annotations.a=b")
    [crd, *_] = [json.loads(kubectl.run("get", one, "--output=json"))["metadata"] for one in CRDS]
    assert crd["annotations"]["a"] == "b"
    assert (crd["annotations"]["meta.helm.sh/release-name"], crd["labels"]["app.kubernetes.io/instance"]) == (
        name,
        name,
    )
    assert _uid(kubectl) == resource
    _uninstall(kubectl, name, namespace)


def test_handed_on_by_hand(kubectl: Kubectl, resource: str) -> None:
    """If Helm can't be given the flag, two annotations do it."""
    _install(kubectl, "tokens", "first", TAKE, FORCE)
    _uninstall(kubectl, "tokens", "first")
    owner = ("meta.helm.sh/release-name=other", "meta.helm.sh/release-namespace=first")
    kubectl.run("annotate", "--overwrite", *CRDS, *owner)
    _install(kubectl, "other", "first")
    _uninstall(kubectl, "other", "first")
    assert _uid(kubectl) == resource


def test_a_second_installation_while_the_first_exists(kubectl: Kubectl, resource: str) -> None:
    """Without its own CRDs it needs no flag, takes nothing over, and leaves everything when it is uninstalled."""
    _install(kubectl, "tokens", "first", TAKE, FORCE)
    _install(kubectl, "more", "second", "--set=crds.enabled=false,namespaces={default}")
    _uninstall(kubectl, "more", "second")
    kept = json.loads(kubectl.run("get", CRDS[0], "--output=json"))["metadata"]
    assert kept["annotations"]["meta.helm.sh/release-name"] == "tokens"
    _uninstall(kubectl, "tokens", "first")
    assert _uid(kubectl) == resource


def test_the_document_says_so() -> None:
    """The message that people search for, and both flags."""
    document = DOCUMENT.read_text()
    assert all(text in document for text in ("invalid ownership metadata", TAKE, FORCE))
