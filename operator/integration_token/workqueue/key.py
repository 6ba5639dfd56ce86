"""The keys of all kinds of work."""

from typing import Final, NamedTuple

from integration_token.api.endpoint import EndpointKind, EndpointRef

TOKEN_WORK: Final = "token"
"""Work on an IntegrationToken; the key's namespace and name are those of the resource."""

ENDPOINT_WORK: Final = "endpoint"
"""Work on an endpoint's status; followed by the endpoint's kind. The key's namespace and name are those of the
endpoint."""

QUEUE_WORK: Final = "queue"
"""Work on an endpoint's queue; otherwise like its status."""


class Key(NamedTuple):
    """A piece of work."""

    work: str
    namespace: str
    name: str

    @property
    def kind(self) -> str:
        """The kind of work."""
        return self.work.partition(":")[0]


def token_key(namespace: str, name: str) -> Key:
    """The key of an IntegrationToken."""
    return Key(TOKEN_WORK, namespace, name)


def endpoint_key(ref: EndpointRef) -> Key:
    """The key of an endpoint's status."""
    return Key(f"{ENDPOINT_WORK}:{ref.kind}", ref.namespace, ref.name)


def queue_key(ref: EndpointRef) -> Key:
    """The key of an endpoint's queue."""
    return Key(f"{QUEUE_WORK}:{ref.kind}", ref.namespace, ref.name)


def endpoint_of(key: Key) -> EndpointRef:
    """The endpoint that an :func:`endpoint_key` or a :func:`queue_key` refers to."""
    return EndpointRef(EndpointKind(key.work.partition(":")[2]), key.namespace, key.name)
