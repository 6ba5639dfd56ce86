"""OpenRouter: exchange of a workload's identity token.

https://openrouter.ai/docs/api/api-reference/oauth/exchange-a-workload-identity-token, read on 2026-11-28: a form of
RFC 8693's grant with the policy's ID.
"""

from collections.abc import Mapping
from typing import Any

from tests.fakes.vendor.shape import Refused, check_names, fields_of, verified

_VALUES = {
    "grant_type": "urn:ietf:params:oauth:grant-type:token-exchange",
    "subject_token_type": "urn:ietf:params:oauth:token-type:jwt",
    "requested_token_type": "urn:ietf:params:oauth:token-type:access_token",
    "scope": "inference",
}
"""The only value allowed for each of these."""


def check(headers: Mapping[str, str], body: bytes, key: Any, audience: str, now: float) -> None:
    """Checks a token request.

    :param key: the public key of the cluster's issuer.
    :param audience: the audience that the policy requires.
    :raises Refused: if it differs from the page.
    """
    fields = fields_of(headers, body, "application/x-www-form-urlencoded")
    required = {"federation_policy_id", "grant_type", "subject_token", "subject_token_type"}
    check_names("fields", fields, required, {"requested_token_type", "scope"})
    if any(fields.get(name, value) != value for name, value in _VALUES.items()):
        raise Refused("a field has another value")
    verified(fields["subject_token"], key, "ES256", audience, now)
