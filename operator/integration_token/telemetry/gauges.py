"""The gauges of resources, named like cert-manager's: in the text format, family by family."""

from collections.abc import Callable, Iterable, Iterator

from integration_token.api.condition import ConditionType, Told
from integration_token.telemetry.counters import endpoint_labels
from integration_token.telemetry.exposition import Sample, labels, pieces
from integration_token.telemetry.figures import EndpointFigures, TokenFigures


def token_pieces(tokens: list[TokenFigures]) -> Iterator[bytes]:
    """The gauges of IntegrationTokens."""
    each = [labels(namespace=figures.namespace, name=figures.name) for figures in tokens]
    yield from pieces(
        "integration_token_info",
        "gauge",
        "The endpoint that an IntegrationToken references.",
        (
            (f"{name},{labels(endpoint_kind=figures.endpoint.kind, endpoint=figures.endpoint.name)}", 1)
            for name, figures in zip(each, tokens, strict=True)
            if figures.endpoint is not None
        ),
    )
    yield from pieces(
        "integration_token_status_condition",
        "gauge",
        "The conditions of an IntegrationToken.",
        _conditions(zip(each, (figures.told for figures in tokens), strict=True)),
    )
    yield from pieces(
        "integration_token_ready_status",
        "gauge",
        "Whether the IntegrationToken's condition Ready is True.",
        ((name, _is_ready(figures.told)) for name, figures in zip(each, tokens, strict=True)),
    )
    for name, text, of in _TIMES:
        yield from pieces(
            name,
            "gauge",
            text,
            ((name, value) for name, figures in zip(each, tokens, strict=True) if (value := of(figures)) is not None),
        )


_TIMES: tuple[tuple[str, str, Callable[[TokenFigures], float | None]], ...] = (
    (
        "integration_token_expiration_timestamp_seconds",
        "When the token in the target Secret expires, in seconds since the epoch.",
        lambda figures: figures.expires,
    ),
    (
        "integration_token_renewal_timestamp_seconds",
        "When the next token is expected, in seconds since the epoch.",
        lambda figures: figures.renews,
    ),
    (
        "integration_token_next_request_timestamp_seconds",
        "When the next token request is due unless something changes before, in seconds since the epoch.",
        lambda figures: figures.next_request,
    ),
    (
        "integration_token_rollover_lead_seconds",
        "Learned number of seconds before a token's expiry at which the endpoint returns the next one.",
        lambda figures: figures.lead,
    ),
)
"""Times that not every token has."""


def endpoint_pieces(endpoints: list[EndpointFigures]) -> Iterator[bytes]:
    """The gauges of endpoints."""
    each = [endpoint_labels(figures.ref) for figures in endpoints]
    yield from pieces(
        "integration_token_endpoint_ready_status",
        "gauge",
        "Whether the endpoint's condition Ready is True: its spec can be used.",
        ((name, _is_ready(figures.told)) for name, figures in zip(each, endpoints, strict=True) if figures.told),
    )
    yield from pieces(
        "integration_token_endpoint_status_condition",
        "gauge",
        "The conditions of an endpoint.",
        _conditions(zip(each, (figures.told for figures in endpoints), strict=True)),
    )
    yield from pieces(
        "integration_token_endpoint_tokens",
        "gauge",
        "IntegrationTokens that reference the endpoint.",
        ((name, figures.tokens) for name, figures in zip(each, endpoints, strict=True)),
    )


def _conditions(named: Iterable[tuple[str, Told]]) -> Iterator[Sample]:
    """A sample for each condition of the resources with these labels."""
    return (
        (f'{name},condition="{condition.type}",status="{condition.status}",reason="{condition.reason}"', 1)
        for name, told in named
        for condition in told
    )


def _is_ready(told: Told) -> bool:
    return any(condition.type == ConditionType.READY and condition.status == "True" for condition in told)
