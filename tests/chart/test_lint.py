"""Linters find nothing in the rendered chart that the document's table doesn't answer."""

from pathlib import Path

import pytest
import yaml

from tests.chart import linting
from tests.chart.comparison import FINDINGS
from tests.chart.monitor import MONITOR_CRDS
from tests.chart.rendering import Helm, Kubectl


@pytest.fixture(scope="module")
def rendered(helm: Helm, tmp_path_factory: pytest.TempPathFactory) -> list[Path]:
    """A file with each set of values."""
    return linting.render(helm, tmp_path_factory.mktemp("rendered"))


@pytest.fixture(scope="module")
def schemas(kubectl: Kubectl, rendered: list[Path], tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The schemas of their kinds, from the API server."""
    kubectl.run("apply", "--filename=-", documents=MONITOR_CRDS)
    kubectl.run("wait", "--for=condition=Established", *(f"crd/{crd['metadata']['name']}" for crd in MONITOR_CRDS))
    directory = tmp_path_factory.mktemp("schemas")
    linting.write_schemas(kubectl, linting.kinds_of(rendered), directory)
    return directory


def test_kubeconform(rendered: list[Path], schemas: Path) -> None:
    """Every object follows its kind's schema, without additional fields or duplicate keys."""
    assert linting.conform(rendered, schemas) == []


def test_kubeconform_looks(rendered: list[Path], schemas: Path, tmp_path: Path) -> None:
    """An unknown field is found at any depth, so the test above does check something."""
    documents = list(yaml.safe_load_all(rendered[0].read_text()))
    deployment = next(document for document in documents if document["kind"] == "Deployment")
    deployment["spec"]["template"]["spec"]["containers"][0]["livenessProbe"]["period"] = 1
    (tmp_path / "wrong.yaml").write_text(yaml.safe_dump(deployment))
    [found] = linting.conform([tmp_path / "wrong.yaml"], schemas)
    assert "additional properties 'period' not allowed" in found


def test_kube_score(rendered: list[Path]) -> None:
    """Each finding has an answer, and each answer a finding."""
    found = linting.score(rendered)
    assert found.keys() == FINDINGS["kube-score"].keys(), found
