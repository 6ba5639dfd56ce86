"""Reading JWTs (RFC 7519). They are never verified, and never required."""

import base64
import binascii
import json
from collections.abc import Mapping
from typing import Any, Final

_LONGEST: Final = 65536
"""Characters of a token that are parsed: as many as a response may have."""


def claims_of(token: str) -> Mapping[str, Any] | None:
    """The claims; None if the token is not a JWT."""
    parts = token.split(".")
    if len(token) > _LONGEST or len(parts) != 3:
        return None
    try:
        claims = json.loads(base64.urlsafe_b64decode(parts[1] + "=" * (-len(parts[1]) % 4)))
    except (ValueError, binascii.Error, RecursionError):
        return None
    return claims if isinstance(claims, dict) else None
