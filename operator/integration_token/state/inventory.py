"""All resources and what they refer to.

All of it can be lost: a restart reads it from the API again.
"""

from collections import defaultdict
from collections.abc import Callable, Iterable

from integration_token.api.condition import Told
from integration_token.api.endpoint import Endpoint, EndpointRef
from integration_token.api.integration import Integration, parse_integration
from integration_token.api.size import fits
from integration_token.clock import Clock
from integration_token.errors import UserActionRequired
from integration_token.state.figures import figures_of
from integration_token.state.packed import unpack
from integration_token.state.resource import ACCOUNT, Reference, ReferencedObjects, ResourceState
from integration_token.telemetry.figures import EndpointFigures, TokenFigures
from integration_token.workqueue.key import Key, token_key

_LABELS = 4096
"""Bytes of a namespace's labels that are kept."""


class Inventory:
    """All resources by key, and by what they refer to.

    At most 8 KiB are kept of any object, whatever its size. Larger ones are read again when needed.
    """

    def __init__(
        self,
        clock: Clock,
        endpoint_gone: Callable[[EndpointRef], None] = lambda _: None,
        namespace_empty: Callable[[str], None] = lambda _: None,
    ) -> None:
        """`endpoint_gone` is called when an endpoint was deleted, `namespace_empty` with a namespace when its last
        IntegrationToken was."""
        self.resources: dict[Key, ResourceState] = {}
        self.endpoints: dict[EndpointRef, Endpoint] = {}
        """As last received from the watch, or read since; without those that are too large."""
        self.confirmed: dict[EndpointRef, float] = {}
        """When each was last known to exist, by CLOCK_BOOTTIME."""
        self.namespace_labels: dict[str, dict[str, str]] = {}
        self.labels_confirmed: dict[str, float] = {}
        """The same as for endpoints."""
        self._clock = clock
        self._endpoint_gone = endpoint_gone
        self._namespace_empty = namespace_empty
        self._versions: dict[EndpointRef, tuple[str, int]] = {}
        self._endpoints_told: dict[EndpointRef, Told] = {}
        self._referring: defaultdict[Reference, set[Key]] = defaultdict(set)
        self._namespaces: defaultdict[str, set[Key]] = defaultdict(set)

    def knows(self, key: Key, uid: str, generation: int, renew_request: str) -> bool:
        """Whether the resource's references have been recorded."""
        state = self.resources.get(key)
        return state is not None and (state.uid, state.generation, state.renew_request) == (
            uid, generation, renew_request
        )  # fmt: skip

    def observe(self, integration: Integration) -> tuple[Key, bool]:
        """Records a resource from the watch: returns its key, and whether it asks for anything new."""
        key = token_key(integration.namespace, integration.name)
        state = self.resources.get(key)
        if self.knows(key, integration.uid, integration.generation, integration.renew_request):
            return key, False
        if state is None or state.uid != integration.uid:
            state = self._begin(key, integration.uid)
        state.packed = b""
        self.put_back(state, integration)
        self.refer(key, state, integration)
        return key, True

    def observe_unread(
        self, namespace: str, name: str, uid: str, generation: int, renew_request: str
    ) -> tuple[Key, bool]:
        """Records a resource that is too large to keep: returns its key, and whether it asks for anything new."""
        key = token_key(namespace, name)
        if self.knows(key, uid, generation, renew_request):
            return key, False
        state = self.resources.get(key)
        if state is None or state.uid != uid:
            state = self._begin(key, uid)
        state.fresh, state.packed, state.is_unseen = None, b"", True
        state.generation, state.renew_request = generation, renew_request
        return key, True

    def observe_unreadable(self, namespace: str, name: str, uid: str, generation: int) -> tuple[Key, bool]:
        """Records a resource whose spec cannot be read: returns its key, and whether that is new."""
        key = token_key(namespace, name)
        state = self.resources.get(key)
        if state is not None and (state.uid, state.generation) == (uid, generation):
            return key, False
        self._begin(key, uid).generation = generation
        return key, True

    def keep(self, key: Key, packed: bytes) -> None:
        """Keeps a resource as the watch just reported it, unless its spec can't be read."""
        state = self.resources[key]
        if state.references is not None:
            state.fresh, state.packed = None, packed

    def let_go(self, key: Key) -> None:
        """The resource is about to change: it must be read until the watch reports it again."""
        state = self.resources.get(key)
        if state is not None:
            state.fresh, state.packed = None, b""

    def let_all_go(self, namespace: str) -> bool:
        """The same for all resources of a namespace, or with an empty name for all: returns whether there are any."""
        keys = self._namespaces.get(namespace, ()) if namespace else self.resources
        for key in keys:
            self.let_go(key)
        return bool(keys)

    @staticmethod
    def take(state: ResourceState) -> Integration | None:
        """The resource as the watch last reported it; None if it must be read, perhaps since a pass has read a later
        state of it."""
        fresh, state.fresh, state.is_unseen = state.fresh, None, False
        try:
            found = fresh or (parse_integration(unpack(state.packed)) if state.packed else None)
        except UserActionRequired:
            return None
        if found is None or (found.generation, found.renew_request) != (state.generation, state.renew_request):
            return None
        return found

    @staticmethod
    def put_back(state: ResourceState, integration: Integration) -> None:
        """Keeps the resource for the next pass, which is to work on it."""
        state.fresh = integration if integration.small and not state.packed else None
        state.is_unseen = True

    def refer(self, key: Key, state: ResourceState, integration: Integration) -> None:
        """Records what the resource refers to by its current spec."""
        references = ReferencedObjects(
            _credentials_reference(integration),
            _secret_reference(integration.namespace, integration.target),
            _endpoint_reference(integration.endpoint),
        )
        self._unrefer(key, state)
        for reference in references:
            self._referring[reference].add(key)
        state.references = references
        state.endpoint = integration.endpoint
        state.generation, state.renew_request = integration.generation, integration.renew_request

    def forget(self, key: Key, uid: str) -> bool:
        """The resource with that UID is gone: returns whether it was known, and not replaced by another one of its
        name."""
        state = self.resources.get(key)
        if state is None or state.uid != uid:
            return False
        del self.resources[key]
        self._unrefer(key, state)
        keys = self._namespaces[key.namespace]
        keys.discard(key)
        if not keys:
            del self._namespaces[key.namespace]
            self._namespace_empty(key.namespace)
        return True

    def keep_endpoint(self, endpoint: Endpoint) -> None:
        """Records an endpoint."""
        ref = endpoint.ref
        kept = endpoint.kept
        if kept is None:
            self.endpoints.pop(ref, None)
            self.confirmed.pop(ref, None)
        else:
            self.endpoints[ref] = kept
            self.confirmed[ref] = self._clock.now().boot
        self._versions[ref] = endpoint.uid, endpoint.generation

    def keep_endpoint_version(self, ref: EndpointRef, uid: str, generation: int) -> None:
        """Records an endpoint that must be read when needed: it is too large, or unreadable."""
        self.confirmed.pop(ref, None)
        self.endpoints.pop(ref, None)
        self._versions[ref] = uid, generation

    def forget_endpoint(self, ref: EndpointRef) -> None:
        """The endpoint is gone."""
        self.confirmed.pop(ref, None)
        self.endpoints.pop(ref, None)
        self._endpoints_told.pop(ref, None)
        if self._versions.pop(ref, None) is not None:
            self._endpoint_gone(ref)

    def endpoint_version(self, ref: EndpointRef) -> tuple[str, int] | None:
        """UID and generation of a known endpoint, even one that is too large to keep."""
        return self._versions.get(ref)

    def endpoint_versions(self) -> Iterable[tuple[EndpointRef, str]]:
        """All known endpoints with their UIDs."""
        return ((ref, uid) for ref, (uid, _) in self._versions.items())

    def has_namespace(self, namespace: str) -> bool:
        """Whether the namespace has an IntegrationToken."""
        return namespace in self._namespaces

    def keep_labels(self, namespace: str, labels: dict[str, str]) -> None:
        """Records a namespace's labels."""
        self.forget_labels(namespace)
        if fits((labels,), _LABELS):
            self.namespace_labels[namespace] = labels
            self.labels_confirmed[namespace] = self._clock.now().boot

    def forget_labels(self, namespace: str) -> None:
        """The namespace is gone, or its labels must be read when needed."""
        self.namespace_labels.pop(namespace, None)
        self.labels_confirmed.pop(namespace, None)

    def of_secret(self, namespace: str, name: str) -> Iterable[Key]:
        """The resources with the Secret as credentials or as target."""
        return tuple(self._referring.get(_secret_reference(namespace, name), ()))

    def of_endpoint(self, ref: EndpointRef) -> Iterable[Key]:
        """The resources that refer to the endpoint."""
        return tuple(self._referring.get(_endpoint_reference(ref), ()))

    def of_namespace(self, namespace: str) -> Iterable[Key]:
        """The resources of a namespace whose endpoint may select namespaces."""
        found = ((key, self.resources[key].endpoint) for key in self._namespaces.get(namespace, ()))
        return tuple(key for key, endpoint in found if endpoint and endpoint.kind.selects_namespaces)

    def keep_told(self, key: Key, told: Told) -> None:
        """Records the conditions in a resource's status."""
        state = self.resources.get(key)
        if state is not None:
            state.told = told

    def keep_endpoint_told(self, ref: EndpointRef, told: Told) -> None:
        """Records the conditions in an endpoint's status."""
        if ref in self._versions:
            self._endpoints_told[ref] = told

    def token_figures(self) -> Iterable[TokenFigures]:
        """The metrics of each IntegrationToken."""
        return (figures_of(key, state) for key, state in self.resources.items())

    def endpoint_figures(self) -> Iterable[EndpointFigures]:
        """The metrics of each endpoint."""
        return (
            EndpointFigures(
                ref, self._endpoints_told.get(ref, ()), len(self._referring.get(_endpoint_reference(ref), ()))
            )
            for ref in self._versions
        )

    def _begin(self, key: Key, uid: str) -> ResourceState:
        """A resource about which nothing is known yet, replacing any earlier one of its name."""
        self._namespaces[key.namespace].add(key)
        before = self.resources.pop(key, None)
        if before is not None:
            self._unrefer(key, before)
        state = self.resources[key] = ResourceState(uid)
        return state

    def _unrefer(self, key: Key, state: ResourceState) -> None:
        for reference in state.references or ():
            keys = self._referring.get(reference)
            if keys is not None:
                keys.discard(key)
                if not keys:
                    del self._referring[reference]


def _credentials_reference(integration: Integration) -> Reference:
    if not integration.credentials:
        return ACCOUNT, integration.namespace, integration.service_account
    return _secret_reference(integration.namespace, integration.credentials)


def _secret_reference(namespace: str, name: str) -> Reference:
    return ("Secret", namespace, name)


def _endpoint_reference(ref: EndpointRef) -> Reference:
    return (ref.kind, ref.namespace, ref.name)
