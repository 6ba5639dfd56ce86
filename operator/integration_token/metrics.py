"""What `/metrics` tells: figures of each resource from the inventory at the time of the scrape, and counters.

Nothing is kept per resource for the metrics alone: at ten thousand resources that would cost more than the work.
"""

from collections.abc import Iterator

from prometheus_client import (
    CollectorRegistry,
    Counter,
    GCCollector,
    PlatformCollector,
    ProcessCollector,
    generate_latest,
)
from prometheus_client.core import GaugeMetricFamily, Metric
from prometheus_client.registry import Collector

from integration_token.api.endpoint import EndpointRef
from integration_token.inventory import Inventory

_RESOURCE = ("namespace", "name")


class Metrics:
    """The registry of one operator."""

    def __init__(self, inventory: Inventory) -> None:
        self._registry = CollectorRegistry()
        self._registry.register(_Resources(inventory))
        ProcessCollector(registry=self._registry)
        PlatformCollector(registry=self._registry)
        GCCollector(registry=self._registry)
        self._requests = Counter(
            "integration_token_requests",
            "Token requests sent, by endpoint and outcome: issued, unchanged, or the reason of the failure.",
            ("kind", "namespace", "endpoint", "outcome"),
            registry=self._registry,
        )
        self._saved = Counter(
            "integration_token_requests_saved",
            "Tokens copied from another resource of the same grant instead of asked for, by endpoint.",
            ("kind", "namespace", "endpoint"),
            registry=self._registry,
        )
        self._writes = Counter(
            "integration_token_secret_writes", "Target Secrets written.", ("namespace",), registry=self._registry
        )

    def requested(self, endpoint: EndpointRef, outcome: str) -> None:
        """A token request was sent."""
        self._requests.labels(endpoint.kind, endpoint.namespace, endpoint.name, outcome).inc()

    def saved(self, endpoint: EndpointRef) -> None:
        """A token was copied instead of asked for."""
        self._saved.labels(endpoint.kind, endpoint.namespace, endpoint.name).inc()

    def wrote(self, namespace: str) -> None:
        """A target Secret was written."""
        self._writes.labels(namespace).inc()

    def text(self) -> bytes:
        """All metrics in the Prometheus text format."""
        return generate_latest(self._registry)


class _Resources(Collector):
    """The gauges of each resource, named as cert-manager names its own."""

    def __init__(self, inventory: Inventory) -> None:
        self._inventory = inventory

    def collect(self) -> Iterator[Metric]:
        expiration = GaugeMetricFamily(
            "integration_token_expiration_timestamp_seconds",
            "When the token in the target Secret expires, in seconds since the epoch; 0 without one.",
            labels=_RESOURCE,
        )
        renewal = GaugeMetricFamily(
            "integration_token_renewal_timestamp_seconds",
            "When the renewal window opens, in seconds since the epoch; 0 without a token.",
            labels=_RESOURCE,
        )
        ready = GaugeMetricFamily(
            "integration_token_ready_status", "Whether the resource's condition Ready is True.", labels=_RESOURCE
        )
        for key, entry in self._inventory.entries.items():
            labels = (key.namespace, key.name)
            expiration.add_metric(labels, entry.expires)
            renewal.add_metric(labels, entry.renews)
            ready.add_metric(labels, float(entry.ready))
        yield from (expiration, renewal, ready)
