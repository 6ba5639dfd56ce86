"""Exchanges a ServiceAccount's token for one of the endpoint's (RFC 8693)."""

from integration_token.oauth.part import Contribution, GrantInputs, Needs, TokenRequestSpec


class TokenExchangeGrant:
    """`urn:ietf:params:oauth:grant-type:token-exchange` in OAuth's registry."""

    def needs(self, inputs: GrantInputs) -> Needs:
        """The token to exchange."""
        return Needs(account=True)

    def contribute(self, spec: TokenRequestSpec, now: float) -> Contribution:
        """RFC 8693, 2.1."""
        exchange, token = spec.inputs.token_exchange, spec.account_token
        fields = {
            "grant_type": "urn:ietf:params:oauth:grant-type:token-exchange",
            "subject_token": token,
            "subject_token_type": exchange.subject_token_type,
        }
        if exchange.requested_token_type:
            fields["requested_token_type"] = exchange.requested_token_type
        return Contribution(fields, secrets=(token,))
