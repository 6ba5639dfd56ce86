"""The chart's rules as rendered by Helm, and its dashboard's queries."""

import json
import re
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import yaml

from tests.chart.rendering import Document, Helm, the
from tests.cluster.client import CHART

JOB: Final = "tokens-integration-token-operator"
NAMESPACE: Final = "operators"
TARGET: Final = {"job": JOB, "namespace": NAMESPACE, "service": JOB, "pod": f"{JOB}-0", "instance": "10.0.0.1:8080"}
"""Labels that the Prometheus operator adds to targets of the chart's ServiceMonitor."""

ALERTS: Final = (
    "refreshFailing",
    "renewalLate",
    "notReady",
    "suspended",
    "stalled",
    "rolloverTooLate",
    "endpointNotReady",
    "endpointDown",
    "noLeader",
    "operatorAbsent",
)
"""Names of the alerts in the chart's values."""
HASTY: Final = (
    *(f"--set=metrics.prometheusRule.alerts.{alert}.for=4s" for alert in ALERTS),
    "--set=metrics.prometheusRule.interval=1s",
    "--set=metrics.prometheusRule.alerts.endpointDown.window=10s",
)
"""Values with which an alert needs no minutes to fire."""

_VARIABLES: Final = {"$job": ".+", "$namespace": ".*", "$__rate_interval": "10s"}
"""What Grafana would insert with everything selected."""


def rendered(helm: Helm, *values: str) -> Document:
    """The spec of the chart's PrometheusRule, in the format that Prometheus reads."""
    rule = the("PrometheusRule", helm.template("--set=metrics.prometheusRule.enabled=true", *values))
    spec: Document = rule["spec"]
    return spec


def write(rules: Document, path: Path) -> Path:
    """Writes a rules file."""
    path.write_text(yaml.safe_dump(rules, sort_keys=False))
    return path


@dataclass(frozen=True, slots=True)
class Query:
    """One of the dashboard's queries."""

    panel: str
    """The panel's title."""
    number: int
    """Its number among the panel's queries, from 0."""
    text: str
    """With everything selected."""
    legend: str


def dashboard() -> Document:
    """The dashboard in the chart."""
    read: Document = json.loads((CHART / "files" / "dashboard.json").read_text())
    return read


def queries() -> list[Query]:
    """The queries of all panels, in order."""
    return [
        Query(panel["title"], number, _chosen(target["expr"]), target["legendFormat"])
        for panel in dashboard()["panels"]
        for number, target in enumerate(panel.get("targets", ()))
    ]


def legend(pattern: str, labels: dict[str, Any]) -> str:
    """What Grafana would show as a line's legend."""
    return re.sub(r"\{\{(\w+)\}\}", lambda found: str(labels.get(found[1], "")), pattern).strip()


def _chosen(text: str) -> str:
    for name, value in _VARIABLES.items():
        text = text.replace(name, value)
    return text
