"""The client ID and the client secret in the body of the request (RFC 6749, 2.3.1)."""

from integration_token.oauth.authentication.method import Authentication, ClientCredentials


class ClientSecretPost:
    """`client_secret_post` of OAuth's registry."""

    def authenticate(self, credentials: ClientCredentials) -> Authentication:
        """Two fields."""
        fields = {"client_id": credentials.client_id, "client_secret": credentials.client_secret}
        return Authentication(fields=fields, secrets=(credentials.client_secret,))
