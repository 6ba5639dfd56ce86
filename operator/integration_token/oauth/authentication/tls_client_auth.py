"""The client's certificate on the connection (RFC 8705, 2)."""

from integration_token.api.integration import CERTIFICATE, CLIENT_ID, PRIVATE_KEY
from integration_token.oauth.part import ClientCertificate, Contribution, GrantInputs, Needs, TokenRequestSpec


class TLSClientAuth:
    """`tls_client_auth` in OAuth's registry, and `self_signed_tls_client_auth`, which differs only at the server."""

    def needs(self, inputs: GrantInputs) -> Needs:
        """All three. Nothing is signed here, but the key and the certificate are parsed."""
        return Needs((CLIENT_ID, CERTIFICATE, PRIVATE_KEY), signs=True)

    def contribute(self, spec: TokenRequestSpec, now: float) -> Contribution:
        """The client ID (RFC 8705, 2: it tells the server whose certificate to expect) and the certificate."""
        from integration_token.oauth.certificate import read_chain  # noqa: PLC0415  # 8 MiB, only if needed
        from integration_token.oauth.key import read_private_key  # noqa: PLC0415

        place = spec.place(PRIVATE_KEY)
        key = read_private_key(spec.credentials[PRIVATE_KEY], place)
        chain = read_chain(spec.credentials[CERTIFICATE], spec.place(CERTIFICATE), key, place, now)
        return Contribution(
            {"client_id": spec.client_id}, secrets=key.secrets, certificate=ClientCertificate(chain.pem, key.pem)
        )
