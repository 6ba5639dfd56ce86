"""Whoever comes from cert-manager's or External Secrets' chart finds each of its values, or why it isn't there."""

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
    """By a value of ours that there is, or by a reason; and no answer is to nothing."""
    answers = comparison.ANSWERS[peer]
    used = {answer.theirs for _, answer in comparison.answered(peer)}
    assert used == {answer.theirs for answer in answers}
    assert not [answer.theirs for answer in answers if not answer.ours and not answer.why]
    assert not [name for answer in answers for name in answer.ours.split(", ") if name and not _known(name)]


def test_the_document_has_the_tables() -> None:
    """As they are; `python -m tests.chart.comparison` writes them."""
    document = comparison.DOCUMENT.read_text()
    assert comparison.tables() in document
    assert comparison.written(document) == document
