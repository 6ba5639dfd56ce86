"""The manifests and field tables in the README and the other pages work for users who copy them."""

from collections.abc import Iterator

import pytest
import yaml

from tests.chart.rendering import Document, Helm, Kubectl, of_kind
from tests.cluster.client import CHART
from tests.unit.document import manifests

ROOT = CHART.parents[1]
DOCUMENTS = ROOT / "operator" / "docs"
REFERENCE = (DOCUMENTS / "reference.md").read_text()
FOREIGN = {"ExternalSecret", "GitRepository", "Kustomization", "SealedSecret"}
"""Kinds of tools that the control plane lacks."""


def _manifests() -> Iterator[tuple[str, Document]]:
    """The complete manifests, with the page that has each; pages also show parts of manifests."""
    for page in [ROOT / "README.md", *sorted(DOCUMENTS.glob("*.md"))]:
        for document in manifests(page.read_text()):
            if "kind" in document:
                yield page.stem, document
    for document in yaml.safe_load_all((DOCUMENTS / "demo-endpoint.yaml").read_text()):
        yield "demo-endpoint", document


MANIFESTS = list(_manifests())
OURS = [one for one in MANIFESTS if one[1]["kind"] not in FOREIGN]
CREDENTIALS_LABEL = {"integrationtoken.dev/credentials": "true"}


def _name(document: Document) -> str:
    return f"{document['kind']}-{document['metadata']['name']}"


def _of(kind: str, *pages: str) -> dict[str, Document]:
    """Those of a kind on these pages, by name."""
    return {
        document["metadata"]["name"]: document
        for page, document in MANIFESTS
        if page in pages and document["kind"] == kind
    }


@pytest.fixture(scope="module")
def namespaces(kubectl: Kubectl) -> None:
    """The examples' namespaces."""
    names = {one["metadata"]["namespace"] for _, one in OURS if "namespace" in one["metadata"]}
    documents: list[Document] = [
        {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": name}} for name in sorted(names)
    ]
    kubectl.run("apply", "--filename=-", documents=documents)


@pytest.mark.usefixtures("namespaces")
@pytest.mark.parametrize("manifest", [pytest.param(one, id=f"{page}-{_name(one)}") for page, one in OURS])
def test_accepted_by_the_api_server(kubectl: Kubectl, manifest: Document) -> None:
    """The API server accepts every manifest unchanged, without unknown fields."""
    kubectl.run("apply", "--dry-run=server", "--validate=strict", "--filename=-", documents=[manifest])


@pytest.mark.parametrize(
    ("pages", "name", "endpoint"),
    [(("README", "demo-endpoint"), "shop", "demo"), (("getting-started",), "shop", "grafx")],
)
def test_they_fit_together(pages: tuple[str, ...], name: str, endpoint: str) -> None:
    """What a first token refers to exists, is labelled, and is for the endpoint's host."""
    token = _of("IntegrationToken", *pages)[name]
    assert token["spec"]["endpointRef"] == {"kind": "ClusterTokenEndpoint", "name": endpoint}
    url = _of("ClusterTokenEndpoint", *pages)[endpoint]["spec"]["tokenURL"]
    metadata = _of("Secret", *pages)[token["spec"]["credentialsSecretRef"]["name"]]["metadata"]
    assert metadata["labels"] == CREDENTIALS_LABEL
    assert metadata["namespace"] == token["metadata"]["namespace"]
    assert metadata.get("annotations", {}).get("integrationtoken.dev/allowed-hosts", "") in url


def test_pods_use_the_token() -> None:
    """The pages' Deployments mount what the first token creates, or are restarted for it."""
    secret = _of("IntegrationToken", "getting-started")["shop"]["spec"]["target"]["name"]
    (shop,) = _of("Deployment", "getting-started").values()
    assert shop["spec"]["template"]["spec"]["volumes"][0]["secret"]["secretName"] == secret
    (legacy,) = _of("Deployment", "consuming").values()
    (variable,) = legacy["spec"]["template"]["spec"]["containers"][0]["env"]
    assert variable["valueFrom"]["secretKeyRef"]["name"] == secret
    assert secret in legacy["metadata"]["annotations"].values()
    shown = next(part for part in manifests((ROOT / "README.md").read_text()) if "volumes" in part)
    assert (
        shown["volumes"][0]["secret"]["secretName"]
        == _of("IntegrationToken", "README")["shop"]["spec"]["target"]["name"]
    )


@pytest.mark.parametrize("document", [one for page, one in MANIFESTS if page == "credentials"], ids=_name)
def test_credentials_of_other_tools(document: Document) -> None:
    """Secrets that other tools create have the label, and the keys that are read by default."""
    spec = document["spec"]
    template = spec["template"] if document["kind"] == "SealedSecret" else spec["target"]["template"]
    assert template["metadata"]["labels"] == CREDENTIALS_LABEL
    keys = spec.get("encryptedData") or {entry["secretKey"] for entry in spec["data"]}
    assert set(keys) == {"client_id", "client_secret"}


def _fields(schema: Document, path: str = "") -> dict[str, str]:
    """The leaf fields, with their defaults in YAML."""
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
    """Once each, with its default and its description."""
    crds = of_kind("CustomResourceDefinition", helm.template())
    (crd,) = (crd for crd in crds if crd["spec"]["names"]["kind"] == kind)
    spec = crd["spec"]["versions"][0]["schema"]["openAPIV3Schema"]["properties"]["spec"]
    _, _, after = REFERENCE.partition(f"\n| {head} |")
    rows = [[cell.strip() for cell in line.strip("|").split("|")] for line in after.split("\n\n")[0].splitlines()[2:]]
    assert all(len(row) == 3 and row[2] for row in rows)
    listed = [(row[0].strip("`"), row[1].strip("`")) for row in rows]
    assert sorted(listed) == sorted(_fields(spec).items())
