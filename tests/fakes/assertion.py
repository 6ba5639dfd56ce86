"""Checks client assertions (RFC 7523, 3) as strictly as the strictest real server."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import jwt

ASSERTION_TYPE = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"

_LONGEST = 60
"""Seconds that an assertion may be valid after its arrival."""
_OLDEST = 60
"""Seconds ago that it may have been issued."""


@dataclass(frozen=True, slots=True)
class KnownKey:
    """What the server checks a client's assertions against."""

    algorithm: str
    """The only algorithm accepted."""
    key: str = field(repr=False)
    """The public key in PEM, or the client secret."""
    key_id: str = ""
    """The required `kid`; empty if there must be none."""
    thumbprint: str = ""
    """The required `x5t#S256`; empty if there must be none."""


class AssertionJudge:
    """Knows the clients' keys, and every assertion that it has seen."""

    def __init__(self, keys: Mapping[str, KnownKey]) -> None:
        """`keys` by client ID. A test may change the mapping later."""
        self._keys = keys
        self._seen: set[str] = set()

    def fault(self, client_id: str, assertion: str, audience: str, now: float) -> str:
        """What is wrong with the client's assertion; empty if nothing is.

        :param audience: whom it must be for.
        """
        known = self._keys.get(client_id)
        if known is None:
            return "the client has no key"
        try:
            header: dict[str, Any] = jwt.get_unverified_header(assertion)
            wanted = {"typ": "JWT", "alg": known.algorithm}
            wanted |= {"kid": known.key_id} if known.key_id else {}
            wanted |= {"x5t#S256": known.thumbprint} if known.thumbprint else {}
            if header != wanted:
                return f"the header holds {sorted(header)} and alg {header.get('alg')}: not what is registered"
            off = {f"verify_{name}": False for name in ("aud", "exp", "iat", "nbf", "iss", "sub", "jti")}
            claims = jwt.decode(assertion, known.key, algorithms=[known.algorithm], options=off)  # type: ignore[arg-type]  # all of them are its options
        except jwt.PyJWTError as error:
            return f"the assertion cannot be verified: {type(error).__name__}"
        return _fault_of(claims, client_id, audience, now) or self._fault_of_reuse(claims)

    def _fault_of_reuse(self, claims: Mapping[str, Any]) -> str:
        number = claims["jti"]
        if number in self._seen:
            return "the assertion was used before"
        self._seen.add(number)
        return ""


def _fault_of(claims: Mapping[str, Any], client_id: str, audience: str, now: float) -> str:
    wrong = sorted({"iss", "sub", "aud", "iat", "exp", "jti"} ^ set(claims))
    if wrong:
        return f"claims that are missing or unknown: {', '.join(wrong)}"
    checks = {
        "iss and sub must be the client ID": claims["iss"] == claims["sub"] == client_id,
        "aud must be a single text, the token URL": claims["aud"] == audience,
        "iat must be within the last minute": isinstance(claims["iat"], int) and now - _OLDEST <= claims["iat"] <= now,
        "exp must be within the next minute": isinstance(claims["exp"], int) and now < claims["exp"] <= now + _LONGEST,
        "jti must be an unguessable text": isinstance(claims["jti"], str) and len(claims["jti"]) >= 16,
    }
    return "; ".join(text for text, holds in checks.items() if not holds)
