"""The bench's objects. All of a resource's objects are named after it, and so is its client at the endpoint."""

from typing import Any, Final

from tests.fakes.process import derived_secret

API_VERSION: Final = "integrationtoken.dev/v1alpha1"
NAMESPACE: Final = "bench"
TARGET: Final = "-token"
"""The suffix of a target Secret's name."""

Object = dict[str, Any]


def names(kind: str, count: int) -> list[str]:
    """The names of this many resources; the endpoint knows clients whose ID begins with `bench-`."""
    return [f"bench-{kind}-{number:05}" for number in range(count)]


def resource_of(name: str) -> str:
    """The resource that an object belongs to, by its name."""
    return name.removesuffix(TARGET)


def endpoint(name: str, url: str, audience: str) -> Object:
    """A token endpoint without queueing."""
    return {
        "apiVersion": API_VERSION,
        "kind": "ClusterTokenEndpoint",
        "metadata": {"name": name},
        "spec": {"tokenURL": url, "audience": audience, "rateLimit": {"requestsPerMinute": 60_000}},
    }


def credentials(name: str, secret: str | None = None) -> Object:
    """A resource's credentials, with the right secret unless another is given."""
    return {
        "apiVersion": "v1",
        "kind": "Secret",
        "metadata": {"name": name, "namespace": NAMESPACE, "labels": {"integrationtoken.dev/credentials": "true"}},
        "stringData": {"client_id": name, "client_secret": secret or derived_secret(name)},
    }


def token(name: str, endpoint_name: str, **spec: object) -> Object:
    """A resource; `spec` adds to the usual fields."""
    return {
        "apiVersion": API_VERSION,
        "kind": "IntegrationToken",
        "metadata": {"name": name, "namespace": NAMESPACE},
        "spec": {
            "endpointRef": {"kind": "ClusterTokenEndpoint", "name": endpoint_name},
            "credentialsSecretRef": {"name": name},
            "target": {"name": name + TARGET},
            **spec,
        },
    }


def moved(body: Object, namespace: str) -> Object:
    """The same in another namespace."""
    return {**body, "metadata": {**body["metadata"], "namespace": namespace}}
