"""Google Cloud: a workload's identity token exchanged at the Security Token Service.

https://cloud.google.com/iam/docs/reference/sts/rest/v1/TopLevel/token, read on 2026-11-28: RFC 8693's grant with the
provider's full resource name as audience, a scope and the requested type, and no Authorization header. The field names
are those of RFC 8693 in a form, as Google's own libraries send them; the token uses RS256 or ES256, names its key, and
was issued in the past.
"""

from collections.abc import Mapping
from typing import Any

import jwt

from tests.fakes.vendor.shape import Refused, check_names, fields_of, verified

_GRANT = "urn:ietf:params:oauth:grant-type:token-exchange"
_REQUESTED = "urn:ietf:params:oauth:token-type:access_token"
_TYPES = frozenset({"urn:ietf:params:oauth:token-type:jwt", "urn:ietf:params:oauth:token-type:id_token"})
_LONGEST = 48 * 3600


def check(headers: Mapping[str, str], body: bytes, key: Any, provider: str, now: float) -> None:
    """Checks a token request.

    :param key: the public key of the cluster's issuer.
    :param provider: the identity provider's full resource name: by default a token is for that, prefixed with `https:`.
    :raises Refused: if it differs from the page.
    """
    fields = fields_of(headers, body, "application/x-www-form-urlencoded")
    required = {"grant_type", "audience", "scope", "requested_token_type", "subject_token", "subject_token_type"}
    check_names("fields", fields, required)
    if (fields["grant_type"], fields["requested_token_type"]) != (_GRANT, _REQUESTED):
        raise Refused("the grant or the requested type is another one")
    if fields["audience"] != provider or fields["subject_token_type"] not in _TYPES or "Authorization" in headers:
        raise Refused("the provider or the token's type is another one, or there is a header that the page forbids")
    header = jwt.get_unverified_header(fields["subject_token"])
    if header["alg"] not in {"RS256", "ES256"} or not header.get("kid"):
        raise Refused("the token's algorithm is another one, or it names no key")
    claims = verified(fields["subject_token"], key, header["alg"], f"https:{provider}", now)
    if not claims.get("sub") or claims["exp"] - claims["iat"] >= _LONGEST:
        raise Refused("the token is about nobody, or lives too long")
