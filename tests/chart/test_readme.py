"""The manifests of the README, as a user who copies them finds them."""

import re
from typing import Any

import pytest
import yaml

from tests.chart.rendering import Document, Kubectl
from tests.cluster.client import CHART

README = (CHART.parents[1] / "README.md").read_text()
MANIFESTS: list[Document] = [
    document for block in re.findall(r"^```yaml\n(.*?)^```", README, re.MULTILINE | re.DOTALL)
    for document in yaml.safe_load_all(block)
]  # fmt: skip
FOREIGN = {"ExternalSecret", "SealedSecret"}
"""Kinds of tools that the control plane doesn't have."""
CREDENTIALS_LABEL = {"integrationtoken.dev/credentials": "true"}


def _name(document: Document) -> str:
    return f"{document['kind']}-{document['metadata']['name']}"


def _of_kind(kind: str) -> dict[str, Document]:
    return {document["metadata"]["name"]: document for document in MANIFESTS if document["kind"] == kind}


@pytest.fixture(scope="module")
def store(kubectl: Kubectl) -> None:
    """The namespace of the examples."""
    namespace: dict[str, Any] = {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": "store"}}
    kubectl.run("apply", "--filename=-", documents=[namespace])


@pytest.mark.usefixtures("store")
@pytest.mark.parametrize("manifest", [one for one in MANIFESTS if one["kind"] not in FOREIGN], ids=_name)
def test_accepted_by_the_api_server(kubectl: Kubectl, manifest: Document) -> None:
    """The API server accepts every manifest as it stands, with no field that it doesn't know."""
    kubectl.run("create", "--dry-run=server", "--validate=strict", "--filename=-", documents=[manifest])


def test_they_fit_together() -> None:
    """What the first token refers to is there, and the pods mount what it makes."""
    token = _of_kind("IntegrationToken")["shop"]["spec"]
    assert token["endpointRef"] == {"kind": "ClusterTokenEndpoint", "name": "grafx"}
    assert "grafx" in _of_kind("ClusterTokenEndpoint")
    credentials = _of_kind("Secret")[token["credentialsSecretRef"]["name"]]
    assert credentials["metadata"]["labels"] == CREDENTIALS_LABEL
    assert credentials["metadata"]["namespace"] == _of_kind("IntegrationToken")["shop"]["metadata"]["namespace"]
    assert (
        credentials["metadata"]["annotations"]["integrationtoken.dev/allowed-hosts"]
        in (_of_kind("ClusterTokenEndpoint")["grafx"]["spec"]["tokenURL"])
    )
    pods = {name: one["spec"]["template"]["spec"] for name, one in _of_kind("Deployment").items()}
    secret = token["target"]["name"]
    assert pods["shop"]["volumes"][0]["secret"]["secretName"] == secret
    assert pods["legacy"]["containers"][0]["env"][0]["valueFrom"]["secretKeyRef"]["name"] == secret
    assert secret in _of_kind("Deployment")["legacy"]["metadata"]["annotations"].values()


@pytest.mark.parametrize("document", [one for one in MANIFESTS if one["kind"] in FOREIGN], ids=_name)
def test_credentials_of_other_tools(document: Document) -> None:
    """The Secrets that other tools make carry the label, and the keys that are read where none are named."""
    spec = document["spec"]
    template = spec["template"] if document["kind"] == "SealedSecret" else spec["target"]["template"]
    assert template["metadata"]["labels"] == CREDENTIALS_LABEL
    keys = spec.get("encryptedData") or {entry["secretKey"] for entry in spec["data"]}
    assert set(keys) == {"client_id", "client_secret"}
