"""An assertion signed with a private key whose public key the server knows (RFC 7523, 2.2)."""

from integration_token.oauth.authentication.client_assertion import client_assertion
from integration_token.oauth.part import Contribution, GrantInputs, Needs, TokenRequestSpec, signing_needs


class PrivateKeyJWT:
    """`private_key_jwt` in OAuth's registry."""

    def needs(self, inputs: GrantInputs) -> Needs:
        """What an assertion requires."""
        return signing_needs(inputs)

    def contribute(self, spec: TokenRequestSpec, now: float) -> Contribution:
        """The assertion and the client ID."""
        from integration_token.oauth.assertion import signed_by_key  # noqa: PLC0415  # 8 MiB, only if needed

        signed = signed_by_key(spec, now, subject=spec.client_id, claims={})
        return client_assertion(spec.client_id, signed.assertion, signed.secrets)
