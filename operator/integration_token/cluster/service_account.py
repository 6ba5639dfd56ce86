"""ServiceAccounts whose tokens are sent to token endpoints: what is known of an account, and what its token says. Pure.

Tokens are read but not verified here: they come from the API server itself.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

from integration_token.api.jwt import claims_of
from integration_token.api.names import ALLOWED_AUDIENCES_ANNOTATION, ALLOWED_HOSTS_ANNOTATION
from integration_token.cluster.collection import Object
from integration_token.cluster.connection import Access
from integration_token.cluster.page import MAX_ALLOWED_HOSTS

_API_SERVERS = frozenset(
    f"kubernetes{suffix}" for suffix in ("", ".default", ".default.svc", ".default.svc.cluster.local")
)
"""Hosts that mean the API server in most clusters, whatever our own token says."""


@dataclass(frozen=True, slots=True)
class AccountMetadata:
    """What is known of a ServiceAccount."""

    uid: str
    allowed_hosts: str
    """As annotated; empty without a list, or if it is too long."""
    allowed_audiences: str
    """The same for audiences."""


@dataclass(frozen=True, slots=True)
class OwnIdentity:
    """What must never be given away: the operator's own account, and identities in its own cluster."""

    account: str
    """Its user name; empty if the operator does not authenticate with a token."""
    audiences: frozenset[str]
    """The audiences of its token, the token's issuer, and the API server's address."""

    def is_account(self, namespace: str, name: str) -> bool:
        """Whether that ServiceAccount is the operator's."""
        return self.account == user_name(namespace, name)

    def means_api_server(self, audience: str) -> bool:
        """Whether the API server, or one like it, may accept a token for that audience as a user's."""
        if not audience.strip():
            return True
        place = _place(audience)
        return place.partition(":")[0] in _API_SERVERS or place in self.audiences


def account_metadata(account: Object) -> AccountMetadata:
    """What is known of a ServiceAccount, from its metadata in the API's JSON."""
    metadata = account["metadata"]
    annotations = metadata.get("annotations") or {}
    hosts, audiences = (annotations.get(each, "") for each in (ALLOWED_HOSTS_ANNOTATION, ALLOWED_AUDIENCES_ANNOTATION))
    return AccountMetadata(
        uid=metadata["uid"],
        allowed_hosts="" if len(hosts) > MAX_ALLOWED_HOSTS else hosts,
        allowed_audiences="" if len(audiences) > MAX_ALLOWED_HOSTS else audiences,
    )


def own_identity(access: Access) -> OwnIdentity:
    """Our identity at the API server."""
    claims = claims_of(access.token or "") or {}
    audiences = (*_audiences(claims), str(claims.get("iss", "")), access.server)
    return OwnIdentity(str(claims.get("sub", "")), frozenset(_place(each) for each in audiences if each))


def user_name(namespace: str, account: str) -> str:
    """The user name of a ServiceAccount at the API server."""
    return f"system:serviceaccount:{namespace}:{account}"


def unlike_asked(token: str, namespace: str, account: str, uid: str, audience: str) -> str:
    """How a token differs from the one that was asked for; empty if it does not.

    :param uid: the account's.
    """
    claims = claims_of(token)
    if not claims:
        return "a token that cannot be parsed"
    if claims.get("sub") != user_name(namespace, account):
        return "a token of another account"
    kubernetes = claims.get("kubernetes.io")
    bound = kubernetes.get("serviceaccount") if isinstance(kubernetes, dict) else None
    if not isinstance(bound, dict) or bound.get("uid") != uid:
        return "a token of another account with that name"
    return "" if _audiences(claims) == (audience,) else "a token for other audiences"


def is_for_its_issuer(token: str) -> bool:
    """Whether its issuer is among its audiences: that is the API server's default audience, and the only way for an
    operator that authenticates with a certificate to learn it."""
    claims = claims_of(token) or {}
    return _place(str(claims.get("iss", ""))) in map(_place, _audiences(claims))


def _audiences(claims: Mapping[str, Any]) -> tuple[str, ...]:
    audiences = claims.get("aud") or ()
    return (audiences,) if isinstance(audiences, str) else tuple(map(str, audiences))


def _place(audience: str) -> str:
    """An audience in comparable form: for a URL only host, port and path, since no two clusters differ in the rest."""
    text = audience.strip()
    try:
        parts = urlsplit(text)
        port = {"https": 443, "http": 80}.get(parts.scheme) if parts.port is None else parts.port
    except ValueError:
        return text
    if not parts.netloc:
        return text.rstrip("/")
    return f"{parts.hostname or ''}:{port}{parts.path.rstrip('/')}"
