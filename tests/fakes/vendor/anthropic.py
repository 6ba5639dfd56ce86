"""Anthropic: workload identity federation.

https://platform.claude.com/docs/manage-claude/wif-reference, read on 2026-11-28: a JSON body with RFC 7523's grant,
three IDs, and a fourth if a rule is enabled for several workspaces.
"""

from collections.abc import Mapping
from typing import Any

from tests.fakes.vendor.shape import Refused, check_names, fields_of, verified

_BEGINS = {"federation_rule_id": "fdrl_", "service_account_id": "svac_"}


def check(headers: Mapping[str, str], body: bytes, key: Any, audience: str, now: float) -> None:
    """Checks a token request.

    :param key: the public key of the cluster's issuer.
    :param audience: the audience that the federation rule requires.
    :raises Refused: if it differs from the page.
    """
    fields = fields_of(headers, body, "application/json")
    required = {"grant_type", "assertion", "federation_rule_id", "organization_id", "service_account_id"}
    check_names("fields", fields, required, {"workspace_id"})
    if fields["grant_type"] != "urn:ietf:params:oauth:grant-type:jwt-bearer":
        raise Refused("the grant is another one")
    if "Authorization" in headers or not all(fields[name].startswith(begin) for name, begin in _BEGINS.items()):
        raise Refused("an ID is none, or there is a header that the page doesn't have")
    verified(fields["assertion"], key, "ES256", audience, now)
