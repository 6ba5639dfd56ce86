"""The client ID and the client secret as HTTP Basic (RFC 6749, 2.3.1)."""

import base64
from urllib.parse import quote_plus

from integration_token.oauth.part import Contribution, TokenRequestSpec


class ClientSecretBasic:
    """`client_secret_basic` of OAuth's registry."""

    needs = ("client_id", "client_secret")

    def contribute(self, spec: TokenRequestSpec, now: float) -> Contribution:
        """One header."""
        secret = spec.credentials["client_secret"]
        header = basic_authorization(spec.credentials["client_id"], secret)
        return Contribution(headers={"Authorization": header}, secrets=(secret, header))


def basic_authorization(client_id: str, client_secret: str) -> str:
    """HTTP Basic with both values form-encoded first (RFC 6749, 2.3.1)."""
    pair = f"{quote_plus(client_id)}:{quote_plus(client_secret)}"
    return "Basic " + base64.b64encode(pair.encode()).decode()
