"""The client ID and the client secret in the body of the request (RFC 6749, 2.3.1)."""

from integration_token.api.integration import CLIENT_ID, CLIENT_SECRET
from integration_token.oauth.authentication.client_secret_basic import basic_forms
from integration_token.oauth.part import Contribution, GrantInputs, Needs, TokenRequestSpec


class ClientSecretPost:
    """`client_secret_post` in OAuth's registry."""

    def needs(self, inputs: GrantInputs) -> Needs:
        """Client ID and secret."""
        return Needs((CLIENT_ID, CLIENT_SECRET))

    def contribute(self, spec: TokenRequestSpec, now: float) -> Contribution:
        """Two fields. The endpoint could build the HTTP Basic header from them, so that is as secret as they are."""
        client_id, secret = spec.client_id, spec.credentials[CLIENT_SECRET]
        return Contribution(
            fields={"client_id": client_id, "client_secret": secret},
            secrets=(secret, *basic_forms(client_id, secret)),
        )
