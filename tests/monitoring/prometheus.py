"""A Prometheus server that scrapes every second, for as long as a `with` block lasts."""

import shutil
import tempfile
from contextlib import ExitStack
from pathlib import Path
from types import TracebackType
from typing import Any, Final, Self, TypedDict

import httpx
import yaml

from tests.chart.rendering import Document
from tests.cluster import tool
from tests.cluster.daemon import Daemon
from tests.cluster.port import free_port
from tests.monitoring import rules
from tests.monitoring.rules import JOB, TARGET

READY: Final = 30.0
"""Seconds until it must be ready: it takes 1, but the machine may be busy."""


class Vector(TypedDict):
    """One series of a result."""

    metric: dict[str, str]
    value: list[Any]
    """For an instant query: when, and the value as text."""
    values: list[list[Any]]
    """For a range query: a list of these."""


class Prometheus:
    """A context manager: inside, it runs."""

    def __init__(self, rule_groups: Document, target: str) -> None:
        """:param rule_groups: with alerts.
        :param target: host and port to scrape, as the Prometheus operator does with the chart's ServiceMonitor.
        """
        self._rules = rule_groups
        self._target = target
        self._stack = ExitStack()

    def __enter__(self) -> Self:
        """Starts it, and waits until it is ready."""
        with ExitStack() as stack:
            directory = Path(tempfile.mkdtemp(prefix="prometheus-"))
            stack.callback(shutil.rmtree, directory, ignore_errors=True)
            rules.write(self._rules, directory / "rules.yml")
            labels = {name: value for name, value in TARGET.items() if name not in ("job", "instance")}
            scraping = {
                "job_name": JOB,
                "honor_labels": True,
                "static_configs": [{"targets": [self._target], "labels": labels}],
            }
            configuration = {
                "global": {"scrape_interval": "1s", "scrape_timeout": "1s", "evaluation_interval": "1s"},
                "rule_files": ["rules.yml"],
                "scrape_configs": [scraping],
            }
            (directory / "prometheus.yml").write_text(yaml.safe_dump(configuration))
            address = f"127.0.0.1:{free_port()}"
            self._http = stack.enter_context(httpx.Client(base_url=f"http://{address}", trust_env=False))
            command = [str(tool.find("prometheus")), "--config.file=prometheus.yml", "--storage.tsdb.path=data"]
            daemon = Daemon("prometheus", [*command, f"--web.listen-address={address}", "--log.level=warn"], directory)
            stack.callback(daemon.kill)
            daemon.start()
            daemon.wait_ready(self._ready, READY)
            self._stack = stack.pop_all()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        """Stops it."""
        self._stack.close()

    def query(self, text: str) -> list[Vector]:
        """The current result; the test fails if the query is invalid."""
        return self._ask("query", query=text)

    def query_range(self, text: str, begin: float, end: float, step: float) -> list[Vector]:
        """The result over a period."""
        return self._ask("query_range", query=text, start=begin, end=end, step=step)

    def firing(self) -> set[tuple[str, str, str]]:
        """Each firing alert: its name, its namespace, and the resource's or endpoint's name, empty if it has none."""
        found = self.query('ALERTS{alertstate="firing"}')
        return {
            (labels["alertname"], labels.get("namespace", ""), labels.get("name", labels.get("endpoint", "")))
            for labels in (vector["metric"] for vector in found)
        }

    def alerts(self) -> list[dict[str, Any]]:
        """All pending or firing alerts, with their texts."""
        found: list[dict[str, Any]] = self._http.get("/api/v1/alerts").json()["data"]["alerts"]
        return found

    def rules(self) -> list[dict[str, Any]]:
        """The rules it has loaded, with their health."""
        groups = self._http.get("/api/v1/rules").json()["data"]["groups"]
        return [rule for group in groups for rule in group["rules"]]

    def _ask(self, what: str, **parameters: Any) -> list[Vector]:
        answer = self._http.get(f"/api/v1/{what}", params=parameters).json()
        assert answer["status"] == "success", f"{parameters['query']}: {answer.get('error')}"
        assert not answer.get("warnings"), f"{parameters['query']}: {answer['warnings']}"
        found: list[Vector] = answer["data"]["result"]
        return found

    def _ready(self) -> bool:
        try:
            return self._http.get("/-/ready").is_success
        except httpx.TransportError:
            return False
