"""Microsoft Entra ID: certificate credentials.

https://learn.microsoft.com/entra/identity-platform/certificate-credentials, read on 2026-11-28: PS256, `typ`, and the
certificate by `x5t#S256`; `exp` 5 to 10 minutes ahead at most, `jti` a GUID, `iss` and `sub` the client ID.
"""

import uuid
from collections.abc import Mapping
from typing import Any

import jwt

from tests.fakes.vendor.shape import Refused, check_names, fields_of, verified

_LONGEST = 600


def check(headers: Mapping[str, str], body: bytes, url: str, key: Any, thumbprint: str, now: float) -> None:
    """A request for a token of the v2.0 endpoint.

    :param url: the tenant's token URL, which is also whom the assertion is for.
    :param key: the certificate's public key.
    :raises Refused: if it is not as the page has it.
    """
    fields = fields_of(headers, body, "application/x-www-form-urlencoded")
    check_names("fields", fields, {"grant_type", "client_id", "scope", "client_assertion_type", "client_assertion"})
    if fields["grant_type"] != "client_credentials" or not fields["scope"].endswith("/.default"):
        raise Refused("the grant or the scope is another one")
    if fields["client_assertion_type"] != "urn:ietf:params:oauth:client-assertion-type:jwt-bearer":
        raise Refused("the assertion's type is another one")
    header = jwt.get_unverified_header(fields["client_assertion"])
    if header != {"alg": "PS256", "typ": "JWT", "x5t#S256": thumbprint}:
        raise Refused("the header is another one")
    claims = verified(fields["client_assertion"], key, "PS256", url, now)
    check_names("claims", claims, {"aud", "exp", "iss", "jti", "sub", "iat"}, {"nbf"})
    uuid.UUID(claims["jti"])
    if not claims["iss"] == claims["sub"] == fields["client_id"] or claims["exp"] > now + _LONGEST:
        raise Refused("the client ID or the expiry is another one")
