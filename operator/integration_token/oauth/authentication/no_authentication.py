"""No proof of who the client is (RFC 6749, 2.1, a public client): what is asked for must be proof enough."""

from integration_token.oauth.part import Contribution, GrantInputs, Needs, TokenRequestSpec


class NoAuthentication:
    """`none` of OAuth's registry."""

    def needs(self, inputs: GrantInputs) -> Needs:
        """Nothing."""
        return Needs()

    def contribute(self, spec: TokenRequestSpec, now: float) -> Contribution:
        """The client ID, if the spec states one: servers that know none refuse the field."""
        stated = spec.inputs.client_id
        return Contribution({"client_id": stated} if stated else {})
