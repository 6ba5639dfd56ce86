"""Google: a service account's own key, over HTTP.

https://developers.google.com/identity/protocols/oauth2/service-account, read on 2026-11-28: RS256; `iss` the account's
e-mail address, `scope` as a claim separated by spaces, `aud` always the token URL, `exp` at most an hour after `iat`;
`sub` is the user it acts for. Two fields, as a form.
"""

from collections.abc import Mapping
from typing import Any

import jwt

from tests.fakes.vendor.shape import Refused, check_names, fields_of, verified

URL = "https://oauth2.googleapis.com/token"
_LONGEST = 3600


def check(headers: Mapping[str, str], body: bytes, key: Any, account: str, key_id: str, now: float) -> None:
    """Checks a token request.

    :param key: the account's public one, and its ID.
    :raises Refused: if it differs from the page.
    """
    fields = fields_of(headers, body, "application/x-www-form-urlencoded")
    check_names("fields", fields, {"grant_type", "assertion"})
    if fields["grant_type"] != "urn:ietf:params:oauth:grant-type:jwt-bearer":
        raise Refused("the grant is another one")
    if jwt.get_unverified_header(fields["assertion"]) != {"alg": "RS256", "typ": "JWT", "kid": key_id}:
        raise Refused("the header is another one")
    claims = verified(fields["assertion"], key, "RS256", URL, now)
    check_names("claims", claims, {"iss", "scope", "aud", "exp", "iat"}, {"sub", "jti"})
    if claims["iss"] != account or claims["exp"] > claims["iat"] + _LONGEST:
        raise Refused("the account or the expiry is another one")
