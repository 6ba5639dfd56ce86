"""A ServiceAccount's token as the client's assertion (RFC 7523, 2.2): the cluster signs it, and no secret is stored."""

from integration_token.oauth.authentication.client_assertion import client_assertion
from integration_token.oauth.part import Contribution, GrantInputs, Needs, TokenRequestSpec


class ServiceAccountToken:
    """A client assertion from an issuer that the server trusts; in `private_key_jwt` the client is its own issuer."""

    def needs(self, inputs: GrantInputs) -> Needs:
        """No credentials Secret at all."""
        return Needs(account=True)

    def contribute(self, spec: TokenRequestSpec, now: float) -> Contribution:
        """The token, and the client ID if known: some servers find the client by the token's subject."""
        token = spec.account_token
        return client_assertion(spec.client_id, token, (token,))
