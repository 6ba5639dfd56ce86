"""What the operator remembers of each resource between two looks at it: references, plans and failures, no token.

All of it can be lost: a restart reads it from the API again.
"""

from collections import defaultdict
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field

from integration_token.api.endpoint import Endpoint, EndpointKind, EndpointRef
from integration_token.api.integration import Integration
from integration_token.api.size import fits
from integration_token.clock import Instant
from integration_token.renewal.rollover import Rollover
from integration_token.state.failure import NONE, NOTHING, FailureState, Repairs, Revisions
from integration_token.state.grant import GrantState
from integration_token.workqueue.key import Key, token_key

_LABELS = 4096
"""Bytes of a namespace's labels that are kept."""


@dataclass(slots=True)
class ResourceState:
    """One IntegrationToken. Times are wall times in seconds where they aren't Instants."""

    uid: str
    record: Integration | None
    """What the watch brought last, until it has been reconciled: then it's read again when it is needed. So is what is
    too large to be kept: see :meth:`keep`."""
    generation: int = 0
    renew_request: str = ""
    endpoint: EndpointRef | None = None
    references: tuple[tuple[str, str, str], ...] = ()

    settled: tuple[Revisions, str] | None = None
    """Revisions and target version at the end of the last reconcile that left nothing to do but wait."""
    due: Instant | None = None
    """When that wait ends."""

    anchor: Instant | None = None
    """When this process first saw the token that is held."""
    plan: tuple[float, float] = (0.0, 0.0)
    """Issue time and expiry of the token that is held, as stored: a change of them is another token."""
    expires: float = 0.0
    """Its expiry by the best that is known, which may be earlier than stored."""
    renews: float = 0.0
    """When its window opens."""
    poll_at: float = 0.0
    prior: Rollover | None = None
    """What is taken for known of the rollover before an answer has taught anything; None before it was looked up."""
    planned: Rollover | None = None
    """What was known of the rollover when the next poll was planned."""
    planned_at: Instant | None = None
    ready: bool = False
    untold: bool = False
    """A renewal has not been told by the status yet."""
    followed: float = 0.0
    """Issue time of the last token that pods were told of."""
    unfollowed: float = 0.0
    """Issue time of a token that they could not be told of, and are to be yet; 0 where there is none."""

    written: tuple[str, ...] = ()
    """The names under which this process may have written a target that is still there; the status tells one alone."""
    written_for: Revisions | None = None
    """What this process brought the target up to date for last."""
    handled_renew_request: str = ""
    """The wish for a renewal that this process followed last."""
    queued: Instant | None = None
    """Since when its request waits for its turn."""
    failing: FailureState = NOTHING
    """What stands in its way; written at the end of each pass, and there alone."""
    repairs: Repairs = NONE
    grant: GrantState = field(default_factory=GrantState)
    pace_told: bool = False
    """An event has told that the token lives too short for it."""

    def keep(self, integration: Integration) -> None:
        """Remembers the resource as it was read, for the next look, where it is small."""
        self.record = integration if integration.small else None

    def clock_set_back_by(self, now: Instant) -> float:
        """Seconds by which the wall clock was set back since the held token was first seen."""
        return 0.0 if self.anchor is None else self.anchor.read_at(now) - now.wall


