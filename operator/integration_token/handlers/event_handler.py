"""Handles watch events: updates the inventory, and wakes keys in the scheduler."""

import asyncio
from typing import Any

from integration_token.api.endpoint import EndpointKind, EndpointRef, parse_endpoint
from integration_token.api.integration import is_going, parse_integration, renew_request
from integration_token.errors import UserActionRequired
from integration_token.handlers.session import is_cut
from integration_token.state.inventory import Inventory
from integration_token.state.packed import pack
from integration_token.telemetry.logs import get_logger
from integration_token.workqueue.endpoint_queues import EndpointQueues
from integration_token.workqueue.key import endpoint_key, token_key
from integration_token.workqueue.scheduler import Scheduler

log = get_logger(__name__)

DELETED = "DELETED"
"""A type of watch event."""


class EventHandler:
    """Turns watch events into inventory updates and wake-ups."""

    def __init__(self, inventory: Inventory, scheduler: Scheduler, queues: EndpointQueues) -> None:
        self._inventory = inventory
        self._scheduler = scheduler
        self._queues = queues
        self._told: dict[EndpointRef | str, tuple[str, int] | int] = {}
        """What was last reported: of each endpoint its UID and generation, and of each namespace, by name, a hash of
        its labels. A pass that read an earlier state is woken if this changes, and only then."""
        self.relisted = asyncio.Event()
        """Set when what is known is listed again: the list does not show what was deleted."""

    def on_list(self, namespace: str) -> None:
        """Handles that the IntegrationTokens of a namespace, or with an empty name all of them, are about to be listed.

        Those that the list does not report may have been deleted, so none is used as it was known before.
        """
        if self._inventory.let_all_go(namespace):
            self.relisted.set()

    def on_integration(self, kind: str | None, body: dict[str, Any]) -> None:
        """Handles an IntegrationToken that was listed, added, changed or deleted."""
        metadata = body["metadata"]
        key = token_key(metadata["namespace"], metadata["name"])
        if kind is None and key in self._inventory.resources:
            self.relisted.set()
        if kind == DELETED or is_going(body):
            if self._inventory.forget(key, metadata["uid"]):
                self._scheduler.wake(key)  # it may be in an endpoint's queue
            return
        generation = int(metadata.get("generation", 1))
        if self._inventory.knows(key, metadata["uid"], generation, renew_request(body)):
            # The usual case: our own status write.
            self._inventory.keep(key, _packed(body))
            return
        place = (metadata["namespace"], metadata["name"], metadata["uid"], generation)
        try:
            if is_cut(body):
                key, new = self._inventory.observe_unread(*place, renew_request(body))
            else:
                key, new = self._inventory.observe(parse_integration(body))
                if packed := _packed(body):
                    self._inventory.keep(key, packed)
        except UserActionRequired:
            key, new = self._inventory.observe_unreadable(*place)
        if new:
            self._scheduler.wake(key)

    def on_endpoint(self, kind: str | None, endpoint_kind: EndpointKind, body: dict[str, Any]) -> None:
        """Handles an endpoint that was listed, added, changed or deleted."""
        metadata = body["metadata"]
        ref = EndpointRef(endpoint_kind, metadata.get("namespace") or "", metadata["name"])
        uid, generation = metadata["uid"], int(metadata.get("generation", 1))
        before = self._inventory.endpoint_version(ref)
        if kind is None and before is not None:
            self.relisted.set()
        if kind == DELETED and before is not None and before[0] != uid:
            return  # a new endpoint has the name now
        after: tuple[str, int] | None = uid, generation
        if kind == DELETED or is_going(body):
            self._inventory.forget_endpoint(ref)
            self._queues.drop(ref)
            after = None
        else:
            try:
                if is_cut(body):
                    self._inventory.keep_endpoint_version(ref, uid, generation)
                else:
                    self._inventory.keep_endpoint(parse_endpoint(endpoint_kind, body))
            except UserActionRequired as failure:
                log.warning("cannot parse endpoint", kind=ref.kind, name=ref.name, error=failure.message)
                self._inventory.keep_endpoint_version(ref, uid, generation)
                after = None
            self._scheduler.wake(endpoint_key(ref))
        if self._is_news(ref, after):
            for key in self._inventory.of_endpoint(ref):
                self._scheduler.wake(key)

    def on_namespace(self, kind: str | None, body: dict[str, Any]) -> None:
        """Handles a namespace that was listed, added, changed or deleted."""
        name, labels = body["metadata"]["name"], dict(body["metadata"].get("labels") or {})
        if kind == DELETED or is_cut(body):
            self._inventory.forget_labels(name)
            after = None
        else:
            self._inventory.keep_labels(name, labels)
            after = hash(frozenset(labels.items()))
        if self._is_news(name, after) and kind != DELETED:
            for key in self._inventory.of_namespace(name):
                self._scheduler.wake(key)

    def _is_news(self, what: EndpointRef | str, after: tuple[str, int] | int | None) -> bool:
        """Whether the state differs from the last one; None always counts as different."""
        before = self._told.pop(what, None)
        if after is not None:
            self._told[what] = after
        return after is None or before != after


def _packed(body: dict[str, Any]) -> bytes:
    """The resource to keep for later passes; empty before it has a status, or if it was cut or is too large."""
    return pack(body) if "conditions" in (body.get("status") or {}) else b""
