"""No client authentication (RFC 6749, 2.1, a public client): the grant must be proof enough."""

from integration_token.oauth.part import Contribution, GrantInputs, Needs, TokenRequestSpec


class NoAuthentication:
    """`none` in OAuth's registry."""

    def needs(self, inputs: GrantInputs) -> Needs:
        """Nothing."""
        return Needs()

    def contribute(self, spec: TokenRequestSpec, now: float) -> Contribution:
        """The client ID, if the spec sets one: servers that know no clients refuse the field."""
        stated = spec.inputs.client_id
        return Contribution({"client_id": stated} if stated else {})
