"""The API path of each kind of object, and the type of an object."""

from dataclasses import dataclass
from typing import Any

from integration_token.api.endpoint import EndpointKind
from integration_token.api.names import (
    CLUSTER_TOKEN_ENDPOINTS,
    GROUP,
    INTEGRATION_TOKENS,
    TOKEN_ENDPOINTS,
    VERSION,
)
from integration_token.api.value import is_name
from integration_token.errors import Denied

Object = dict[str, Any]
"""An object in the API's JSON."""


@dataclass(frozen=True, slots=True)
class Collection:
    """The API path of a kind of object."""

    prefix: str
    plural: str

    def path(self, namespace: str = "", name: str = "") -> str:
        """The path of the collection (across all namespaces without one), or of one object.

        :raises Denied: if the namespace or the name is not a valid name.
        """
        for text in filter(None, (namespace, name)):
            if not is_name(text):
                raise Denied(f"{text[:64]!r} is not a valid object name", status=422)
        parts = [self.prefix]
        if namespace:
            parts += ["namespaces", namespace]
        parts.append(self.plural)
        if name:
            parts.append(name)
        return "/".join(parts)


SECRETS = Collection("/api/v1", "secrets")
NAMESPACES = Collection("/api/v1", "namespaces")
EVENTS = Collection("/api/v1", "events")
SERVICE_ACCOUNTS = Collection("/api/v1", "serviceaccounts")
CONFIG_MAPS = Collection("/api/v1", "configmaps")
PODS = Collection("/api/v1", "pods")
LEASES = Collection("/apis/coordination.k8s.io/v1", "leases")
INTEGRATIONS = Collection(f"/apis/{GROUP}/{VERSION}", INTEGRATION_TOKENS)
ENDPOINTS = {
    EndpointKind.NAMESPACED: Collection(f"/apis/{GROUP}/{VERSION}", TOKEN_ENDPOINTS),
    EndpointKind.CLUSTER: Collection(f"/apis/{GROUP}/{VERSION}", CLUSTER_TOKEN_ENDPOINTS),
}
