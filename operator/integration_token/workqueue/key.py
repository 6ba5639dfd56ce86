"""What is worked on: the keys of all kinds of work."""

from typing import Final, NamedTuple

from integration_token.api.endpoint import EndpointKind, EndpointRef

TOKEN_WORK: Final = "token"
"""Work on an IntegrationToken; the key's namespace and name are its own."""

ENDPOINT_WORK: Final = "endpoint"
"""Work on an endpoint's status; the endpoint's kind follows, the key's namespace and name are the endpoint's own."""

QUEUE_WORK: Final = "queue"
"""Work on an endpoint's queue; as with its status."""


class Key(NamedTuple):
    """What to work on."""

    work: str
    namespace: str
    name: str

    @property
    def kind(self) -> str:
        """Which kind of work it is."""
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
    """The endpoint that an :func:`endpoint_key` or a :func:`queue_key` stands for."""
    return EndpointRef(EndpointKind(key.work.partition(":")[2]), key.namespace, key.name)
