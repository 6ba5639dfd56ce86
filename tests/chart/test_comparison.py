"""Users of cert-manager's or External Secrets' charts find each of its values here, or why it doesn't exist."""

import pytest
import yaml

from tests.chart import comparison
from tests.cluster.client import CHART


def _known(name: str) -> bool:
    node = yaml.safe_load((CHART / "values.yaml").read_text())
    for part in name.split("."):
        if not isinstance(node, dict) or part not in node:
            return False
        node = node[part]
    return True


@pytest.mark.parametrize("peer", comparison.ANSWERS)
def test_each_of_their_values_is_answered(peer: str) -> None:
    """By an existing value of ours or by a reason; no answer is left over."""
    answers = comparison.ANSWERS[peer]
    used = {answer.theirs for _, answer in comparison.answered(peer)}
    assert used == {answer.theirs for answer in answers}
    assert not [answer.theirs for answer in answers if not answer.ours and not answer.why]
    assert not [name for answer in answers for name in answer.ours.split(", ") if name and not _known(name)]


def test_the_document_has_the_tables() -> None:
    """Its tables are current; `python -m tests.chart.comparison` writes them."""
    document = comparison.DOCUMENT.read_text()
    assert comparison.tables() in document
    assert comparison.written(document) == document
