"""Writes statuses: at once, or when no token has to wait for that.

Pods wait for Secrets, not for statuses. If thousands of tokens arrive at once, the Secrets are written first, and their
statuses a few at a time until no other work is left; events with the same news come last. If the process is killed
before they are written, the next one finds the Secrets and reports them then.
"""

import zlib
from collections.abc import Mapping
from typing import Any, NamedTuple

from integration_token.api.condition import Told
from integration_token.cluster.collection import INTEGRATIONS
from integration_token.cluster.event import EventRecorder
from integration_token.cluster.gateway import Gateway
from integration_token.cluster.wire import decoded, encoded
from integration_token.state.inventory import Inventory
from integration_token.workqueue.key import Key
from integration_token.workqueue.scheduler import Scheduler


class StatusPatch(NamedTuple):
    """A status to write."""

    uid: str
    """The resource's UID."""
    version: str
    """The resourceVersion that was read."""
    patch: Mapping[str, Any]
    told: Told
    """The conditions in the new status."""


class StatusWriter:
    """Writes the statuses of IntegrationTokens."""

    def __init__(self, gateway: Gateway, inventory: Inventory, events: EventRecorder, scheduler: Scheduler) -> None:
        self._gateway = gateway
        self._inventory = inventory
        self._events = events
        self._scheduler = scheduler
        self._pending: dict[Key, tuple[StatusPatch, bytes]] = {}
        """The patch is kept separately, compressed to a quarter: many may wait."""

    async def write(self, key: Key, status: StatusPatch) -> bool:
        """Writes the status: returns whether the resource still exists.

        :raises ClusterError: if it could not be written.
        """
        if status.patch:
            self._inventory.let_go(key)
        if status.patch and not await self._gateway.patch_status(
            INTEGRATIONS, key.namespace, key.name, status.version, status.patch
        ):
            self._inventory.forget(key, status.uid)
            return False
        self._inventory.keep_told(key, status.told)
        return True

    def put_off(self, key: Key, status: StatusPatch) -> None:
        """Writes it when other work leaves room for that."""
        self._pending[key] = status._replace(patch={}), zlib.compress(encoded(status.patch), 1)
        self._scheduler.wake_late(key)

    async def write_pending(self, key: Key, uid: str) -> bool:
        """Writes the deferred status, if there is one, of the resource with that UID: returns whether there was.

        :raises ClusterError: if it could not be written. It is not kept: another pass builds it again.
        """
        status, patch = self._pending.pop(key, (None, b""))
        if status is None or status.uid != uid:
            return False
        self._events.wait_on()
        return await self.write(key, status._replace(patch=decoded(zlib.decompress(patch))))

    def drop_pending(self, key: Key) -> None:
        """The resource is gone."""
        self._pending.pop(key, None)
