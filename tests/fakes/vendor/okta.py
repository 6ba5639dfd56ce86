"""Okta: a service app with a key.

https://developer.okta.com/docs/guides/implement-oauth-for-okta-serviceapp/main/, read on 2026-11-28: only
`private_key_jwt`, `aud` the full token URL, `iss` and `sub` the client ID, `exp` at most an hour ahead; `jti` and `iat`
are optional. A scope is required.
"""

from collections.abc import Mapping
from typing import Any

from tests.fakes.vendor.shape import Refused, check_names, fields_of, verified

_LONGEST = 3600


def check(headers: Mapping[str, str], body: bytes, url: str, key: Any, now: float) -> None:
    """Checks a token request.

    :param url: the token URL.
    :param key: the app's public key.
    :raises Refused: if it differs from the page.
    """
    fields = fields_of(headers, body, "application/x-www-form-urlencoded")
    required = {"grant_type", "scope", "client_assertion_type", "client_assertion"}
    check_names("fields", fields, required, {"client_id"})
    if fields["grant_type"] != "client_credentials":
        raise Refused("the grant is another one")
    if fields["client_assertion_type"] != "urn:ietf:params:oauth:client-assertion-type:jwt-bearer":
        raise Refused("the assertion's type is another one")
    claims = verified(fields["client_assertion"], key, "RS256", url, now)
    check_names("claims", claims, {"aud", "exp", "iss", "sub"}, {"jti", "iat"})
    if claims["iss"] != claims["sub"] or claims["exp"] > now + _LONGEST:
        raise Refused("the client ID or the expiry is another one")
