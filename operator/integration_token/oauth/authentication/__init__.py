"""How a client proves who it is to the endpoint (RFC 6749, 2.3): one method a module, and a row in the table.

To add a method: a module with a class as :class:`ClientAuthentication` has it, a row in `METHODS`, and its name in the
CRDs' enum, which a test holds to the table.
"""

from collections.abc import Mapping

from integration_token.oauth.authentication.client_secret_basic import ClientSecretBasic
from integration_token.oauth.authentication.client_secret_post import ClientSecretPost
from integration_token.oauth.authentication.method import Authentication, ClientAuthentication, ClientCredentials

METHODS: Mapping[str, ClientAuthentication] = {
    "ClientSecretPost": ClientSecretPost(),
    "ClientSecretBasic": ClientSecretBasic(),
}
"""By the name in `spec.clientAuthenticationMethod`: those of OAuth's registry, in CamelCase."""

__all__ = ["METHODS", "Authentication", "ClientAuthentication", "ClientCredentials"]
