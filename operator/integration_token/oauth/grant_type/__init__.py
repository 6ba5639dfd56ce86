"""By what right a token is asked for (RFC 6749, 1.3): one grant type a module, and a row in the table.

To add a grant type: a module with a class as :class:`GrantType` has it, and a row in `GRANT_TYPES`.
"""

from collections.abc import Mapping
from typing import Protocol

from integration_token.oauth.grant_type.client_credentials import ClientCredentialsGrant


class GrantType(Protocol):
    """A grant type. It keeps nothing."""

    def fields(self) -> Mapping[str, str]:
        """What it puts into the body of the request."""


CLIENT_CREDENTIALS = "ClientCredentials"

GRANT_TYPES: Mapping[str, GrantType] = {CLIENT_CREDENTIALS: ClientCredentialsGrant()}
"""By name: those of OAuth's registry, in CamelCase."""
