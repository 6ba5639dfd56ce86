"""An assertion signed with the client secret (RFC 7523, 2.2): the secret itself is never sent."""

from integration_token.api.integration import CLIENT_ID, CLIENT_SECRET
from integration_token.oauth.authentication.client_assertion import client_assertion
from integration_token.oauth.part import Contribution, GrantInputs, Needs, TokenRequestSpec


class ClientSecretJWT:
    """`client_secret_jwt` in OAuth's registry."""

    def needs(self, inputs: GrantInputs) -> Needs:
        """Client ID and secret. Signing is quick here, but the first import of its library is not."""
        return Needs((CLIENT_ID, CLIENT_SECRET), signs=True)

    def contribute(self, spec: TokenRequestSpec, now: float) -> Contribution:
        """The assertion and the client ID."""
        from integration_token.oauth.assertion import signed_by_secret  # noqa: PLC0415  # 8 MiB, only if needed

        signed = signed_by_secret(spec, now)
        return client_assertion(spec.client_id, signed.assertion, signed.secrets)
