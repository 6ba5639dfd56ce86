"""The manifests in operator/docs/programs.md, and the Secrets that the operator makes from them."""

import base64
import json
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any, Final

import pytest
import yaml
from integration_token.api.integration import Template, parse_integration
from integration_token.cluster.target import build_target
from integration_token.cluster.template import check_template, data_of, has_placeholder

from tests.unit.document import broken_links, manifests
from tests.unit.test_target import STORED, TOKEN

Document = dict[str, Any]

PAGE: Final = Path(__file__).parents[2] / "operator" / "docs" / "programs.md"
LEAST: Final[Document] = {"endpointRef": {"name": "login"}, "credentialsSecretRef": {"name": "shop-integration"}}
"""Fields that manifests showing only a template leave out."""


def _documents() -> Iterator[Document]:
    """Complete IntegrationTokens, including those that show only a template."""
    for document in manifests(PAGE.read_text()):
        if "target" in document.get("spec", {}):
            named = {"name": "part", "namespace": "store", **document.get("metadata", {}), "uid": "uid"}
            yield {"metadata": named, "spec": {**LEAST, **document["spec"]}}


DOCUMENTS: Final = list(_documents())


def _templates() -> Iterator[Template]:
    return (parse_integration(document).template for document in DOCUMENTS)


def _data(key: str, token: str = TOKEN.access_token) -> str:
    """The data of the page's only Secret with this key."""
    (template,) = (template for template in _templates() if key in template.data)
    return data_of(template, replace(TOKEN, access_token=token))[key]


@pytest.mark.parametrize("document", DOCUMENTS, ids=lambda document: document["metadata"]["name"])
def test_each_makes_a_secret(document: Document) -> None:
    """The operator accepts it before requesting a token, and leaves no placeholder in the result."""
    integration = parse_integration(document)
    template = integration.template
    check_template(template, None, None)
    assert has_placeholder(template) or not template.data
    write = build_target(None, integration, STORED)
    assert write is not None
    assert write.body["type"] == template.type
    assert write.body["metadata"]["labels"].items() >= template.labels.items()
    assert write.body["metadata"]["annotations"].items() >= template.annotations.items()
    data = {key: base64.b64decode(value).decode() for key, value in write.body["data"].items()}
    assert data.keys() == {"token", "authorization", "expires_at", *template.data}
    assert not [key for key, text in data.items() if "${" in text]


@pytest.mark.parametrize("key", ["credential", "password"])
def test_the_rule(key: str) -> None:
    """A header's value includes its scheme, a token doesn't."""
    assert _data(key) == {"credential": f"Bearer {TOKEN.access_token}", "password": TOKEN.access_token}[key]


def test_a_git_server_gets_the_bare_token() -> None:
    """Flux and Argo CD add the scheme themselves."""
    shown = [template for template in _templates() if "bearerToken" in template.data]
    assert [data_of(template, TOKEN)["bearerToken"] for template in shown] == [TOKEN.access_token] * 2


@pytest.mark.parametrize("token", ["t0k3n", 'a"b\\c'])
def test_files_of_a_shape_have_it_whatever_the_token_has(token: str) -> None:
    """kubectl's plug-in and Envoy's secret."""
    credential = json.loads(_data("exec.json", token))
    assert (credential["kind"], credential["status"]["token"]) == ("ExecCredential", token)
    assert credential["status"]["expirationTimestamp"].endswith("Z")
    (secret,) = json.loads(_data("sds.json", token))["resources"]
    assert secret["generic_secret"]["secret"]["inline_string"] == f"Bearer {token}"


def test_values_that_are_read_as_yaml_or_json() -> None:
    """Kong's plug-in, an Argo CD cluster and Flux's headers."""
    kong, cluster = (
        yaml.safe_load(data_of(template, TOKEN)["config"]) for template in _templates() if "config" in template.data
    )
    assert kong["add"]["headers"] == [f"Authorization:Bearer {TOKEN.access_token}"]
    assert cluster["bearerToken"] == TOKEN.access_token
    assert yaml.safe_load(_data("headers")) == {"Authorization": f"Bearer {TOKEN.access_token}"}


def test_labels_and_annotations_by_which_secrets_are_found() -> None:
    """The ones that Argo CD, External Secrets and Tekton look for."""
    labels = [label for template in _templates() for label in template.labels.items()]
    assert labels == [
        ("argocd.argoproj.io/secret-type", "repository"),
        ("argocd.argoproj.io/secret-type", "cluster"),
        ("external-secrets.io/type", "webhook"),
    ]
    assert [key for template in _templates() for key in template.annotations] == ["tekton.dev/git-0"]


def test_every_program_has_its_row_filled_in() -> None:
    """What to set, for how long, what a 401 does and how that was found; a delay only if the operator takes it."""
    rows = [line.strip("|").split("|") for line in PAGE.read_text().splitlines() if line.startswith("| ")]
    for row in rows:
        cells = [cell.strip() for cell in row]
        assert all(cell or (len(cells) == 6 and place == 3) for place, cell in enumerate(cells)), row


def test_links() -> None:
    """Every link leads to an existing file and heading."""
    assert not broken_links(PAGE)
