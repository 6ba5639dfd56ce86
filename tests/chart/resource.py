"""Resources as small as they may be, and changes to them."""

from typing import Any

from tests.chart.rendering import Document

GROUP_VERSION = "integrationtoken.dev/v1alpha1"
NAMESPACE = "default"
CA = "-----BEGIN CERTIFICATE-----\nMIIB\n-----END CERTIFICATE-----\n"


def token(name: str = "shop", **spec: Any) -> Document:
    """An IntegrationToken; `spec` replaces whole fields, and leaves out those that are None."""
    base = {"endpointRef": {"name": "grafx"}, "credentialsSecretRef": {"name": "shop-integration"}}
    return _resource("IntegrationToken", {"name": name, "namespace": NAMESPACE}, base | spec)


def target(**target: Any) -> Document:
    """An IntegrationToken with this target."""
    return token(target=target)


def template_metadata(**metadata: Any) -> Document:
    """An IntegrationToken whose Secret has these labels or annotations."""
    return target(template={"metadata": metadata})


def endpoint(**spec: Any) -> Document:
    """A TokenEndpoint; `spec` as for a token."""
    base = {"tokenURL": "https://login.example.com/oauth/token"}
    return _resource("TokenEndpoint", {"name": "grafx", "namespace": NAMESPACE}, base | spec)


def cluster_endpoint(**spec: Any) -> Document:
    """A ClusterTokenEndpoint; `spec` as for a token."""
    return _resource("ClusterTokenEndpoint", {"name": "grafx"}, endpoint(**spec)["spec"])


def _resource(kind: str, metadata: dict[str, Any], spec: dict[str, Any]) -> Document:
    spec = {field: value for field, value in spec.items() if value is not None}
    return {"apiVersion": GROUP_VERSION, "kind": kind, "metadata": metadata, "spec": spec}


_WHOLE_ENDPOINT: dict[str, Any] = {
    "audience": "https://api.example.com",
    "requestEncoding": "Form",
    "clientAuthenticationMethod": "ClientSecretBasic",
    "parameters": {"tenant": "1"},
    "response": {"tokenType": "BearerToken"},
    "caBundle": CA,
    "timeout": "20s",
    "defaultLifetime": "1h30m",
    "maximumLifetime": "24h",
    "rolloverLead": "1h",
    "rateLimit": {"requestsPerMinute": 100000},
}

WHOLE = {
    "TokenEndpoint": [endpoint(**_WHOLE_ENDPOINT)],
    "ClusterTokenEndpoint": [
        cluster_endpoint(
            **_WHOLE_ENDPOINT,
            namespaceSelector={
                "matchLabels": {"team": "shop"},
                "matchExpressions": [{"key": "a", "operator": "Exists"}],
            },
        ),
        cluster_endpoint(caBundleRef={"name": "authorities", "key": "bundle.pem"}),
    ],
    "IntegrationToken": [
        token(
            endpointRef={"kind": "ClusterTokenEndpoint", "name": "grafx"},
            credentialsSecretRef={"name": "shop-integration", "clientIDKey": "id", "clientSecretKey": "secret"},
            audience="https://api.example.com",
            scopes=["read"],
            target={
                "name": "shop-token",
                "deletionPolicy": "Retain",
                "template": {"metadata": {"labels": {"a": "b"}, "annotations": {"c": "d"}}, "data": {"e": "${token}"}},
            },
            renewBefore="1h",
            mountRefresh="Always",
            suspend=True,
        ),
        token(renewBeforePercentage=30),
    ],
}
"""Of each kind resources that together have every field, each with another value than its default."""
