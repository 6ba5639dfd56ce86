"""The client asks for itself (RFC 6749, 4.4)."""

from collections.abc import Mapping


class ClientCredentialsGrant:
    """`client_credentials` of OAuth's registry."""

    def fields(self) -> Mapping[str, str]:
        """RFC 6749, 4.4.2."""
        return {"grant_type": "client_credentials"}
