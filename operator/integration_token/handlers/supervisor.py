"""Keeps kopf's watch running: started again after each fault that ends it, looked after where a call of its fails, and
told what it may not do."""

import asyncio
import gc
from collections.abc import Callable, Iterable

from integration_token.api.endpoint import EndpointKind
from integration_token.cluster.collection import ENDPOINTS, INTEGRATIONS, NAMESPACES, Collection
from integration_token.cluster.gateway import Gateway
from integration_token.errors import ClusterError, Unauthorized, Unavailable
from integration_token.handlers.event_handler import EventHandler
from integration_token.handlers.watch import watch
from integration_token.telemetry.logs import get_logger
from integration_token.tls import failure_of

log = get_logger(__name__)

_RECHECK = 60.0
"""Seconds after which it is looked whether a namespace that was missing can be served by now."""

_RETRY = 2.0
"""Seconds between attempts to begin the watch: after a fault that ended kopf, or while the CRDs are missing."""

_DOUBT = 1.0
"""Seconds from a call of kopf's that failed to the look why: an API server that is just starting refuses a moment long
what it will grant."""

_HUNG = 5.0
"""Seconds after which a task that kopf has cancelled, and that goes on all the same, is cancelled again."""

_WATCHER = "watcher for "
"""How kopf's tasks are called that watch a kind."""


