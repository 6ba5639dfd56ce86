"""The client ID and the client secret as HTTP Basic (RFC 6749, 2.3.1)."""

import base64
from urllib.parse import quote_plus

from integration_token.oauth.authentication.method import Authentication, ClientCredentials


class ClientSecretBasic:
    """`client_secret_basic` of OAuth's registry."""

    def authenticate(self, credentials: ClientCredentials) -> Authentication:
        """One header."""
        header = basic_authorization(credentials.client_id, credentials.client_secret)
        return Authentication(headers={"Authorization": header}, secrets=(credentials.client_secret, header))


def basic_authorization(client_id: str, client_secret: str) -> str:
    """HTTP Basic with both values form-encoded first (RFC 6749, 2.3.1)."""
    pair = f"{quote_plus(client_id)}:{quote_plus(client_secret)}"
    return "Basic " + base64.b64encode(pair.encode()).decode()
