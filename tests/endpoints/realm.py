"""What an API knows of Keycloak's access tokens: it verifies them with the realm's published keys."""

import ssl
from dataclasses import dataclass

import httpx
import jwt

from tests.endpoints.keycloak import Keycloak


@dataclass(frozen=True, slots=True)
class Proven:
    """A token that the realm has signed."""

    serial: int
    """1 for the first one presented."""
    expires: float
    """Wall time in seconds."""


class Realm:
    """Keeps only this of a token."""

    def __init__(self, server: Keycloak) -> None:
        """Gets the keys."""
        self._issuer = server.audience
        address = f"{self._issuer}/protocol/openid-connect/certs"
        answer = httpx.get(address, verify=ssl.create_default_context(cadata=server.ca_pem), trust_env=False)
        self._keys = {key.key_id: key for key in jwt.PyJWKSet.from_dict(answer.raise_for_status().json()).keys}
        self._proven: dict[str, Proven] = {}

    def find(self, value: str) -> Proven | None:
        """The token with that value, expired or not; None if the realm hasn't signed it."""
        try:
            key = self._keys[jwt.get_unverified_header(value)["kid"]]
            claims = jwt.decode(
                value,
                key,
                algorithms=["RS256"],
                issuer=self._issuer,
                options={"require": ["exp", "jti"], "verify_aud": False, "verify_exp": False},
            )
        except (jwt.InvalidTokenError, KeyError):
            return None
        return self._proven.setdefault(claims["jti"], Proven(len(self._proven) + 1, float(claims["exp"])))
