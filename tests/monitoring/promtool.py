"""promtool on the chart's rules and on what an operator reported."""

import subprocess
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

import yaml

from tests.chart.rendering import Document
from tests.cluster import tool

OWN: Final = "IntegrationToken.*|TokenEndpoint.*"
"""Names of the chart's alerts."""
FIRING: Final = f'count by (alertname, namespace, name) (ALERTS{{alertstate="firing", alertname=~"{OWN}"}})'
"""Each of the chart's alerts that fires, whatever its other labels."""


@dataclass(slots=True)
class Case:
    """What promtool plays, and what must be seen of it."""

    name: str
    step: int
    """Seconds between two samples of the series."""
    series: list[Document]
    _checks: list[Document] = field(default_factory=list)

    def fire(self, at: float, *alerts: str, besides: str = "none") -> None:
        """At that second these alerts fire and no others, each as `Alert namespace/name`.

        Alerts about more than one object omit `/name`.

        :param besides: an alert that isn't checked.
        """
        query = f'{FIRING} unless on (alertname) ALERTS{{alertname="{besides}"}}'
        self.see(at, query, {_labels(alert): 1.0 for alert in alerts})

    def see(self, at: float, query: str, samples: Mapping[str, float]) -> None:
        """At that second the query returns these values, by their labels in PromQL notation."""
        expected = [{"labels": labels, "value": value} for labels, value in samples.items()]
        self._checks.append({"expr": query, "eval_time": f"{at:.0f}s", "exp_samples": expected})

    def document(self) -> Document:
        """An entry of promtool's `tests`."""
        return {
            "name": self.name,
            "interval": f"{self.step}s",
            "input_series": self.series,
            "promql_expr_test": self._checks,
        }


def play(rules: Path, played: Sequence[Case], directory: Path) -> None:
    """Makes promtool play all cases; the test fails with its output."""
    file = directory / f"{rules.stem}-tests.yml"
    # Evaluation takes most of the time, and no daily alert depends on the minute.
    seconds = max(60, *(case.step for case in played))
    tests = [case.document() for case in played]
    document = {"rule_files": [str(rules)], "evaluation_interval": f"{seconds}s", "tests": tests}
    file.write_text(yaml.safe_dump(document, sort_keys=False))
    call("test", "rules", str(file))


def call(*arguments: str, stdin: str = "") -> str:
    """Its output; the test fails if it reports a problem."""
    answer = subprocess.run(
        [tool.find("promtool"), *arguments], input=stdin, capture_output=True, text=True, check=False
    )
    assert answer.returncode == 0, f"{answer.stdout}\n{answer.stderr}"
    return answer.stdout + answer.stderr


def _labels(text: str) -> str:
    name, _, place = text.partition(" ")
    namespace, _, of = place.partition("/")
    labels = {"alertname": name, "namespace": namespace, "name": of}
    return "{" + ", ".join(f'{label}="{value}"' for label, value in labels.items() if value) + "}"
