"""Counters, as plain numbers by endpoint, by namespace and by kind of call: the library's own take ten times the
memory."""

from bisect import bisect_left
from collections import defaultdict
from collections.abc import Iterator
from typing import Final

from integration_token.api.endpoint import EndpointRef
from integration_token.telemetry.exposition import histogram_pieces, labels, pieces

BOUNDS: Final = (0.1, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0)
"""Buckets for the duration of a token request, in seconds: an endpoint's own work, slow responses, and the usual
timeouts."""


class Counters:
    """All counters of one process.

    Anyone who can create endpoints can create many, one after the other: an endpoint's counters are dropped when it is
    deleted.
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
        """Records the duration of a token request."""
        counts, total = self._durations.get(endpoint, ([0] * (len(BOUNDS) + 1), 0.0))
        counts[bisect_left(BOUNDS, seconds)] += 1
        self._durations[endpoint] = counts, total + seconds

    def drop_endpoint(self, endpoint: EndpointRef) -> None:
        """Drops the counters of a deleted endpoint."""
        self.requests.pop(endpoint, None)
        self.saved.pop(endpoint, None)
        self._durations.pop(endpoint, None)

    def drop_namespace(self, namespace: str) -> None:
        """Drops the counters of a namespace whose last IntegrationToken was deleted."""
        self.writes.pop(namespace, None)

    def pieces(self) -> Iterator[bytes]:
        """All counters in the text format."""
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
            "Duration of token requests, from opening the connection to the complete response or the failure.",
            BOUNDS,
            ((endpoint_labels(ref), counts, total) for ref, (counts, total) in list(self._durations.items())),
        )
        yield from pieces(
            "integration_token_requests_saved",
            "counter",
            "Tokens copied from another resource with the same grant instead of requested, by endpoint.",
            ((endpoint_labels(ref), count) for ref, count in list(self.saved.items())),
        )
        yield from pieces(
            "integration_token_secret_writes",
            "counter",
            "Target Secrets written, by namespace.",
            ((labels(namespace=namespace), count) for namespace, count in list(self.writes.items())),
        )
        yield from pieces(
            "integration_token_api_errors",
            "counter",
            "Failed calls to the API server, by status code, or unreachable if there was no response.",
            (
                (labels(verb=verb, resource=resource, code=code), count)
                for (verb, resource, code), count in list(self.api_errors.items())
            ),
        )
        yield from pieces(
            "integration_token_watch_restarts",
            "counter",
            "Watches restarted after a failure, or because their resource version was too old.",
            ((labels(resource=resource), count) for resource, count in list(self.watch_restarts.items())),
        )


def endpoint_labels(ref: EndpointRef) -> str:
    """The labels that identify an endpoint's series."""
    return labels(kind=ref.kind, namespace=ref.namespace, endpoint=ref.name)
