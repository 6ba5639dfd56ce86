"""Minimal resources, and changes to them."""

from typing import Any

from tests.chart.rendering import Document

GROUP_VERSION = "integrationtoken.dev/v1alpha1"
NAMESPACE = "default"
CA = "-----BEGIN CERTIFICATE-----\nMIIB\n-----END CERTIFICATE-----\n"


def token(name: str = "shop", **spec: Any) -> Document:
    """An IntegrationToken; `spec` replaces whole fields, and removes those that are None."""
    base = {"endpointRef": {"name": "grafx"}, "credentialsSecretRef": {"name": "shop-integration"}}
    return _resource("IntegrationToken", {"name": name, "namespace": NAMESPACE}, base | spec)


def target(**target: Any) -> Document:
    """An IntegrationToken with this target."""
    return token(target=target)


def template_metadata(**metadata: Any) -> Document:
    """An IntegrationToken whose Secret has these labels or annotations."""
    return target(template={"metadata": metadata})


def endpoint(**spec: Any) -> Document:
    """A TokenEndpoint; `spec` works as for a token."""
    base = {"tokenURL": "https://login.example.com/oauth/token"}
    return _resource("TokenEndpoint", {"name": "grafx", "namespace": NAMESPACE}, base | spec)


def cluster_endpoint(**spec: Any) -> Document:
    """A ClusterTokenEndpoint; `spec` works as for a token."""
    return _resource("ClusterTokenEndpoint", {"name": "grafx"}, endpoint(**spec)["spec"])


def _resource(kind: str, metadata: dict[str, Any], spec: dict[str, Any]) -> Document:
    spec = {field: value for field, value in spec.items() if value is not None}
    return {"apiVersion": GROUP_VERSION, "kind": kind, "metadata": metadata, "spec": spec}


_WHOLE_ENDPOINT: dict[str, Any] = {
    "audience": "https://api.example.com",
    "requestEncoding": "Form",
    "clientAuthenticationMethod": "ClientSecretBasic",
    "basicEncoding": "None",
    "parameters": {"tenant": "1"},
    "repeatedParameters": {"resource": ["https://a.example.com", "https://b.example.com"]},
    "headers": {"X-Tenant": "1"},
    "headersFrom": {"X-Api-Key": "api_key"},
    "response": {
        "accessTokenPointer": "/data/token",
        "expiresInPointer": "/data/lifetime",
        "tokenType": "BearerToken",
    },
    "caBundle": CA,
    "timeout": "20s",
    "defaultLifetime": "1h30m",
    "maximumLifetime": "24h",
    "rolloverLead": "1h",
    "rateLimit": {"requestsPerMinute": 100000},
}

_EXCHANGE: dict[str, Any] = {
    "grant": "TokenExchange",
    "tokenExchange": {
        "subjectTokenType": "urn:ietf:params:oauth:token-type:id_token",
        "requestedTokenType": "urn:ietf:params:oauth:token-type:access_token",
    },
}
_ASSERTION: dict[str, Any] = {
    "grant": "JWTBearer",
    "assertion": {
        "audience": "https://login.example.com/",
        "lifetime": "5m",
        "signingAlgorithm": "PS256",
        "keyID": "1",
        "subject": "shop@example.com",
        "claims": {"target": "orders"},
    },
}

WHOLE = {
    "TokenEndpoint": [endpoint(**_WHOLE_ENDPOINT), endpoint(**_EXCHANGE), endpoint(**_ASSERTION)],
    "ClusterTokenEndpoint": [
        cluster_endpoint(
            **_WHOLE_ENDPOINT,
            namespaceSelector={
                "matchLabels": {"team": "shop"},
                "matchExpressions": [{"key": "a", "operator": "Exists"}],
            },
        ),
        cluster_endpoint(caBundleRef={"name": "authorities", "key": "bundle.pem"}),
        cluster_endpoint(**_EXCHANGE),
        cluster_endpoint(**_ASSERTION),
    ],
    "IntegrationToken": [
        token(
            endpointRef={"kind": "ClusterTokenEndpoint", "name": "grafx"},
            credentialsSecretRef={
                "name": "shop-integration",
                "clientIDKey": "id",
                "clientSecretKey": "secret",
                "privateKeyKey": "key",
                "certificateKey": "certificate",
                "jsonKey": "client.json",
            },
            serviceAccountRef={"name": "shop"},
            clientID="the-shop",
            audience="https://api.example.com",
            scopes=["read"],
            target={
                "name": "shop-token",
                "deletionPolicy": "Retain",
                "template": {
                    "type": "example.com/token",
                    "metadata": {"labels": {"a": "b"}, "annotations": {"c": "d"}},
                    "data": {"e": "${token}"},
                },
            },
            renewBefore="1h",
            consumerDelay="1m",
            mountRefresh="Always",
            suspend=True,
        ),
        token(renewBeforePercentage=30),
    ],
}
"""For each kind, resources that together set every field to a value other than its default."""
