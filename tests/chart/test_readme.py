"""The manifests of the README and of the pages on endpoints and programs, as a user who copies them finds them, and its
tables of fields."""

from pathlib import Path

import pytest
import yaml

from tests.chart.rendering import Document, Helm, Kubectl, of_kind
from tests.cluster.client import CHART
from tests.unit.document import broken_links, manifests

README = (CHART.parents[1] / "README.md").read_text()
PAGES = [CHART.parents[1] / "operator" / "docs" / f"{name}.md" for name in ("authentication", "endpoints", "programs")]


MANIFESTS: list[Document] = list(manifests(README))
OF_PAGES: list[Document] = [one for page in PAGES for one in manifests(page.read_text()) if "kind" in one]
"""Those of the pages, which also show parts of some."""
FOREIGN = {"ExternalSecret", "GitRepository", "SealedSecret"}
"""Kinds of tools that the control plane doesn't have."""
CREDENTIALS_LABEL = {"integrationtoken.dev/credentials": "true"}


def _name(document: Document) -> str:
    return f"{document['kind']}-{document['metadata']['name']}"


def _of_kind(kind: str) -> dict[str, Document]:
    return {document["metadata"]["name"]: document for document in MANIFESTS if document["kind"] == kind}


@pytest.fixture(scope="module")
def namespaces(kubectl: Kubectl) -> None:
    """Those of the examples."""
    names = {one["metadata"]["namespace"] for one in MANIFESTS + OF_PAGES if "namespace" in one["metadata"]}
    documents: list[Document] = [
        {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": name}} for name in sorted(names)
    ]
    kubectl.run("apply", "--filename=-", documents=documents)


@pytest.mark.usefixtures("namespaces")
@pytest.mark.parametrize("manifest", [one for one in MANIFESTS + OF_PAGES if one["kind"] not in FOREIGN], ids=_name)
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


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.stem)
def test_links_of_the_pages(page: Path) -> None:
    """Every link within the project leads somewhere."""
    assert not broken_links(page)


def _fields(schema: Document, path: str = "") -> dict[str, str]:
    """The fields that have no named fields of their own, with their defaults as YAML has them."""
    found: dict[str, str] = {}
    for name, child in schema["properties"].items():
        if "properties" in child:
            found |= _fields(child, f"{path}{name}.")
        else:
            found[f"{path}{name}"] = yaml.safe_dump(child["default"]).split("\n")[0] if "default" in child else ""
    return found


@pytest.mark.parametrize(
    ("head", "kind"),
    [("field of an endpoint", "ClusterTokenEndpoint"), ("field of an IntegrationToken", "IntegrationToken")],
)
def test_every_field_is_listed(helm: Helm, head: str, kind: str) -> None:
    """Each once, with its default and what it says."""
    crds = of_kind("CustomResourceDefinition", helm.template())
    (crd,) = (crd for crd in crds if crd["spec"]["names"]["kind"] == kind)
    spec = crd["spec"]["versions"][0]["schema"]["openAPIV3Schema"]["properties"]["spec"]
    _, _, after = README.partition(f"\n| {head} |")
    rows = [[cell.strip() for cell in line.strip("|").split("|")] for line in after.split("\n\n")[0].splitlines()[2:]]
    assert all(len(row) == 3 and row[2] for row in rows)
    listed = [(row[0].strip("`"), row[1].strip("`")) for row in rows]
    assert sorted(listed) == sorted(_fields(spec).items())
