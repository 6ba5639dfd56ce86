"""What may be shown of a token: by an allow-list, and never the token itself. Pure."""

import base64
import binascii
import math
from collections.abc import Mapping
from typing import Any, Final

from integration_token.api.jwt import claims_of
from integration_token.command.output import harmless

CLAIMS: Final = ("iss", "aud", "exp", "iat", "scope")
"""RFC 7519, 4.1, and RFC 8693, 4.2: who issued it, for whom, until when, since when, and for what."""

_LISTED: Final = 16
"""Values of a claim that are shown."""
_SHOWN: Final = 256
"""Characters shown of each."""
_TELLING: Final = 16
"""Characters of a token that no name contains by chance."""


def claims(token: str) -> dict[str, Any] | None:
    """The claims of a JWT that may be shown, not verified; None if the token is not a JWT (RFC 6749, 1.4)."""
    found = claims_of(token)
    if found is None:
        return None
    return {name: shown for name in CLAIMS if (shown := _shown(found.get(name), token)) is not None}


def _shown(value: object, token: str) -> Any:
    """A claim, if it has a type that the standard allows."""
    if isinstance(value, bool):
        return None
    if isinstance(value, int) or (isinstance(value, float) and math.isfinite(value)):
        return value
    if isinstance(value, str):
        return None if _repeats(value, token) else harmless(value, _SHOWN)
    if isinstance(value, list):
        return [text for each in value[:_LISTED] if isinstance(text := _shown(each, token), str)]
    return None


def _repeats(text: str, token: str) -> bool:
    """Whether a text contains part of the token: its issuer could make it repeat itself."""
    parts = [part for part in token.split(".") if len(part) >= _TELLING]
    return (len(text) >= _TELLING and text in token) or any(part in text for part in parts)


def held(data: Mapping[str, str]) -> tuple[str, dict[str, Any] | None, str]:
    """From a target Secret's data: the kind of token, its claims if it is a JWT, and `expires_at`."""
    token = _text(data.get("token", ""))
    if not token:
        return "none", None, ""
    found = claims(token)
    return ("opaque" if found is None else "JWT"), found, harmless(_text(data.get("expires_at", "")), 64)


def _text(encoded: str) -> str:
    try:
        return base64.b64decode(encoded).decode()
    except (ValueError, binascii.Error):
        return ""
