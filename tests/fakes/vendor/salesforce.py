"""Salesforce: the JWT bearer flow.

https://help.salesforce.com, "OAuth 2.0 JWT Bearer Flow for Server-to-Server Integration" (remoteaccess_oauth_jwt_flow),
read on 2026-11-28: RS256; `iss` the app's client ID, `sub` the user's name, `aud` the login server, `exp` within three
minutes. The page lists no other claims; those that any RFC 7523 assertion may have are accepted.
"""

from collections.abc import Mapping
from typing import Any

from tests.fakes.vendor.shape import Refused, check_names, fields_of, verified

AUDIENCE = "https://login.salesforce.com"
_LONGEST = 180


def check(headers: Mapping[str, str], body: bytes, key: Any, client_id: str, user: str, now: float) -> None:
    """Checks a token request.

    :param key: the public one of the certificate that the app has.
    :param user: as whom it acts.
    :raises Refused: if it differs from the page.
    """
    fields = fields_of(headers, body, "application/x-www-form-urlencoded")
    check_names("fields", fields, {"grant_type", "assertion"})
    if fields["grant_type"] != "urn:ietf:params:oauth:grant-type:jwt-bearer":
        raise Refused("the grant is another one")
    claims = verified(fields["assertion"], key, "RS256", AUDIENCE, now)
    check_names("claims", claims, {"iss", "sub", "aud", "exp"}, {"iat", "jti"})
    if (claims["iss"], claims["sub"]) != (client_id, user) or claims["exp"] > now + _LONGEST:
        raise Refused("the client ID, the user or the expiry is another one")
