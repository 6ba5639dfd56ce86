"""How a client proves who it is to the endpoint (RFC 6749, 2.3): one method a module, and a row in the table.

To add a method: a module with a class as :class:`~integration_token.oauth.part.Part` has it, a row in `METHODS`, and
its name in the CRDs' enum, which a test holds to the table. One that proves it by the connection (RFC 8705) hands its
certificate on with the contribution, and no connection that bears one is shared or kept.
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
"""By the name in `spec.clientAuthenticationMethod`: those of OAuth's registry, in CamelCase."""
