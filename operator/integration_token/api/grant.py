"""The parts of an endpoint's spec about the grant and about the assertions sent to it."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

from integration_token.api.value import parse_duration

CLIENT_CREDENTIALS: Final = "ClientCredentials"
"""The default grant."""

JWT: Final = "urn:ietf:params:oauth:token-type:jwt"
"""The type of a ServiceAccount's token in RFC 8693, section 3."""

DEFAULT_ASSERTION_LIFETIME: Final = 60.0
"""Seconds: the longest lifetime that every server accepts."""

MAX_ASSERTION_LIFETIME: Final = 3600.0
"""Seconds: no server accepts a longer one."""


@dataclass(frozen=True, slots=True)
class Assertion:
    """The JWTs that are sent to an endpoint (RFC 7521), signed by the operator or by the API server."""

    audience: str = ""
    """Empty: the token URL."""
    lifetime: float = DEFAULT_ASSERTION_LIFETIME
    """Seconds."""
    signing_algorithm: str = ""
    """A name from JOSE's registry (RFC 7518, 3.1); empty: chosen to suit the key."""
    key_id: str = ""
    """`kid` of the header; empty: the key's own, if it is a JWK with one."""
    subject: str = ""
    """`sub` of the JWT bearer grant; empty: the client ID."""
    claims: tuple[tuple[str, str], ...] = ()
    """Additional claims for that grant, by name."""


@dataclass(frozen=True, slots=True)
class TokenExchange:
    """RFC 8693, 2.1."""

    subject_token_type: str = JWT
    requested_token_type: str = ""
    """Empty: the server chooses."""


PLAIN_ASSERTION: Final = Assertion()
PLAIN_EXCHANGE: Final = TokenExchange()
"""The defaults, if the spec does not set them."""


def parse_assertion(value: Mapping[str, Any]) -> Assertion:
    """Reads `spec.assertion`.

    :raises ValueError: if a field cannot be used.
    """
    lifetime = parse_duration(value["lifetime"]) if value.get("lifetime") else DEFAULT_ASSERTION_LIFETIME
    if not 0 < lifetime <= MAX_ASSERTION_LIFETIME:
        raise ValueError(f"assertion.lifetime is more than {MAX_ASSERTION_LIFETIME / 3600:.0f}h")
    return Assertion(
        audience=str(value.get("audience") or ""),
        lifetime=lifetime,
        signing_algorithm=str(value.get("signingAlgorithm") or ""),
        key_id=str(value.get("keyID") or ""),
        subject=str(value.get("subject") or ""),
        claims=tuple(sorted((str(name), str(claim)) for name, claim in (value.get("claims") or {}).items())),
    )


def parse_token_exchange(value: Mapping[str, Any]) -> TokenExchange:
    """Reads `spec.tokenExchange`."""
    return TokenExchange(
        subject_token_type=str(value.get("subjectTokenType") or JWT),
        requested_token_type=str(value.get("requestedTokenType") or ""),
    )
