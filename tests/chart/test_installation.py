"""The installation document's examples work as they are."""

import re
from pathlib import Path

import pytest
import yaml

from tests.chart.comparison import DOCUMENT
from tests.chart.rendering import Helm, of_kind, the
from tests.cluster.client import CHART
from tests.unit.document import broken_links

BLOCKS = re.findall(r"^```yaml\n(.*?)^```", DOCUMENT.read_text(), re.M | re.S)
PARENT, PARENTS_VALUES, *VALUES = BLOCKS


def test_links() -> None:
    """Every link leads to an existing target."""
    assert broken_links(DOCUMENT) == []
    assert broken_links(CHART / "README.md") == []


@pytest.mark.parametrize("values", VALUES, ids=lambda values: values.partition(":")[0])
def test_values_are_taken(helm: Helm, tmp_path: Path, values: str) -> None:
    """The examples change what is installed."""
    (tmp_path / "values.yaml").write_text(values)
    assert helm.template("--values", tmp_path / "values.yaml") != helm.template()


def test_a_parent_chart(helm: Helm, tmp_path: Path) -> None:
    """Its two files form a chart whose globals reach the operator."""
    directory = tmp_path / "parent"
    (directory / "charts").mkdir(parents=True)
    (directory / "charts" / CHART.name).symlink_to(CHART)
    parent = yaml.safe_load(PARENT) | {"apiVersion": "v2", "name": "parent", "version": "1.0.0"}
    (directory / "Chart.yaml").write_text(yaml.safe_dump(parent))
    (directory / "values.yaml").write_text(PARENTS_VALUES)
    documents = helm.everything(chart=directory)
    deployment = the("Deployment", documents)
    assert deployment["metadata"]["namespace"] == "tokens"
    assert deployment["spec"]["template"]["spec"]["containers"][0]["image"].startswith("mirror.example.com/")
    assert deployment["metadata"]["labels"]["team"] == "platform"
    assert len(of_kind("CustomResourceDefinition", documents)) == 3
