"""What Chart.yaml says about the chart, for Helm and Artifact Hub."""

from typing import Any, Final

import yaml

from tests.chart.rendering import Document, Helm, Kubectl, of_kind
from tests.cluster.client import CHART
from tests.release import project
from tests.release.project import ROOT

DESCRIBED: Final = yaml.safe_load((CHART / "Chart.yaml").read_text())
ANNOTATIONS: Final[dict[str, str]] = DESCRIBED["annotations"]
PROJECT: Final = project.read()


def _annotation(name: str) -> Any:
    return yaml.safe_load(ANNOTATIONS[f"artifacthub.io/{name}"])


def test_where_the_project_is() -> None:
    """Home, sources and maintainers lead to the project, and the icon is one of its files."""
    assert DESCRIBED["home"] == PROJECT.address
    assert DESCRIBED["sources"] == [PROJECT.address]
    assert [one["url"] for one in DESCRIBED["maintainers"]] == [PROJECT.address]
    raw = PROJECT.address.replace("https://github.com/", "https://raw.githubusercontent.com/") + "/main/"
    assert DESCRIBED["icon"].startswith(raw)
    assert (ROOT / DESCRIBED["icon"].removeprefix(raw)).read_text().startswith("<svg")
    for link in _annotation("links"):
        place = link["url"].removeprefix(PROJECT.address).removeprefix("/tree/main/").removeprefix("/blob/main/")
        assert (ROOT / place).exists()


def test_what_artifact_hub_shows() -> None:
    """Category, license and pre-release flag. The chart has no signature of Helm's kind: cosign's needs no signKey."""
    assert ANNOTATIONS["artifacthub.io/category"] == "security"
    assert ANNOTATIONS["artifacthub.io/license"] == "Apache-2.0"
    assert ANNOTATIONS["artifacthub.io/operator"] == "true"
    assert ANNOTATIONS["artifacthub.io/prerelease"] == str(PROJECT.prerelease).lower()
    assert "artifacthub.io/signKey" not in ANNOTATIONS


def test_images(helm: Helm) -> None:
    """The only one that an installation pulls."""
    (image,) = _annotation("images")
    (deployment,) = of_kind("Deployment", helm.template())
    (container,) = deployment["spec"]["template"]["spec"]["containers"]
    assert image["image"] == container["image"]
    assert image["platforms"] == ["linux/amd64", "linux/arm64"]


def test_crds(helm: Helm) -> None:
    """Each kind with its stored version."""
    crds = of_kind("CustomResourceDefinition", helm.template())
    wanted = {
        (crd["spec"]["names"]["kind"], version["name"], crd["metadata"]["name"])
        for crd in crds
        for version in crd["spec"]["versions"]
        if version["storage"]
    }
    told = _annotation("crds")
    assert {(one["kind"], one["version"], one["name"]) for one in told} == wanted
    assert all(one["displayName"] and one["description"] for one in told)


def test_examples(kubectl: Kubectl) -> None:
    """One of each kind, without unknown fields."""
    examples: list[Document] = _annotation("crdsExamples")
    assert [one["kind"] for one in examples] == [one["kind"] for one in _annotation("crds")]
    for example in examples:
        assert kubectl.dry_run(example)["kind"] == example["kind"]