class Supervisor:
    """Watches our own kinds by kopf."""

    def __init__(
        self,
        gateway: Gateway,
        handler: EventHandler,
        namespaces: tuple[str, ...],
        *,
        take_signals: Callable[[], None],
        restarted: Callable[[], None],
    ) -> None:
        """`namespaces`: those to watch, none for all.

        :param take_signals: makes signals ask for an orderly end: kopf, whenever it starts, takes them for itself.
        :param restarted: called whenever a watch ended that is to be started again.
        """
        self._gateway = gateway
        self._handler = handler
        self._namespaces = namespaces
        self._scopes = namespaces or ("",)
        self._take_signals = take_signals
        self._restarted = restarted
        self._doubt = asyncio.Event()
        """Set when a call of kopf's failed, until it is looked why."""
        self._logged = ""
        self._has_watched = False
        self._missing = ""
        """What stands in the way of a watch."""
        self._pending = "the watch has not begun yet"
        """Of a watch that nothing stands in the way of; empty once it runs."""

    @property
    def missing(self) -> str:
        """Why nothing is watched; empty where something is."""
        return self._missing or self._pending

    async def run(self, stop: asyncio.Event) -> None:
        """Watches until `stop` is set, which it does itself where a signal has ended kopf."""
        failed = False
        while not stop.is_set():
            try:
                # A watch is tried only where one failed: it costs a connection.
                served, self._missing = await self._find_served(watch=failed)
            except Unavailable as error:
                served, self._missing = (), str(error)
                self._log_once(self._missing)
            if not served:
                await asyncio.sleep(_RETRY)
                continue
            # What kopf remembered of each resource before lies in cycles, grown too old to be looked at soon.
            gc.collect()
            try:
                if await self._watch_until_outdated(served):
                    log.info("the namespaces that can be served have changed, the watch is started again")
                    self._restarted()
                    continue
                # kopf returns where a signal came before ours were set again; a fault raises.
                stop.set()
            except Exception as error:  # noqa: BLE001  # whatever ended kopf, the tokens need a watch
                what = failure_of(error) or type(error).__name__
                log.error("the watch failed, it is started again", error=what)
                self._restarted()
                self._pending = "the watch of IntegrationTokens is being started again"
                failed = True
                await asyncio.sleep(_RETRY)
            finally:
                self._take_signals()

    async def _watch_until_outdated(self, served: tuple[str, ...]) -> bool:
        """Watches until that ends by itself; or ends it, answering True, once other namespaces can be served.

        kopf tries a call again that was refused, and tells nobody. So it is looked after as soon as a call fails.
        """
        ready = asyncio.Event()
        readying = asyncio.create_task(self._on_ready(ready, served))
        ending = asyncio.create_task(self._end_what_hangs())
        namespaces = self._namespaces and served
        watching = asyncio.create_task(
            watch(self._handler, self._gateway.access, namespaces, ready, self._doubt.set), name="kopf"
        )
        try:
            while not await self._await_end_or_doubt(watching, whole=served == self._scopes):
                try:
                    found, missing = await self._find_served(watch=True)
                except Unauthorized as error:
                    self._missing = str(error)
                except Unavailable as error:
                    # What has begun goes on when it is there again.
                    if self.missing:
                        self._missing = str(error)
                        self._log_once(self._missing)
                else:
                    if found not in {(), served}:
                        return True
                    if found or ready.is_set():
                        self._missing = "" if found else missing
            await watching
            return False
        finally:
            readying.cancel()
            watching.cancel()
            await asyncio.gather(watching, return_exceptions=True)
            ending.cancel()

    @staticmethod
    async def _end_what_hangs() -> None:
        """Cancels kopf's watchers again that were cancelled and go on.

        kopf cancels each once, and then waits for it without a bound. But where it cancels at the same time what a
        watcher is paused by, the watcher takes its cancellation for a pause, and begins anew.
        """
        asked: set[asyncio.Task[object]] = set()
        while True:
            await asyncio.sleep(_HUNG)
            hung = {task for task in asyncio.all_tasks() if task.get_name().startswith(_WATCHER) and task.cancelling()}
            for task in hung & asked:
                task.cancel()
            asked = hung

    async def _await_end_or_doubt(self, watching: asyncio.Task[None], *, whole: bool) -> bool:
        """Waits until the watch has ended, or there is cause to look whether it can go on.

        :param whole: it serves all that it should.
        """
        doubting = asyncio.create_task(self._doubt.wait(), name="doubt")
        seconds = _RETRY if self._missing else None if whole else _RECHECK
        try:
            await asyncio.wait((watching, doubting), timeout=seconds, return_when=asyncio.FIRST_COMPLETED)
        finally:
            doubting.cancel()
        if self._doubt.is_set():
            # Where one call fails, others do.
            await asyncio.wait((watching,), timeout=_DOUBT)
            self._doubt.clear()
        return watching.done()

    async def _on_ready(self, ready: asyncio.Event, served: tuple[str, ...]) -> None:
        await ready.wait()
        self._take_signals()
        self._missing = self._pending = ""
        if self._has_watched:
            # What was deleted since the last watch is told by none.
            self._handler.relisted.set()
        self._has_watched = True
        log.info("watching", namespaces=[name for name in served if name] or "all")

    async def _find_served(self, *, watch: bool) -> tuple[tuple[str, ...], str]:
        """The namespaces, of those to serve, in which our kinds can be listed, the empty name for all; and what stands
        in the way of one that can't be served.

        kopf looks for kinds only when it starts, and ends for all namespaces where one of them has none.

        :param watch: whether they must prove to be watchable too.
        :raises Unavailable: where that can't be told now.
        """
        kinds = (
            (INTEGRATIONS, ENDPOINTS[EndpointKind.NAMESPACED])
            if self._namespaces
            else (INTEGRATIONS, *ENDPOINTS.values(), NAMESPACES)
        )
        served, missing = [], ""
        for namespace in self._scopes:
            refusal = await self._find_refusal(namespace, kinds, watch=watch)
            if refusal:
                missing = missing or refusal
            else:
                served.append(namespace)
        self._log_once(missing)
        return tuple(served), missing

    def _log_once(self, missing: str) -> None:
        if missing and missing != self._logged:
            log.warning("cannot watch", error=missing)
        self._logged = missing

    async def _find_refusal(self, namespace: str, kinds: Iterable[Collection], *, watch: bool) -> str:
        for kind in kinds:
            try:
                await self._gateway.probe(kind, namespace, watch=watch)
            except Unavailable:
                raise
            except ClusterError as error:
                return f"cannot list and watch {kind.plural}{f' in {namespace}' if namespace else ''}: {error}"
        return ""
