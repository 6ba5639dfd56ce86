"""A real Prometheus with the chart's rules, scraping a real operator with resources in every state."""

import re
from pathlib import Path

from tests.apiserver.operator import Operator
from tests.cluster.poll import poll
from tests.monitoring import rules, scene
from tests.monitoring.conftest import Scraped
from tests.monitoring.prometheus import Prometheus
from tests.monitoring.promtool import call
from tests.monitoring.scene import NAMESPACE, Scene

SOON = 30.0
"""Seconds until the rules see the state: a scrape, the four seconds it must last, and two more for counters."""

OPERATIONS = Path(__file__).parents[2] / "operator" / "docs" / "operations.md"
EMPTY = {"Overdue against the learned rollover", "Requests saved", "Watch restarts", "Trusted authorities"}
"""Panels that are empty if all is well, as here."""


def test_rules_are_loaded(prometheus: Prometheus, states: Scene) -> None:
    """Prometheus loads every rule of the chart, and none of them fails when evaluated."""
    poll(lambda: all(rule["health"] == "ok" for rule in prometheus.rules()), "every rule to be evaluated")
    assert len(prometheus.rules()) == len(rules.ALERTS)


def test_alerts_of_every_state(prometheus: Prometheus, states: Scene) -> None:
    """A failing refresh fires while the token is still valid; every other state fires its own alerts.

    Healthy, waiting and suspended neighbours with valid tokens fire nothing.
    """
    expected = scene.expected()
    firing: set[tuple[str, str, str]] = set()

    def look() -> bool:
        firing.clear()
        firing.update(prometheus.firing())
        return firing == expected

    try:
        poll(look, "the alerts", SOON)
    except TimeoutError:
        assert firing == expected, "after a while"
    assert states.tokens["failing"].condition("Ready")["status"] == "True"


def test_alert_says_what_is_wrong_and_where_to_read_more(prometheus: Prometheus, states: Scene) -> None:
    """The resource, endpoint and reason, and the section in the troubleshooting page."""
    test_alerts_of_every_state(prometheus, states)
    (alert,) = (alert for alert in prometheus.alerts() if alert["labels"]["alertname"] == scene.REFRESH)
    assert alert["annotations"]["description"].startswith(
        f"IntegrationToken {NAMESPACE}/failing cannot be renewed at TokenEndpoint login: EndpointError."
    )
    assert alert["annotations"]["runbook_url"].endswith("troubleshooting.md#integrationtokenrefreshfailing")
    assert alert["labels"]["severity"] == "warning"


def test_every_query_of_the_dashboard_is_answered(prometheus: Prometheus, states: Scene) -> None:
    """With data, except for panels that only show problems."""

    def unanswered() -> set[str]:
        return {query.panel for query in rules.queries() if not prometheus.query(query.text)}

    poll(lambda: unanswered() <= EMPTY, f"data for {sorted(unanswered() - EMPTY)}", SOON)


def test_queries_of_the_document_are_answered(prometheus: Prometheus, states: Scene) -> None:
    """Each query in operator/docs/operations.md has a result here, with this endpoint in place of the example's."""
    rows = re.findall(r"^\| .+\? \| `(.+?)`", OPERATIONS.read_text(), re.MULTILINE)
    texts = [row.replace("ClusterTokenEndpoint", "TokenEndpoint").replace("grafx", "login") for row in rows]
    assert len(texts) > 9

    def unanswered() -> list[str]:
        return [text for text in texts if not prometheus.query(text)]

    poll(lambda: not unanswered(), f"answers to {unanswered()}", SOON)


def test_metrics_are_well_formed(scraped: Scraped) -> None:
    """promtool has no complaints about the names and help texts of the operator's metrics."""
    call("check", "metrics", stdin=scraped.text)


def test_alerts_when_the_operator_is_gone(prometheus: Prometheus, operator: Operator, states: Scene) -> None:
    """Its absence is alerted, and so is the missing leader, although no series reports either any more."""
    operator.stop()
    gone = {"IntegrationTokenNoLeader", "IntegrationTokenOperatorAbsent"}
    poll(lambda: gone <= {name for name, _, _ in prometheus.firing()}, "the alerts of its absence", SOON)
