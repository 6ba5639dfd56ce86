"""Client authentication methods (RFC 6749, 2.3): one module per method, and a row in the table.

To add a method: a module with a class that implements :class:`~integration_token.oauth.part.Part`, a row in `METHODS`,
and its name in the CRDs' enum, which a test compares with the table. A method that authenticates the connection (RFC
8705) returns its certificate in the contribution; such a connection is neither shared nor kept.
"""

from collections.abc import Mapping

from integration_token.oauth.authentication.client_secret_basic import ClientSecretBasic
from integration_token.oauth.authentication.client_secret_jwt import ClientSecretJWT
from integration_token.oauth.authentication.client_secret_post import ClientSecretPost
from integration_token.oauth.authentication.no_authentication import NoAuthentication
from integration_token.oauth.authentication.private_key_jwt import PrivateKeyJWT
from integration_token.oauth.authentication.service_account_token import ServiceAccountToken
from integration_token.oauth.authentication.tls_client_auth import TLSClientAuth
from integration_token.oauth.part import Part

METHODS: Mapping[str, Part] = {
    "ClientSecretPost": ClientSecretPost(),
    "ClientSecretBasic": ClientSecretBasic(),
    "ClientSecretJWT": ClientSecretJWT(),
    "PrivateKeyJWT": PrivateKeyJWT(),
    "TLSClientAuth": TLSClientAuth(),
    "ServiceAccountToken": ServiceAccountToken(),
    "None": NoAuthentication(),
}
"""By the name in `spec.clientAuthenticationMethod`: the names of OAuth's registry, in CamelCase."""
