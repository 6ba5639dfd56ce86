"""A real Prometheus with the chart's rules, scraping a real operator whose resources are in every state."""

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
"""Seconds for the rules to see what is so: a scrape, four seconds that it lasts, and for what is counted two more."""

OPERATIONS = Path(__file__).parents[2] / "operator" / "docs" / "operations.md"
EMPTY = {"Overdue against the learned rollover", "Requests saved", "Watch restarts", "Trusted authorities"}
"""Panels that are good while they are empty, as they are here."""


def test_rules_are_loaded(prometheus: Prometheus, states: Scene) -> None:
    """Prometheus takes every rule of the chart, and none of them fails when it is evaluated."""
    poll(lambda: all(rule["health"] == "ok" for rule in prometheus.rules()), "every rule to be evaluated")
    assert len(prometheus.rules()) == len(rules.ALERTS)


def test_alerts_of_every_state(prometheus: Prometheus, states: Scene) -> None:
    """A refresh that fails fires while the token is still valid; each other state fires what is told of it; healthy,
    waiting and suspended neighbours with valid tokens fire nothing."""
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


def test_alert_says_what_is_wrong_and_where_to_read_on(prometheus: Prometheus, states: Scene) -> None:
    """Which resource, at which endpoint, for which reason; and the section of the troubleshooting page."""
    test_alerts_of_every_state(prometheus, states)
    (alert,) = (alert for alert in prometheus.alerts() if alert["labels"]["alertname"] == scene.REFRESH)
    assert alert["annotations"]["description"].startswith(
        f"IntegrationToken {NAMESPACE}/failing cannot be renewed at TokenEndpoint login: EndpointError."
    )
    assert alert["annotations"]["runbook_url"].endswith("troubleshooting.md#integrationtokenrefreshfailing")
    assert alert["labels"]["severity"] == "warning"


def test_every_query_of_the_dashboard_is_answered(prometheus: Prometheus, states: Scene) -> None:
    """With data, but for panels that show only what is wrong."""

    def unanswered() -> set[str]:
        return {query.panel for query in rules.queries() if not prometheus.query(query.text)}

    poll(lambda: unanswered() <= EMPTY, f"data for {sorted(unanswered() - EMPTY)}", SOON)


def test_queries_of_the_document_are_answered(prometheus: Prometheus, states: Scene) -> None:
    """Each question of operator/docs/operations.md has an answer here, with this endpoint in place of the example's."""
    rows = re.findall(r"^\| .+\? \| `(.+?)`", OPERATIONS.read_text(), re.MULTILINE)
    texts = [row.replace("ClusterTokenEndpoint", "TokenEndpoint").replace("grafx", "login") for row in rows]
    assert len(texts) > 9

    def unanswered() -> list[str]:
        return [text for text in texts if not prometheus.query(text)]

    poll(lambda: not unanswered(), f"answers to {unanswered()}", SOON)


def test_what_is_told_is_well_formed(scraped: Scraped) -> None:
    """promtool has nothing to say about names and help texts of the operator's metrics."""
    call("check", "metrics", stdin=scraped.text)


def test_alerts_when_the_operator_is_gone(prometheus: Prometheus, operator: Operator, states: Scene) -> None:
    """Its absence is alerted, and that nobody leads, although no series tells so any more."""
    operator.stop()
    gone = {"IntegrationTokenNoLeader", "IntegrationTokenOperatorAbsent"}
    poll(lambda: gone <= {name for name, _, _ in prometheus.firing()}, "the alerts of its absence", SOON)
