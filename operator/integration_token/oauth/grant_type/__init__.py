"""By what right a token is asked for (RFC 6749, 1.3): one grant type a module, and a row in the table.

To add a grant type: a module with a class as :class:`~integration_token.oauth.part.Part` has it, and a row in
`GRANT_TYPES`. There is one so far, so no field of an endpoint's spec chooses.
"""

from collections.abc import Mapping

from integration_token.api.grant import CLIENT_CREDENTIALS
from integration_token.oauth.grant_type.client_credentials import ClientCredentialsGrant
from integration_token.oauth.part import Part

GRANT_TYPES: Mapping[str, Part] = {CLIENT_CREDENTIALS: ClientCredentialsGrant()}
"""By name: those of OAuth's registry, in CamelCase."""
