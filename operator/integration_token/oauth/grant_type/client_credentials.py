"""The client asks on its own behalf (RFC 6749, 4.4)."""

from integration_token.oauth.part import Contribution, GrantInputs, Needs, TokenRequestSpec


class ClientCredentialsGrant:
    """`client_credentials` in OAuth's registry."""

    def needs(self, inputs: GrantInputs) -> Needs:
        """Nothing of its own."""
        return Needs()

    def contribute(self, spec: TokenRequestSpec, now: float) -> Contribution:
        """RFC 6749, 4.4.2: client authentication is all it requires."""
        return Contribution({"grant_type": "client_credentials"})
