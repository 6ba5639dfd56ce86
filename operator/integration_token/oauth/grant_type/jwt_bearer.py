"""A JWT entitles to a token (RFC 7523, 2.1): a ServiceAccount's token, or one that the client signs."""

from integration_token.oauth.part import Contribution, GrantInputs, Needs, TokenRequestSpec, signing_needs


class JWTBearerGrant:
    """`urn:ietf:params:oauth:grant-type:jwt-bearer` in OAuth's registry."""

    def needs(self, inputs: GrantInputs) -> Needs:
        """The ServiceAccount's token if one is to be sent, else what an assertion requires."""
        return Needs(account=True) if inputs.account else signing_needs(inputs)

    def contribute(self, spec: TokenRequestSpec, now: float) -> Contribution:
        """RFC 7523, 2.1. The client signs that it may act for the subject, which may be itself."""
        if spec.inputs.account:
            return _grant(spec.account_token, (spec.account_token,))
        from integration_token.oauth.assertion import signed_by_key  # noqa: PLC0415  # 8 MiB, only if needed

        wanted = spec.inputs.assertion
        signed = signed_by_key(spec, now, subject=wanted.subject or spec.client_id, claims=dict(wanted.claims))
        return _grant(signed.assertion, signed.secrets)


def _grant(assertion: str, secrets: tuple[str, ...]) -> Contribution:
    fields = {"grant_type": "urn:ietf:params:oauth:grant-type:jwt-bearer", "assertion": assertion}
    return Contribution(fields, secrets=secrets)
