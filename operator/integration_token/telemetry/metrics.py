"""The content of `/metrics`: figures of each resource, read from the inventory at the time of the scrape, and counters.

The only thing kept per resource for the metrics is its conditions, and equal ones share memory: with ten thousand
resources anything more would cost more than the work itself.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping
from importlib.metadata import version
from platform import python_version
from typing import NamedTuple, Protocol

from prometheus_client import (
    CollectorRegistry,
    Gauge,
    GCCollector,
    PlatformCollector,
    ProcessCollector,
    generate_latest,
)

from integration_token.api.endpoint import EndpointRef
from integration_token.telemetry.counters import Counters
from integration_token.telemetry.exposition import labels, pieces
from integration_token.telemetry.figures import EndpointFigures, TokenFigures
from integration_token.telemetry.gauges import endpoint_pieces, token_pieces


class Resources(Protocol):
    """The resources that are served, as far as metrics show them."""

    def token_figures(self) -> Iterable[TokenFigures]:
        """The figures of each IntegrationToken."""

    def endpoint_figures(self) -> Iterable[EndpointFigures]:
        """The figures of each endpoint."""

    def endpoint_version(self, ref: EndpointRef) -> tuple[str, int] | None:
        """UID and generation of an endpoint; None if it does not exist."""

    def has_namespace(self, namespace: str) -> bool:
        """Whether the namespace has an IntegrationToken."""


class Work(Protocol):
    """The queue of work."""

    def depth(self) -> int:
        """How many items are due and have not started."""

    def oldest_age(self) -> float:
        """Seconds since the first of them was due; 0 without any."""


class Requests(Protocol):
    """Token requests that wait for their turn."""

    def waiting(self) -> Mapping[str, int]:
        """Their number by wait reason; includes every reason."""


class _Term(NamedTuple):
    resources: Resources
    is_leader: Callable[[], bool]
    work: Work
    requests: Requests


class Metrics:
    """The registry of one process. Counters continue across terms."""

    def __init__(self) -> None:
        """Starts without a term."""
        self._term: _Term | None = None
        self._counters = Counters()
        self._build = labels(version=version("integration-token-operator"), python_version=python_version())
        self._registry = CollectorRegistry()
        ProcessCollector(registry=self._registry)
        PlatformCollector(registry=self._registry)
        GCCollector(registry=self._registry)
        self._stall = Gauge(
            "integration_token_event_loop_stall_seconds",
            "The longest time for which the event loop was blocked since the last scrape, in seconds.",
            registry=self._registry,
        )

    def set_stall_source(self, take_longest: Callable[[], float]) -> None:
        """Reports in each scrape the longest stall, in seconds, since the scrape before."""
        self._stall.set_function(take_longest)

    def set_trust_source(self, is_valid: Callable[[], bool]) -> None:
        """Reports in each scrape whether the file of trusted authorities can be used."""
        gauge = Gauge(
            "integration_token_trusted_ca_file_valid",
            "Whether the file of trusted authorities can be used; if 0, its previous content stays in use.",
            registry=self._registry,
        )
        gauge.set_function(lambda: float(is_valid()))

    def begin_term(self, resources: Resources, is_leader: Callable[[], bool], work: Work, requests: Requests) -> None:
        """Begins a term: the gauges show its resources and its work.

        :param is_leader: whether this process may act now.
        """
        self._term = _Term(resources, is_leader, work, requests)

    def end_term(self) -> None:
        """Ends the term: another process may report the same resources from now on."""
        self._term = None

    def drop_endpoint(self, endpoint: EndpointRef) -> None:
        """Drops the counters of a deleted endpoint."""
        self._counters.drop_endpoint(endpoint)

    def drop_namespace(self, namespace: str) -> None:
        """Drops the counters of a namespace whose last IntegrationToken was deleted."""
        self._counters.drop_namespace(namespace)

    def record_request(self, endpoint: EndpointRef, outcome: str) -> None:
        """Counts a token request."""
        if self._knows(endpoint):
            self._counters.requests[endpoint][outcome] += 1

    def record_duration(self, endpoint: EndpointRef, seconds: float) -> None:
        """Records the duration of a token request until the response or the failure."""
        if self._knows(endpoint):
            self._counters.record_duration(endpoint, seconds)

    def record_saved_request(self, endpoint: EndpointRef) -> None:
        """Counts a token that was copied instead of requested."""
        if self._knows(endpoint):
            self._counters.saved[endpoint] += 1

    def record_write(self, namespace: str) -> None:
        """Counts a write of a target Secret."""
        if self._term is not None and self._term.resources.has_namespace(namespace):
            self._counters.writes[namespace] += 1

    def record_api_error(self, verb: str, resource: str, code: str) -> None:
        """Counts a failed call to the API server.

        :param verb: the Kubernetes verb, such as `patch`.
        :param resource: the plural, with its subresource.
        :param code: the HTTP status, or `unreachable`.
        """
        self._counters.api_errors[verb, resource, code] += 1

    def record_watch_restart(self, resource: str) -> None:
        """Counts a restart of a watch."""
        self._counters.watch_restarts[resource] += 1

    def _knows(self, endpoint: EndpointRef) -> bool:
        return self._term is not None and self._term.resources.endpoint_version(endpoint) is not None

    def pieces(self) -> Iterator[bytes]:
        """All metrics in the Prometheus text format, some lines at a time. All resources are read at the same
        moment."""
        term = self._term
        tokens = [] if term is None else list(term.resources.token_figures())
        endpoints = [] if term is None else list(term.resources.endpoint_figures())
        yield generate_latest(self._registry)
        yield from _process_pieces(term, self._build)
        yield from token_pieces(tokens)
        yield from endpoint_pieces(endpoints)
        yield from self._counters.pieces()


def _process_pieces(term: _Term | None, build: str) -> Iterator[bytes]:
    yield from pieces(
        "integration_token_build_info", "gauge", "The operator's version, and that of Python.", [(build, 1)]
    )
    yield from pieces(
        "integration_token_leader",
        "gauge",
        "Whether this process is the leader: 1 for one of the replicas, 0 for those on standby.",
        [("", term is not None and term.is_leader())],
    )
    if term is None:
        return
    yield from pieces(
        "integration_token_queue_depth",
        "gauge",
        "Items of work that are due and have not started.",
        [("", term.work.depth())],
    )
    yield from pieces(
        "integration_token_queue_oldest_age_seconds",
        "gauge",
        "How long the first due item has waited, in seconds; 0 if none waits.",
        [("", term.work.oldest_age())],
    )
    yield from pieces(
        "integration_token_requests_waiting",
        "gauge",
        "Token requests that wait for their turn, by reason: in_flight, for other requests to be answered;"
        " rate_limit, the endpoint's; pause, which the endpoint asked for.",
        ((labels(reason=reason), count) for reason, count in term.requests.waiting().items()),
    )
