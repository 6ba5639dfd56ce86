"""What the metrics show for one resource."""

from typing import NamedTuple

from integration_token.api.condition import Told
from integration_token.api.endpoint import EndpointRef


class TokenFigures(NamedTuple):
    """What the metrics show for one IntegrationToken. Times are seconds since the epoch; None if unknown."""

    namespace: str
    name: str
    endpoint: EndpointRef | None
    """None if the spec cannot be parsed."""
    told: Told
    """Its current conditions."""
    expires: float | None
    renews: float | None
    """When the next token is expected."""
    next_request: float | None
    lead: int | None
    """Learned number of seconds before expiry at which new tokens appear; None until learned."""


class EndpointFigures(NamedTuple):
    """What the metrics show for one endpoint."""

    ref: EndpointRef
    told: Told
    tokens: int
    """IntegrationTokens that reference it."""
