"""The API policy names the versions that the tests run on."""

import re
import tomllib
from pathlib import Path

import pytest
import yaml

from tests.cluster import release
from tests.cluster.module import HELM, KUBERNETES, OTHER_VERSIONS, minor

ROOT = Path(__file__).parents[2]
PAGE = (ROOT / "operator" / "docs" / "api-policy.md").read_text()
CHART = yaml.safe_load((ROOT / "charts" / "integration-token-operator" / "Chart.yaml").read_text())
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]


def _row(head: str) -> list[list[str]]:
    """The versions in each cell of a row."""
    (row,) = re.findall(rf"^\| {head}[^|]*\|(.*)\|$", PAGE, re.MULTILINE)
    return [re.findall(r"\d+(?:\.\d+)?", cell) for cell in row.split("|")]


def _text(version: tuple[int, int]) -> str:
    return ".".join(map(str, version))


def test_kubernetes() -> None:
    """The chart's oldest, `make test`'s, and `make compatibility`'s."""
    oldest, usual, others = _row("Kubernetes")
    assert oldest == re.findall(r"^>=(\d+\.\d+)\.0-0$", CHART["kubeVersion"])
    assert usual == [_text(minor(KUBERNETES.version("k8s.io/kubernetes")))]
    assert others == list(OTHER_VERSIONS)
    (looped,) = re.findall(r"for version in ([\d. ]+);", (ROOT / "Makefile").read_text())
    assert looped.split() == others


def test_helm() -> None:
    """The one that the tests build."""
    major, tested, _ = _row("Helm")
    version = _text(minor(HELM.version("helm.sh/helm/v4/cmd/helm")))
    assert tested == [version]
    assert major == [version.partition(".")[0]]


@pytest.mark.parametrize("head", ["Python in the image", r"Python for the \[command line\]"])
def test_python(head: str) -> None:
    """The image's, and the oldest that the package supports."""
    works, tested, _ = _row(head)
    image, (oldest,) = _text(release.python()), re.findall(r">=(\d+\.\d+)", PROJECT["requires-python"])
    assert (works, tested) in [([image], [image]), ([oldest], [oldest, image])]
