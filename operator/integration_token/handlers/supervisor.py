"""Keeps kopf's watch running: restarts it after every failure, checks it when one of its calls fails, and reports
missing permissions."""

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
"""Seconds between checks whether a namespace that could not be served can be now."""

_RETRY = 2.0
"""Seconds between attempts to start the watch, after kopf failed or while the CRDs are missing."""

_DOUBT = 1.0
"""Seconds from a failed call of kopf to checking why: an API server that is starting refuses for a moment what it will
grant."""

_HUNG = 5.0
"""Seconds after which a task that ignored kopf's cancellation is cancelled again."""

_WATCHER = "watcher for "
"""Name prefix of kopf's tasks that watch a kind."""


class Supervisor:
    """Watches our own kinds with kopf."""

    def __init__(
        self,
        gateway: Gateway,
        handler: EventHandler,
        namespaces: tuple[str, ...],
        *,
        take_signals: Callable[[], None],
        restarted: Callable[[], None],
    ) -> None:
        """`namespaces` to watch; empty for all.

        :param take_signals: makes signals request an orderly shutdown: kopf takes them over whenever it starts.
        :param restarted: called whenever a watch ended that will be started again.
        """
        self._gateway = gateway
        self._handler = handler
        self._namespaces = namespaces
        self._scopes = namespaces or ("",)
        self._take_signals = take_signals
        self._restarted = restarted
        self._doubt = asyncio.Event()
        """Set when a call of kopf fails, until the reason has been checked."""
        self._logged = ""
        self._has_watched = False
        self._missing = ""
        """What prevents a watch."""
        self._pending = "the watch has not started yet"
        """Why a watch that nothing prevents is not running yet; empty once it is."""

    @property
    def missing(self) -> str:
        """Why nothing is watched; empty if something is."""
        return self._missing or self._pending

    async def run(self, stop: asyncio.Event) -> None:
        """Watches until `stop` is set, which this sets itself if a signal ended kopf."""
        failed = False
        while not stop.is_set():
            try:
                # Try a watch only after one failed: it costs a connection.
                served, self._missing = await self._find_served(watch=failed)
            except Unavailable as error:
                served, self._missing = (), str(error)
                self._log_once(self._missing)
            if not served:
                await asyncio.sleep(_RETRY)
                continue
            # What kopf remembered of each resource is in reference cycles, too old to be collected soon.
            gc.collect()
            try:
                if await self._watch_until_outdated(served):
                    log.info("namespaces that can be served have changed, restarting the watch")
                    self._restarted()
                    continue
                # kopf returns if a signal arrived before our handlers were installed again; it raises on failure.
                stop.set()
            except Exception as error:  # noqa: BLE001  # whatever ended kopf, the tokens need a watch
                what = failure_of(error) or type(error).__name__
                log.error("watch failed, restarting it", error=what)
                self._restarted()
                self._pending = "the watch of IntegrationTokens is being restarted"
                failed = True
                await asyncio.sleep(_RETRY)
            finally:
                self._take_signals()

    async def _watch_until_outdated(self, served: tuple[str, ...]) -> bool:
        """Watches until the watch ends by itself; or ends it and returns True once other namespaces can be served.

        kopf silently retries a refused call. So this checks as soon as a call fails.
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
                    # A running watch continues when the API server is back.
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
        """Cancels kopf's watchers again if they were cancelled but continue.

        kopf cancels each of them once, and then waits for it without a limit. But if it also cancels what has paused a
        watcher, the watcher takes its cancellation for the end of the pause, and starts over.
        """
        asked: set[asyncio.Task[object]] = set()
        while True:
            await asyncio.sleep(_HUNG)
            hung = {task for task in asyncio.all_tasks() if task.get_name().startswith(_WATCHER) and task.cancelling()}
            for task in hung & asked:
                task.cancel()
            asked = hung

    async def _await_end_or_doubt(self, watching: asyncio.Task[None], *, whole: bool) -> bool:
        """Waits until the watch has ended, or there is reason to check whether it can continue.

        :param whole: it serves everything that it should.
        """
        doubting = asyncio.create_task(self._doubt.wait(), name="doubt")
        seconds = _RETRY if self._missing else None if whole else _RECHECK
        try:
            await asyncio.wait((watching, doubting), timeout=seconds, return_when=asyncio.FIRST_COMPLETED)
        finally:
            doubting.cancel()
        if self._doubt.is_set():
            # One failed call is rarely the only one.
            await asyncio.wait((watching,), timeout=_DOUBT)
            self._doubt.clear()
        return watching.done()

    async def _on_ready(self, ready: asyncio.Event, served: tuple[str, ...]) -> None:
        await ready.wait()
        self._take_signals()
        self._missing = self._pending = ""
        if self._has_watched:
            # No watch reports what was deleted since the last one.
            self._handler.relisted.set()
        self._has_watched = True
        log.info("watching", namespaces=[name for name in served if name] or "all")

    async def _find_served(self, *, watch: bool) -> tuple[tuple[str, ...], str]:
        """The namespaces to serve in which our kinds can be listed (the empty name for all), and what prevents serving
        one that cannot be.

        kopf looks for kinds only when it starts, and stops for all namespaces if one of them lacks a kind.

        :param watch: whether they must also prove watchable.
        :raises Unavailable: if that cannot be determined now.
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
