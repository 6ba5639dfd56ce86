"""Microsoft Entra ID: client credentials with a certificate, or with another issuer's token.

https://learn.microsoft.com/entra/identity-platform/certificate-credentials, read on 2026-11-28: PS256, `typ`, and the
certificate by `x5t#S256`; `exp` at most 5 to 10 minutes ahead, `jti` a GUID, `iss` and `sub` the client ID.

https://learn.microsoft.com/entra/identity-platform/v2-oauth2-client-creds-grant-flow, its third case, read on
2026-11-28, as implemented by libraries that follow it: the same request, with the other issuer's token as the
assertion.
"""

import uuid
from collections.abc import Mapping
from typing import Any, Final

import jwt

from tests.fakes.vendor.shape import Refused, check_names, fields_of, verified

AUDIENCE: Final = "api://AzureADTokenExchange"
"""The audience of a federated credential, as Microsoft recommends it."""
_LONGEST = 600


def check(headers: Mapping[str, str], body: bytes, url: str, key: Any, thumbprint: str, now: float) -> None:
    """Checks a request to the v2.0 token endpoint with a certificate.

    :param url: the tenant's token URL, which is also the assertion's audience.
    :param key: the certificate's public key.
    :raises Refused: if it differs from the page.
    """
    fields = _fields(headers, body)
    header = jwt.get_unverified_header(fields["client_assertion"])
    if header != {"alg": "PS256", "typ": "JWT", "x5t#S256": thumbprint}:
        raise Refused("the header is another one")
    claims = verified(fields["client_assertion"], key, "PS256", url, now)
    check_names("claims", claims, {"aud", "exp", "iss", "jti", "sub", "iat"}, {"nbf"})
    _check_guid(claims["jti"])
    if not claims["iss"] == claims["sub"] == fields["client_id"] or claims["exp"] > now + _LONGEST:
        raise Refused("the client ID or the expiry is another one")


def check_federated(headers: Mapping[str, str], body: bytes, key: Any, subject: str, now: float) -> None:
    """The same with a token of the cluster's.

    :param key: the public key of the cluster's issuer.
    :param subject: that of the application's federated credential.
    :raises Refused: if it differs from the page.
    """
    fields = _fields(headers, body)
    _check_guid(fields["client_id"])
    if verified(fields["client_assertion"], key, "ES256", AUDIENCE, now).get("sub") != subject:
        raise Refused("the token is about another one")


def _fields(headers: Mapping[str, str], body: bytes) -> dict[str, str]:
    fields = fields_of(headers, body, "application/x-www-form-urlencoded")
    check_names("fields", fields, {"grant_type", "client_id", "scope", "client_assertion_type", "client_assertion"})
    if fields["grant_type"] != "client_credentials" or not fields["scope"].endswith("/.default"):
        raise Refused("the grant or the scope is another one")
    if fields["client_assertion_type"] != "urn:ietf:params:oauth:client-assertion-type:jwt-bearer":
        raise Refused("the assertion's type is another one")
    return fields


def _check_guid(text: str) -> None:
    try:
        uuid.UUID(text)
    except ValueError:
        raise Refused("an ID is no GUID") from None
