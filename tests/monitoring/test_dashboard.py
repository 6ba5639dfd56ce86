"""The chart's dashboard, and its picture in the documents."""

import re
from pathlib import Path
from typing import Any

from tests.monitoring import panel, rules
from tests.monitoring.panel import PANELS, Line

ROOT = Path(__file__).parents[2]


def _listed() -> set[str]:
    """The metrics in the reference's table."""
    _, _, after = (ROOT / "operator" / "docs" / "reference.md").read_text().partition("\n| metric |")
    return set(re.findall(r"^\| `(\w+)` \|", after.partition("\n\n")[0], re.MULTILINE))


def _named(text: str) -> set[str]:
    """The operator's metrics that a query uses; histograms count as a whole."""
    return {name.removesuffix("_bucket") for name in re.findall(r"\bintegration_token_\w+", text)}


def test_every_metric_is_shown() -> None:
    """Each metric in the reference is in a panel, and no panel uses another."""
    shown = set().union(*(_named(query.text) for query in rules.queries()))
    assert shown == _listed()


def test_every_panel_says_what_it_shows() -> None:
    """In its description, for on-call people at night; all panels use the selected data source."""
    panels: list[dict[str, Any]] = [one for one in rules.dashboard()["panels"] if one["type"] != "row"]
    assert all(one["description"] and one["title"] for one in panels)
    assert {one["datasource"]["uid"] for one in panels} == {"${datasource}"}
    assert len({one["id"] for one in rules.dashboard()["panels"]}) == len(rules.dashboard()["panels"])


def test_document_shows_panels_of_the_dashboard() -> None:
    """The picture has the panels with their current titles, and their lines have points."""
    assert set(PANELS) <= {query.panel for query in rules.queries()}
    picture = panel.DRAWN.read_text()
    assert all(f">{title}<" in picture for title in PANELS)
    assert f"]({panel.DRAWN.name})" in (ROOT / "operator" / "docs" / "operations.md").read_text()


def test_drawing_is_the_same_each_time() -> None:
    """With the same data, so that a changed picture means changed content."""
    answers = {title: [Line("a", ((0.0, 1.0), (1.0, 2.0)))] for title in PANELS}
    assert panel.draw(answers) == panel.draw(answers)
