"""What the operator remembers of each resource between two looks at it: references, plans and failures, no token.

All of it can be lost: a restart reads it from the API again.
"""

from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass, field

from integration_token.api.endpoint import Endpoint, EndpointKind, EndpointRef
from integration_token.api.integration import Integration
from integration_token.clock import Instant
from integration_token.failure import FailureState, Inputs, Repairs
from integration_token.grant import SharedGrant
from integration_token.renewal.rollover import Rollover
from integration_token.scheduler import Key

TOKEN_WORK = "token"
"""Work on an IntegrationToken; the key's namespace and name are its own."""


@dataclass(slots=True)
class Entry:
    """One IntegrationToken. Times are wall times in seconds where they aren't Instants."""

    uid: str
    record: Integration | None
    """What the watch brought last, until it has been reconciled: then it's read again when it is needed."""
    generation: int = 0
    renew_request: str = ""
    endpoint: EndpointRef | None = None
    references: tuple[tuple[str, str, str], ...] = ()

    settled: tuple[Inputs, str] | None = None
    """Inputs and target version at the end of the last reconcile that left nothing to do but wait."""
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
    written_for: Inputs | None = None
    """What this process brought the target up to date for last."""
    handled_renew_request: str = ""
    """The wish for a renewal that this process followed last."""
    queued: Instant | None = None
    """Since when its request waits for its turn."""
    failing: FailureState = field(default_factory=FailureState)
    """What stands in its way; written at the end of each pass, and there alone."""
    repairs: Repairs = field(default_factory=Repairs)
    grant: SharedGrant = field(default_factory=SharedGrant)
    pace_told: bool = False
    """An event has told that the token lives too short for it."""

    def set_back(self, now: Instant) -> float:
        """Seconds by which the wall clock was set back since the held token was first seen."""
        return 0.0 if self.anchor is None else self.anchor.read_at(now) - now.wall


class Inventory:
    """All resources by key, found again by what they refer to."""

    def __init__(self) -> None:
        self.entries: dict[Key, Entry] = {}
        self.endpoints: dict[EndpointRef, Endpoint] = {}
        """As the watch brought them last."""
        self.namespace_labels: dict[str, dict[str, str]] = {}
        self._referring: defaultdict[tuple[str, str, str], set[Key]] = defaultdict(set)

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
            entry.record = integration
            entry.poll_at = 0.0  # the window may be another
            return key, True
        self.forget(key)
        entry = self.entries[key] = Entry(integration.uid, integration)
        self.refer(key, entry, integration)
        return key, True

    def observe_unreadable(self, namespace: str, name: str, uid: str, generation: int) -> tuple[Key, bool]:
        """Takes note of a resource whose spec cannot be read: its key, and whether that is new."""
        key = token_key(namespace, name)
        entry = self.entries.get(key)
        if entry is not None and (entry.uid, entry.generation) == (uid, generation):
            return key, False
        self.forget(key)
        self.entries[key] = Entry(uid, None, generation=generation)
        return key, True

    def refer(self, key: Key, entry: Entry, integration: Integration) -> None:
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
        if entry is not None:
            self._unrefer(key, entry)

    def of_secret(self, namespace: str, name: str) -> Iterable[Key]:
        """The resources that have the Secret as credentials or as target."""
        return tuple(self._referring.get(_secret_reference(namespace, name), ()))

    def of_endpoint(self, ref: EndpointRef) -> Iterable[Key]:
        """The resources that refer to the endpoint."""
        return tuple(self._referring.get(_endpoint_reference(ref), ()))

    def of_namespace(self, namespace: str) -> Iterable[Key]:
        """The resources of a namespace whose endpoint may select namespaces."""
        return tuple(
            key
            for key, entry in self.entries.items()
            if key.namespace == namespace and entry.endpoint and entry.endpoint.kind is EndpointKind.CLUSTER
        )

    def _unrefer(self, key: Key, entry: Entry) -> None:
        for reference in entry.references:
            keys = self._referring.get(reference)
            if keys is not None:
                keys.discard(key)
                if not keys:
                    del self._referring[reference]


def token_key(namespace: str, name: str) -> Key:
    """The key of an IntegrationToken."""
    return Key(TOKEN_WORK, namespace, name)


def _secret_reference(namespace: str, name: str) -> tuple[str, str, str]:
    return ("Secret", namespace, name)


def _endpoint_reference(ref: EndpointRef) -> tuple[str, str, str]:
    return (ref.kind, ref.namespace, ref.name)
