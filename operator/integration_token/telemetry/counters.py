"""What is counted: as numbers by endpoint, by namespace and by kind of call, of which the library's own counters take
ten times the memory."""

from bisect import bisect_left
from collections import defaultdict
from collections.abc import Iterator
from typing import Final

from integration_token.api.endpoint import EndpointRef
from integration_token.telemetry.exposition import histogram_pieces, labels, pieces

BOUNDS: Final = (0.1, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0)
"""Seconds that a token request takes: an endpoint's own work, an answer that is slow, and the usual time-outs."""


class Counters:
    """All counters of one process.

    Whoever may create endpoints may create many, one after the other: what is counted of them goes when they do.
    """

    def __init__(self) -> None:
        self.requests: defaultdict[EndpointRef, defaultdict[str, int]] = defaultdict(lambda: defaultdict(int))
        self.saved: defaultdict[EndpointRef, int] = defaultdict(int)
        self.writes: defaultdict[str, int] = defaultdict(int)
        self.api_errors: defaultdict[tuple[str, str, str], int] = defaultdict(int)
        """By verb, resource and code."""
        self.watch_restarts: defaultdict[str, int] = defaultdict(int)
        self._durations: dict[EndpointRef, tuple[list[int], float]] = {}

    def record_duration(self, endpoint: EndpointRef, seconds: float) -> None:
        """A token request took that long."""
        counts, total = self._durations.get(endpoint, ([0] * (len(BOUNDS) + 1), 0.0))
        counts[bisect_left(BOUNDS, seconds)] += 1
        self._durations[endpoint] = counts, total + seconds

    def drop_endpoint(self, endpoint: EndpointRef) -> None:
        """The endpoint was deleted."""
        self.requests.pop(endpoint, None)
        self.saved.pop(endpoint, None)
        self._durations.pop(endpoint, None)

    def drop_namespace(self, namespace: str) -> None:
        """The last of the namespace's IntegrationTokens was deleted."""
        self.writes.pop(namespace, None)

    def pieces(self) -> Iterator[bytes]:
        """All of them in the text format."""
        yield from pieces(
            "integration_token_requests",
            "counter",
            "Token requests sent, by endpoint and outcome: issued, unchanged, or the reason of the failure.",
            (
                (f"{endpoint_labels(ref)},{labels(outcome=outcome)}", count)
                for ref, outcomes in list(self.requests.items())
                for outcome, count in list(outcomes.items())
            ),
        )
        yield from histogram_pieces(
            "integration_token_request_duration_seconds",
            "How long token requests took from the first look for a connection to the whole answer, or the failure.",
            BOUNDS,
            ((endpoint_labels(ref), counts, total) for ref, (counts, total) in list(self._durations.items())),
        )
        yield from pieces(
            "integration_token_requests_saved",
            "counter",
            "Tokens copied from another resource of the same grant instead of asked for, by endpoint.",
            ((endpoint_labels(ref), count) for ref, count in list(self.saved.items())),
        )
        yield from pieces(
            "integration_token_secret_writes",
            "counter",
            "Target Secrets written.",
            ((labels(namespace=namespace), count) for namespace, count in list(self.writes.items())),
        )
        yield from pieces(
            "integration_token_api_errors",
            "counter",
            "Calls to the API server that failed: by its answer's code, or unreachable where none came.",
            (
                (labels(verb=verb, resource=resource, code=code), count)
                for (verb, resource, code), count in list(self.api_errors.items())
            ),
        )
        yield from pieces(
            "integration_token_watch_restarts",
            "counter",
            "Watches that were begun again, after a fault or since what they went on from was too old.",
            ((labels(resource=resource), count) for resource, count in list(self.watch_restarts.items())),
        )


def endpoint_labels(ref: EndpointRef) -> str:
    """By which an endpoint's series are told apart."""
    return labels(kind=ref.kind, namespace=ref.namespace, endpoint=ref.name)
