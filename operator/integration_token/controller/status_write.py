"""Writes statuses: at once, or when no token has to wait for that.

Pods wait for Secrets, and for no status. So of thousands of tokens that come at once the Secrets are written first, and
the statuses that tell of them a few at a time, until no other work is left; events that say the same come last. Who is
killed before they are written finds the Secrets when it starts again, and tells of them then.
"""

import json
import zlib
from collections.abc import Mapping
from typing import Any, NamedTuple

from integration_token.api.condition import Told
from integration_token.cluster.collection import INTEGRATIONS
from integration_token.cluster.event import EventRecorder
from integration_token.cluster.gateway import Gateway
from integration_token.state.inventory import Inventory
from integration_token.workqueue.key import Key
from integration_token.workqueue.scheduler import Scheduler


class StatusPatch(NamedTuple):
    """What is to be written."""

    uid: str
    """The resource's."""
    version: str
    """Of the resource as it was read."""
    patch: Mapping[str, Any]
    told: Told
    """What the status tells then."""


class StatusWriter:
    """Writes the statuses of IntegrationTokens."""

    def __init__(self, gateway: Gateway, inventory: Inventory, events: EventRecorder, scheduler: Scheduler) -> None:
        self._gateway = gateway
        self._inventory = inventory
        self._events = events
        self._scheduler = scheduler
        self._pending: dict[Key, tuple[StatusPatch, bytes]] = {}
        """With the patch apart, compressed to a quarter: many may wait."""

    async def write(self, key: Key, status: StatusPatch) -> bool:
        """Writes what there is to write: whether the resource is still there.

        :raises ClusterError: if it could not be written.
        """
        if status.patch and not await self._gateway.patch_status(
            INTEGRATIONS, key.namespace, key.name, status.version, status.patch
        ):
            self._inventory.forget(key, status.uid)
            return False
        self._inventory.keep_told(key, status.told)
        return True

    def put_off(self, key: Key, status: StatusPatch) -> None:
        """Has it written when other work leaves room for that."""
        self._pending[key] = status._replace(patch={}), zlib.compress(json.dumps(status.patch).encode(), 1)
        self._scheduler.wake_late(key)

    async def write_pending(self, key: Key, uid: str) -> bool:
        """Writes the status that was put off, if there is one, of the resource with that UID: whether it was.

        :raises ClusterError: if it could not be written. It is not kept: another pass makes it again.
        """
        status, patch = self._pending.pop(key, (None, b""))
        if status is None or status.uid != uid:
            return False
        self._events.wait_on()
        return await self.write(key, status._replace(patch=json.loads(zlib.decompress(patch))))

    def drop_pending(self, key: Key) -> None:
        """The resource is gone."""
        self._pending.pop(key, None)
