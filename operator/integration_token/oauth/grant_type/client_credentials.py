"""The client asks for itself (RFC 6749, 4.4)."""

from integration_token.oauth.part import Contribution, GrantInputs, Needs, TokenRequestSpec


class ClientCredentialsGrant:
    """`client_credentials` of OAuth's registry."""

    def needs(self, inputs: GrantInputs) -> Needs:
        """Nothing of its own."""
        return Needs()

    def contribute(self, spec: TokenRequestSpec, now: float) -> Contribution:
        """RFC 6749, 4.4.2: the client's authentication is all that it takes."""
        return Contribution({"grant_type": "client_credentials"})