class Inventory:
    """All resources by key, found again by what they refer to.

    Of no object more than 8 KiB are kept, whatever its size: what is larger is read again by who needs it.
    """

    def __init__(self) -> None:
        self.entries: dict[Key, ResourceState] = {}
        self.endpoints: dict[EndpointRef, Endpoint] = {}
        """As the watch brought them last, or somebody read them since; without those that are too large."""
        self.confirmed: dict[EndpointRef, float] = {}
        """Since when, by CLOCK_BOOTTIME, each is known to be there."""
        self.namespace_labels: dict[str, dict[str, str]] = {}
        self.labels_confirmed: dict[str, float] = {}
        """As for endpoints."""
        self.endpoint_gone: Callable[[EndpointRef], None] = lambda _: None
        """Called when an endpoint was deleted."""
        self.namespace_empty: Callable[[str], None] = lambda _: None
        """Called with a namespace when the last of its IntegrationTokens was deleted."""
        self._versions: dict[EndpointRef, tuple[str, int]] = {}
        self._referring: defaultdict[tuple[str, str, str], set[Key]] = defaultdict(set)
        self._namespaces: defaultdict[str, set[Key]] = defaultdict(set)

    def knows(self, key: Key, uid: str, generation: int, renew_request: str) -> bool:
        """Whether what a resource asks for was taken note of before."""
        entry = self.entries.get(key)
        return entry is not None and (entry.uid, entry.generation, entry.renew_request) == (
            uid, generation, renew_request
        )  # fmt: skip

    def observe(self, integration: Integration) -> tuple[Key, bool]:
        """Takes note of a resource as the watch brought it: its key, and whether it asks for anything new."""
        key = token_key(integration.namespace, integration.name)
        entry = self.entries.get(key)
        if self.knows(key, integration.uid, integration.generation, integration.renew_request):
            return key, False
        if entry is not None and entry.uid == integration.uid:
            self.refer(key, entry, integration)
            entry.keep(integration)
            entry.poll_at = 0.0  # the window may be another
            return key, True
        entry = self._begin(key, integration.uid)
        entry.keep(integration)
        self.refer(key, entry, integration)
        return key, True

    def observe_unread(
        self, namespace: str, name: str, uid: str, generation: int, renew_request: str
    ) -> tuple[Key, bool]:
        """Takes note of a resource that is too large to be looked at yet: its key, and whether it asks for anything
        new."""
        key = token_key(namespace, name)
        if self.knows(key, uid, generation, renew_request):
            return key, False
        entry = self.entries.get(key)
        if entry is None or entry.uid != uid:
            entry = self._begin(key, uid)
        entry.record, entry.poll_at = None, 0.0
        entry.generation, entry.renew_request = generation, renew_request
        return key, True

    def observe_unreadable(self, namespace: str, name: str, uid: str, generation: int) -> tuple[Key, bool]:
        """Takes note of a resource whose spec cannot be read: its key, and whether that is new."""
        key = token_key(namespace, name)
        entry = self.entries.get(key)
        if entry is not None and (entry.uid, entry.generation) == (uid, generation):
            return key, False
        self._begin(key, uid).generation = generation
        return key, True

    def refer(self, key: Key, entry: ResourceState, integration: Integration) -> None:
        """Notes what the resource refers to as it is specified now."""
        references = (
            _secret_reference(integration.namespace, integration.credentials),
            _secret_reference(integration.namespace, integration.target),
            _endpoint_reference(integration.endpoint),
        )
        self._unrefer(key, entry)
        for reference in references:
            self._referring[reference].add(key)
        entry.references = references
        entry.endpoint = integration.endpoint
        entry.generation, entry.renew_request = integration.generation, integration.renew_request

    def forget(self, key: Key) -> None:
        """The resource is gone."""
        entry = self.entries.pop(key, None)
        if entry is None:
            return
        self._unrefer(key, entry)
        keys = self._namespaces[key.namespace]
        keys.discard(key)
        if not keys:
            del self._namespaces[key.namespace]
            self.namespace_empty(key.namespace)

    def keep_endpoint(self, endpoint: Endpoint) -> None:
        """Takes note of an endpoint as it is now."""
        ref = endpoint.ref
        self.confirmed.pop(ref, None)
        kept = endpoint.kept
        if kept is None:
            self.endpoints.pop(ref, None)
        else:
            self.endpoints[ref] = kept
        self._versions[ref] = endpoint.uid, endpoint.generation

    def keep_endpoint_version(self, ref: EndpointRef, uid: str, generation: int) -> None:
        """Takes note of an endpoint that is to be read by who needs it: it is too large, or unreadable."""
        self.confirmed.pop(ref, None)
        self.endpoints.pop(ref, None)
        self._versions[ref] = uid, generation

    def forget_endpoint(self, ref: EndpointRef) -> None:
        """The endpoint is gone."""
        self.confirmed.pop(ref, None)
        self.endpoints.pop(ref, None)
        if self._versions.pop(ref, None) is not None:
            self.endpoint_gone(ref)

    def endpoint_version(self, ref: EndpointRef) -> tuple[str, int] | None:
        """UID and generation of an endpoint that is known, be it too large to be kept."""
        return self._versions.get(ref)

    def endpoint_versions(self) -> Iterable[tuple[EndpointRef, str]]:
        """All endpoints that are known, with their UIDs."""
        return ((ref, uid) for ref, (uid, _) in self._versions.items())

    def has_namespace(self, namespace: str) -> bool:
        """Whether it has an IntegrationToken."""
        return namespace in self._namespaces

    def keep_labels(self, namespace: str, labels: dict[str, str]) -> bool:
        """Takes note of a namespace's labels: whether they may be others than before."""
        if self.namespace_labels.get(namespace) == labels:
            return False
        self.forget_labels(namespace)
        if fits((labels,), _LABELS):
            self.namespace_labels[namespace] = labels
        return True

    def forget_labels(self, namespace: str) -> None:
        """The namespace is gone, or its labels are to be read by who needs them."""
        self.namespace_labels.pop(namespace, None)
        self.labels_confirmed.pop(namespace, None)

    def of_secret(self, namespace: str, name: str) -> Iterable[Key]:
        """The resources that have the Secret as credentials or as target."""
        return tuple(self._referring.get(_secret_reference(namespace, name), ()))

    def of_endpoint(self, ref: EndpointRef) -> Iterable[Key]:
        """The resources that refer to the endpoint."""
        return tuple(self._referring.get(_endpoint_reference(ref), ()))

    def of_namespace(self, namespace: str) -> Iterable[Key]:
        """The resources of a namespace whose endpoint may select namespaces."""
        found = ((key, self.entries[key].endpoint) for key in self._namespaces.get(namespace, ()))
        return tuple(key for key, endpoint in found if endpoint and endpoint.kind is EndpointKind.CLUSTER)

    def figures(self) -> Iterable[tuple[tuple[str, str], float, float, bool]]:
        """Of each resource what the metrics tell: namespace and name, expiry, the window's begin, whether it is
        Ready."""
        for key, entry in self.entries.items():
            yield (key.namespace, key.name), entry.expires, entry.renews, entry.ready

    def _begin(self, key: Key, uid: str) -> ResourceState:
        """A resource of which nothing is known yet, in place of one of its name that may have been."""
        self._namespaces[key.namespace].add(key)
        before = self.entries.pop(key, None)
        if before is not None:
            self._unrefer(key, before)
        entry = self.entries[key] = ResourceState(uid, None)
        return entry

    def _unrefer(self, key: Key, entry: ResourceState) -> None:
        for reference in entry.references:
            keys = self._referring.get(reference)
            if keys is not None:
                keys.discard(key)
                if not keys:
                    del self._referring[reference]


def _secret_reference(namespace: str, name: str) -> tuple[str, str, str]:
    return ("Secret", namespace, name)


def _endpoint_reference(ref: EndpointRef) -> tuple[str, str, str]:
    return (ref.kind, ref.namespace, ref.name)
