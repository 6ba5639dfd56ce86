"""Finds objects that were deleted while there was no watch.

When kopf has to list again, it reports what exists and nothing about what was deleted: after its restart, and after the
API server has forgotten the version that it watched from (410). So what is known is compared with a list of metadata
after each of these, and periodically.
"""

import asyncio
from collections.abc import Callable, Collection, Iterator

from integration_token.api.endpoint import EndpointKind
from integration_token.cluster.collection import ENDPOINTS, INTEGRATIONS, NAMESPACES
from integration_token.cluster.collection import Collection as Kind
from integration_token.cluster.gateway import Gateway
from integration_token.errors import ClusterError
from integration_token.handlers.event_handler import DELETED, EventHandler
from integration_token.state.inventory import Inventory
from integration_token.telemetry.logs import get_logger

log = get_logger(__name__)

_PERIOD = 900.0
"""Seconds between two periodic sweeps: with ten thousand resources each costs half a second of CPU."""

_SETTLING = 2.0
"""Seconds from the first sign of a new list to the sweep, since one list gives many signs; and between two attempts."""

KnownObjects = Iterator[tuple[str, str, str]]
"""Namespace, name and UID of each object of a kind."""


class DeletionSweep:
    """Compares what is known with what exists, and makes the handler forget what no longer does."""

    def __init__(
        self, gateway: Gateway, inventory: Inventory, handler: EventHandler, namespaces: Collection[str]
    ) -> None:
        """`namespaces` that are watched; empty for all."""
        self._gateway = gateway
        self._inventory = inventory
        self._handler = handler
        self._namespaces = tuple(namespaces)

    async def run(self) -> None:
        """Sweeps forever."""
        while True:
            try:
                async with asyncio.timeout(_PERIOD):
                    await self._handler.relisted.wait()
            except TimeoutError:
                pass
            await asyncio.sleep(_SETTLING)
            self._handler.relisted.clear()
            try:
                await self.sweep()
            except ClusterError as error:
                log.debug("cannot list existing objects", error=str(error))
                self._handler.relisted.set()

    async def sweep(self) -> None:
        """Sweeps once."""
        for namespace in self._namespaces or ("",):
            await self._sweep_kind(INTEGRATIONS, namespace, self._integrations, self._forget_integration)
            await self._sweep_kind(
                ENDPOINTS[EndpointKind.NAMESPACED],
                namespace,
                lambda: self._endpoints(EndpointKind.NAMESPACED),
                lambda *gone: self._forget_endpoint(EndpointKind.NAMESPACED, *gone),
            )
        if not self._namespaces:
            await self._sweep_kind(
                ENDPOINTS[EndpointKind.CLUSTER],
                "",
                lambda: self._endpoints(EndpointKind.CLUSTER),
                lambda *gone: self._forget_endpoint(EndpointKind.CLUSTER, *gone),
            )
            await self._sweep_kind(NAMESPACES, "", self._labelled_namespaces, self._forget_namespace)

    async def _sweep_kind(
        self, kind: Kind, namespace: str, known: Callable[[], KnownObjects], gone: Callable[[str, str, str], None]
    ) -> None:
        """Calls `gone` for everything that was known before the list began and is not in it; later objects are
        ignored."""
        left = {(where, name): uid for where, name, uid in known() if namespace in {"", where}}
        if not left:
            return
        async for page in self._gateway.metadata_pages(kind, namespace):
            for item in page["items"]:
                metadata = item["metadata"]
                place = (metadata.get("namespace", ""), metadata["name"])
                if left.get(place) in {"", metadata["uid"]}:
                    del left[place]
        for (where, name), uid in left.items():
            log.info("found deleted without a watch event", kind=kind.plural, namespace=where, name=name)
            gone(where, name, uid)

    def _integrations(self) -> KnownObjects:
        for key, state in self._inventory.resources.items():
            yield key.namespace, key.name, state.uid

    def _forget_integration(self, namespace: str, name: str, uid: str) -> None:
        self._handler.on_integration(DELETED, {"metadata": {"namespace": namespace, "name": name, "uid": uid}})

    def _endpoints(self, kind: EndpointKind) -> KnownObjects:
        for ref, uid in self._inventory.endpoint_versions():
            if ref.kind is kind:
                yield ref.namespace, ref.name, uid

    def _forget_endpoint(self, kind: EndpointKind, namespace: str, name: str, uid: str) -> None:
        self._handler.on_endpoint(DELETED, kind, {"metadata": {"namespace": namespace, "name": name, "uid": uid}})

    def _labelled_namespaces(self) -> KnownObjects:
        for name in self._inventory.namespace_labels:
            yield "", name, ""

    def _forget_namespace(self, _: str, name: str, __: str) -> None:
        self._handler.on_namespace(DELETED, {"metadata": {"name": name}})
