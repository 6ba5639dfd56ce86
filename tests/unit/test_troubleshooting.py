"""The troubleshooting page matches the alerts and the conditions."""

import re
from pathlib import Path

import pytest
from integration_token.api.condition import Reason

from tests.unit.document import broken_links

ROOT = Path(__file__).parents[2]
PAGE = ROOT / "operator" / "docs" / "troubleshooting.md"
RULES = ROOT / "charts" / "integration-token-operator" / "templates" / "prometheusrule.yaml"
HEADINGS = re.findall(r"^#+ (.+)$", PAGE.read_text(), re.MULTILINE)
ALERTS = re.findall(r"^ *- alert: (\w+)$", RULES.read_text(), re.MULTILINE)


@pytest.mark.parametrize("alert", ALERTS)
def test_alert_has_a_section(alert: str) -> None:
    """The alert's runbook link leads to a section with its meaning, where to look and what to do."""
    assert f'"integration-token-operator.alert" (list $ . "{alert}"' in RULES.read_text(), "the link is another alert's"
    assert alert in HEADINGS
    _, _, after = PAGE.read_text().partition(f"\n### {alert}\n")
    section = after.partition("\n#")[0]
    parts = re.findall(r"^\*\*(.+?)\.\*\*", section, re.MULTILINE)
    assert parts == ["What it means", "Where to look", "What to do"]


def test_there_are_alerts() -> None:
    """The other tests depend on them."""
    assert len(ALERTS) == 10


@pytest.mark.parametrize("reason", Reason)
def test_reason_is_explained(reason: Reason) -> None:
    """Each has a section of its own, or is among those that need no action."""
    _, _, after = PAGE.read_text().partition("\n### Nothing to do\n")
    assert (reason in HEADINGS) != (f"`{reason}`" in after.partition("\n#")[0])


def test_links() -> None:
    """Every link within the project leads to an existing target."""
    assert not broken_links(PAGE)
