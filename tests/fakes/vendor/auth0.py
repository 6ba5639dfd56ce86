"""Auth0: authentication by Private Key JWT.

https://auth0.com/docs/get-started/authentication-and-authorization-flow/authenticate-with-private-key-jwt, read on
2026-11-28: `iss` and `sub` the client ID, `aud` the tenant's URL with a trailing slash, `exp` at most five minutes
ahead, a `jti` that is used once; `iat` and the header's `kid` are optional.
"""

from collections.abc import Mapping
from typing import Any

import jwt

from tests.fakes.vendor.shape import Refused, check_names, fields_of, verified

_LONGEST = 300


def check(headers: Mapping[str, str], body: bytes, tenant: str, key: Any, now: float) -> None:
    """Checks a token request.

    :param tenant: its URL, with the slash.
    :param key: the application's public key.
    :raises Refused: if it differs from the page.
    """
    fields = fields_of(headers, body, "application/x-www-form-urlencoded")
    required = {"grant_type", "audience", "client_assertion_type", "client_assertion"}
    check_names("fields", fields, required, {"client_id"})
    if fields["grant_type"] != "client_credentials":
        raise Refused("the grant is another one")
    if fields["client_assertion_type"] != "urn:ietf:params:oauth:client-assertion-type:jwt-bearer":
        raise Refused("the assertion's type is another one")
    check_names("header", jwt.get_unverified_header(fields["client_assertion"]), {"alg", "typ"}, {"kid"})
    claims = verified(fields["client_assertion"], key, "RS256", tenant, now)
    check_names("claims", claims, {"iss", "sub", "aud", "exp", "jti"}, {"iat"})
    if claims["iss"] != claims["sub"] or fields.get("client_id", claims["iss"]) != claims["iss"]:
        raise Refused("the client ID is another one")
    if claims["exp"] > now + _LONGEST:
        raise Refused("the assertion lives too long")
