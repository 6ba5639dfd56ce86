"""What `/metrics` tells: figures of each resource from the inventory at the time of the scrape, and counters.

Nothing is kept per resource for the metrics alone but what its conditions told, of which equal ones are one: at ten
thousand resources that would cost more than the work.
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
    """What is served, as far as it is told."""

    def token_figures(self) -> Iterable[TokenFigures]:
        """Of each IntegrationToken."""

    def endpoint_figures(self) -> Iterable[EndpointFigures]:
        """Of each endpoint."""

    def endpoint_version(self, ref: EndpointRef) -> tuple[str, int] | None:
        """UID and generation of an endpoint; None where there is none."""

    def has_namespace(self, namespace: str) -> bool:
        """Whether it has an IntegrationToken."""


class Work(Protocol):
    """What is to be done."""

    def depth(self) -> int:
        """How many pieces of work are due and not begun."""

    def oldest_age(self) -> float:
        """Seconds since the first of them was due; 0 where there is none."""


class Requests(Protocol):
    """Token requests that wait for their turn."""

    def waiting(self) -> Mapping[str, int]:
        """How many, by what they wait for: every reason that there is."""


class _Term(NamedTuple):
    resources: Resources
    is_leader: Callable[[], bool]
    work: Work
    requests: Requests


class Metrics:
    """The registry of one process. What it counts goes on from term to term."""

    def __init__(self) -> None:
        """Leads nothing yet."""
        self._term: _Term | None = None
        self._counters = Counters()
        self._build = labels(version=version("integration-token-operator"), python_version=python_version())
        self._registry = CollectorRegistry()
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

    def begin_term(self, resources: Resources, is_leader: Callable[[], bool], work: Work, requests: Requests) -> None:
        """A term begins: the gauges tell of its resources, and of what it has to do.

        :param is_leader: whether this process may act now.
        """
        self._term = _Term(resources, is_leader, work, requests)

    def end_term(self) -> None:
        """It ends: another process may tell of the same resources from now on."""
        self._term = None

    def drop_endpoint(self, endpoint: EndpointRef) -> None:
        """The endpoint was deleted: what was counted of it goes."""
        self._counters.drop_endpoint(endpoint)

    def drop_namespace(self, namespace: str) -> None:
        """The last of the namespace's IntegrationTokens was deleted."""
        self._counters.drop_namespace(namespace)

    def record_request(self, endpoint: EndpointRef, outcome: str) -> None:
        """A token request was sent."""
        if self._knows(endpoint):
            self._counters.requests[endpoint][outcome] += 1

    def record_duration(self, endpoint: EndpointRef, seconds: float) -> None:
        """And it took that long, until the answer or the failure."""
        if self._knows(endpoint):
            self._counters.record_duration(endpoint, seconds)

    def record_saved_request(self, endpoint: EndpointRef) -> None:
        """A token was copied instead of asked for."""
        if self._knows(endpoint):
            self._counters.saved[endpoint] += 1

    def record_write(self, namespace: str) -> None:
        """A target Secret was written."""
        if self._term is not None and self._term.resources.has_namespace(namespace):
            self._counters.writes[namespace] += 1

    def record_api_error(self, verb: str, resource: str, code: str) -> None:
        """A call to the API server failed.

        :param verb: of Kubernetes, as `patch`.
        :param resource: in the plural, with its subresource.
        :param code: the HTTP status, or `unreachable`.
        """
        self._counters.api_errors[verb, resource, code] += 1

    def record_watch_restart(self, resource: str) -> None:
        """A watch was begun again."""
        self._counters.watch_restarts[resource] += 1

    def _knows(self, endpoint: EndpointRef) -> bool:
        return self._term is not None and self._term.resources.endpoint_version(endpoint) is not None

    def pieces(self) -> Iterator[bytes]:
        """All metrics in the Prometheus text format, some lines at a time: of one moment, as far as it's resources."""
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
        "integration_token_build_info", "gauge", "What runs: its version, and that of Python.", [(build, 1)]
    )
    yield from pieces(
        "integration_token_leader",
        "gauge",
        "Whether this process does the work: 1 for one of all replicas, 0 for those that stand by.",
        [("", term is not None and term.is_leader())],
    )
    if term is None:
        return
    yield from pieces(
        "integration_token_queue_depth",
        "gauge",
        "Pieces of work that are due and not begun.",
        [("", term.work.depth())],
    )
    yield from pieces(
        "integration_token_queue_oldest_age_seconds",
        "gauge",
        "How long the first of them has waited; 0 where none does.",
        [("", term.work.oldest_age())],
    )
    yield from pieces(
        "integration_token_requests_waiting",
        "gauge",
        "Token requests that wait for their turn, by what for: in_flight, others that are not answered yet;"
        " rate_limit, the endpoint's; pause, which the endpoint asked for.",
        ((labels(reason=reason), count) for reason, count in term.requests.waiting().items()),
    )
