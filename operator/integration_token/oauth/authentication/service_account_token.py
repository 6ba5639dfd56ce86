"""A ServiceAccount's token as the client's assertion (RFC 7523, 2.2): the cluster signs it, and no secret is kept."""

from integration_token.oauth.authentication.client_assertion import client_assertion
from integration_token.oauth.part import Contribution, GrantInputs, Needs, TokenRequestSpec


class ServiceAccountToken:
    """A client assertion of an issuer that the server trusts, as `private_key_jwt` is one of the client's own."""

    def needs(self, inputs: GrantInputs) -> Needs:
        """No credentials Secret at all."""
        return Needs(account=True)

    def contribute(self, spec: TokenRequestSpec, now: float) -> Contribution:
        """The token, and the client ID where it is known: some servers find the client by the token's subject."""
        token = spec.account_token
        return client_assertion(spec.client_id, token, (token,))
