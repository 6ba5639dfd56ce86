"""What `/metrics` tells: figures of each resource from the inventory at the time of the scrape, and counters.

Nothing is kept per resource for the metrics alone: at ten thousand resources that would cost more than the work.
"""

from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator
from typing import Protocol

from prometheus_client import (
    CollectorRegistry,
    Gauge,
    GCCollector,
    PlatformCollector,
    ProcessCollector,
    generate_latest,
)
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric
from prometheus_client.registry import Collector

from integration_token.api.endpoint import EndpointRef

_RESOURCE = ("namespace", "name")
_ENDPOINT = ("kind", "namespace", "endpoint")


class Resources(Protocol):
    """What is served, as far as it is told."""

    def figures(self) -> Iterable[tuple[tuple[str, str], float, float, bool]]:
        """Of each resource namespace and name, when its token expires and its window opens, in seconds since the epoch
        and 0 without a token, and whether it is Ready."""

    def endpoint_version(self, ref: EndpointRef) -> tuple[str, int] | None:
        """UID and generation of an endpoint; None where there is none."""

    def has_namespace(self, namespace: str) -> bool:
        """Whether it has an IntegrationToken."""


class Metrics:
    """The registry of one process. What it counts goes on from term to term."""

    def __init__(self) -> None:
        """Leads nothing yet."""
        self._registry = CollectorRegistry()
        self._gauges = _TermGauges()
        self._registry.register(self._gauges)
        self._counters = _Counters()
        self._registry.register(self._counters)
        ProcessCollector(registry=self._registry)
        PlatformCollector(registry=self._registry)
        GCCollector(registry=self._registry)
        self._stall = Gauge(
            "integration_token_event_loop_stall_seconds",
            "The longest time since the last scrape for which the process stood still.",
            registry=self._registry,
        )

    def set_stall_source(self, take_longest: Callable[[], float]) -> None:
        """From now on each scrape tells, and takes, the longest stall in seconds since the one before."""
        self._stall.set_function(take_longest)

    def set_trust_source(self, is_valid: Callable[[], bool]) -> None:
        """From now on each scrape tells whether the file with trusted authorities can be used as it is."""
        gauge = Gauge(
            "integration_token_trusted_ca_file_valid",
            "Whether the file with trusted authorities can be used: 0 where those that it held before are trusted on.",
            registry=self._registry,
        )
        gauge.set_function(lambda: float(is_valid()))

    def begin_term(self, resources: Resources, is_leader: Callable[[], bool]) -> None:
        """A term begins: the gauges tell of its resources.

        :param is_leader: whether this process may act now.
        """
        self._gauges.resources, self._gauges.is_leader = resources, is_leader

    def drop_endpoint(self, endpoint: EndpointRef) -> None:
        """The endpoint was deleted: what was counted of it goes."""
        self._counters.drop_endpoint(endpoint)

    def drop_namespace(self, namespace: str) -> None:
        """The last of the namespace's IntegrationTokens was deleted."""
        self._counters.drop_namespace(namespace)

    def end_term(self) -> None:
        """It ends: another process may tell of the same resources from now on."""
        self._gauges.resources, self._gauges.is_leader = None, lambda: False

    def record_request(self, endpoint: EndpointRef, outcome: str) -> None:
        """A token request was sent."""
        if self._knows(endpoint):
            self._counters.requests[endpoint][outcome] += 1

    def record_saved_request(self, endpoint: EndpointRef) -> None:
        """A token was copied instead of asked for."""
        if self._knows(endpoint):
            self._counters.saved[endpoint] += 1

    def record_write(self, namespace: str) -> None:
        """A target Secret was written."""
        if self._gauges.resources is not None and self._gauges.resources.has_namespace(namespace):
            self._counters.writes[namespace] += 1

    def _knows(self, endpoint: EndpointRef) -> bool:
        return self._gauges.resources is not None and self._gauges.resources.endpoint_version(endpoint) is not None

    def text(self) -> bytes:
        """All metrics in the Prometheus text format."""
        return generate_latest(self._registry)


class _Counters(Collector):
    """The counters: as numbers by endpoint and by namespace, of which the library's own take ten times the memory.

    Whoever may create endpoints may create many, one after the other: what is counted of them goes when they do.
    """

    def __init__(self) -> None:
        self.requests: defaultdict[EndpointRef, defaultdict[str, int]] = defaultdict(lambda: defaultdict(int))
        self.saved: defaultdict[EndpointRef, int] = defaultdict(int)
        self.writes: defaultdict[str, int] = defaultdict(int)

    def drop_endpoint(self, endpoint: EndpointRef) -> None:
        self.requests.pop(endpoint, None)
        self.saved.pop(endpoint, None)

    def drop_namespace(self, namespace: str) -> None:
        self.writes.pop(namespace, None)

    def collect(self) -> Iterator[Metric]:
        requests = CounterMetricFamily(
            "integration_token_requests",
            "Token requests sent, by endpoint and outcome: issued, unchanged, or the reason of the failure.",
            labels=(*_ENDPOINT, "outcome"),
        )
        for ref, outcomes in self.requests.items():
            for outcome, count in outcomes.items():
                requests.add_metric((ref.kind, ref.namespace, ref.name, outcome), count)
        saved = CounterMetricFamily(
            "integration_token_requests_saved",
            "Tokens copied from another resource of the same grant instead of asked for, by endpoint.",
            labels=_ENDPOINT,
        )
        for ref, count in self.saved.items():
            saved.add_metric((ref.kind, ref.namespace, ref.name), count)
        writes = CounterMetricFamily(
            "integration_token_secret_writes", "Target Secrets written.", labels=("namespace",)
        )
        for namespace, count in self.writes.items():
            writes.add_metric((namespace,), count)
        yield from (requests, saved, writes)


class _TermGauges(Collector):
    """The gauges of a term: whether it lasts, and those of each resource, named as cert-manager names its own."""

    def __init__(self) -> None:
        self.resources: Resources | None = None
        self.is_leader: Callable[[], bool] = lambda: False

    def collect(self) -> Iterator[Metric]:
        yield GaugeMetricFamily(
            "integration_token_leader",
            "Whether this process does the work: 1 for one of all replicas, 0 for those that stand by.",
            value=float(self.is_leader()),
        )
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
        for labels, expires, renews, is_ready in self.resources.figures() if self.resources is not None else ():
            expiration.add_metric(labels, expires)
            renewal.add_metric(labels, renews)
            ready.add_metric(labels, float(is_ready))
        yield from (expiration, renewal, ready)
