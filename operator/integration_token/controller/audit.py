"""The audit log: one line for each token that an endpoint issued, with nothing that would identify the token's text.

There is one type of event. It says which resource requested what with which credentials, and how long the token is
valid. It contains no digest of a token, and nothing from which one could be guessed.
"""

from integration_token.api.endpoint import Endpoint
from integration_token.api.integration import Integration
from integration_token.api.token import StoredToken, stored_revision
from integration_token.telemetry.logs import get_logger

log = get_logger(__name__)

EVENT = "TokenIssued"
"""The marker that log collectors filter by."""


class AuditLog:
    """Writes the lines."""

    def __init__(self, *, token_ids: bool) -> None:
        """`token_ids`: also log the `jti` of a JWT (RFC 7519, 4.1.7), which at some servers is the key to an opaque
        token, or the token itself."""
        self._token_ids = token_ids

    def on_issue(self, integration: Integration, endpoint: Endpoint, issued: StoredToken) -> None:
        """The endpoint returned a token that is new to the resource."""
        token = issued.token
        proof: dict[str, object] = {}
        if integration.credentials:
            _, version = stored_revision(issued.identity.credentials_revision)
            proof |= {"credentials_secret": integration.credentials, "credentials_resource_version": version}
        if integration.service_account:
            proof["service_account"] = integration.service_account
        log.info(
            "token issued",
            event=EVENT,
            namespace=integration.namespace,
            name=integration.name,
            endpoint_kind=endpoint.ref.kind,
            endpoint_name=endpoint.ref.name,
            **proof,
            scopes=list(integration.scopes if token.scope is None else token.scope),
            lifetime_seconds=int(token.lifetime),
            **({"jti": token.token_id} if self._token_ids and token.token_id else {}),
        )
