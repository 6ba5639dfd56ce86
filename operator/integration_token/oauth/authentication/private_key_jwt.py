"""An assertion that is signed with a private key whose public one the server knows (RFC 7523, 2.2)."""

from integration_token.oauth.authentication.client_assertion import client_assertion
from integration_token.oauth.part import Contribution, GrantInputs, Needs, TokenRequestSpec, signing_needs


class PrivateKeyJWT:
    """`private_key_jwt` of OAuth's registry."""

    def needs(self, inputs: GrantInputs) -> Needs:
        """What an assertion takes."""
        return signing_needs(inputs)

    def contribute(self, spec: TokenRequestSpec, now: float) -> Contribution:
        """The assertion, and the client ID beside it."""
        from integration_token.oauth.assertion import signed_by_key  # noqa: PLC0415  # 8 MiB, for who signs

        signed = signed_by_key(spec, now, subject=spec.client_id, claims={})
        return client_assertion(spec.client_id, signed.assertion, signed.secrets)
