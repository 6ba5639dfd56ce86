"""What the metrics tell of one resource."""

from typing import NamedTuple

from integration_token.api.condition import Told
from integration_token.api.endpoint import EndpointRef


class TokenFigures(NamedTuple):
    """What the metrics tell of one IntegrationToken. Times are seconds since the epoch, None for those that there
    aren't."""

    namespace: str
    name: str
    endpoint: EndpointRef | None
    """None where the spec can't be read."""
    told: Told
    """Its conditions as they stand."""
    expires: float | None
    renews: float | None
    """When the next token is expected."""
    next_request: float | None
    lead: int | None
    """Seconds before expiry at which new tokens come, as far as that was learned."""


class EndpointFigures(NamedTuple):
    """What the metrics tell of one endpoint."""

    ref: EndpointRef
    told: Told
    tokens: int
    """IntegrationTokens that name it."""
