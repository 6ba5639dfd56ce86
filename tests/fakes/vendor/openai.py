"""OpenAI: workload identity token exchange.

https://developers.openai.com/api/reference/workload-identity-federation, read on 2026-11-28: a JSON body of RFC 8693's
grant with two IDs, and no other field.
"""

from collections.abc import Mapping
from typing import Any

from tests.fakes.vendor.shape import Refused, check_names, fields_of, verified

_TYPES = frozenset({"urn:ietf:params:oauth:token-type:jwt", "urn:ietf:params:oauth:token-type:id_token"})


def check(headers: Mapping[str, str], body: bytes, key: Any, audience: str, now: float) -> None:
    """Checks a token request.

    :param key: the public key of the cluster's issuer.
    :param audience: the audience in the identity provider's settings.
    :raises Refused: if it differs from the page.
    """
    fields = fields_of(headers, body, "application/json")
    required = {"grant_type", "subject_token_type", "subject_token", "identity_provider_id", "service_account_id"}
    check_names("fields", fields, required)
    if fields["grant_type"] != "urn:ietf:params:oauth:grant-type:token-exchange":
        raise Refused("the grant is another one")
    if fields["subject_token_type"] not in _TYPES or "Authorization" in headers:
        raise Refused("the token's type is another one, or there is a header that the page doesn't have")
    verified(fields["subject_token"], key, "ES256", audience, now)
