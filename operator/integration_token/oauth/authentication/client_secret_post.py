"""The client ID and the client secret in the body of the request (RFC 6749, 2.3.1)."""

from integration_token.oauth.authentication.client_secret_basic import basic_authorization
from integration_token.oauth.authentication.method import Authentication, ClientCredentials


class ClientSecretPost:
    """`client_secret_post` of OAuth's registry."""

    def authenticate(self, credentials: ClientCredentials) -> Authentication:
        """Two fields. The endpoint could make the header of HTTP Basic of them, so that is as secret as they are."""
        fields = {"client_id": credentials.client_id, "client_secret": credentials.client_secret}
        header = basic_authorization(credentials.client_id, credentials.client_secret)
        return Authentication(fields=fields, secrets=(credentials.client_secret, header))
