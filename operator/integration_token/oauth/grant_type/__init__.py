"""Grant types (RFC 6749, 1.3): one module per type, and a row in the table.

To add a grant type: a module with a class that implements :class:`~integration_token.oauth.part.Part`, a row in
`GRANT_TYPES`, and its name in the CRDs' enum, which a test compares with the table.
"""

from collections.abc import Mapping

from integration_token.api.grant import CLIENT_CREDENTIALS
from integration_token.oauth.grant_type.client_credentials import ClientCredentialsGrant
from integration_token.oauth.grant_type.jwt_bearer import JWTBearerGrant
from integration_token.oauth.grant_type.token_exchange import TokenExchangeGrant
from integration_token.oauth.part import Part

GRANT_TYPES: Mapping[str, Part] = {
    CLIENT_CREDENTIALS: ClientCredentialsGrant(),
    "TokenExchange": TokenExchangeGrant(),
    "JWTBearer": JWTBearerGrant(),
}
"""By the name in `spec.grant`: the names of OAuth's registry, in CamelCase."""
