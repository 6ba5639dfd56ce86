"""One term of work: all that runs from the moment a process may act until it may not any more, or is asked to end.

A process that works alone has one. One that loses its lease forgets all it knew, since another may have acted
meanwhile, and begins its next term with nothing.
"""

import asyncio
import random
import socket
from collections.abc import Awaitable, Callable, Iterable
from contextlib import suppress

from integration_token.admission import Admission
from integration_token.api.endpoint import EndpointKind
from integration_token.clock import Clock, Instant
from integration_token.cluster.connection import Access
from integration_token.cluster.event import EventRecorder
from integration_token.cluster.gateway import ENDPOINTS, INTEGRATIONS, NAMESPACES, Collection, Gateway
from integration_token.cluster.secret import SecretWatch
from integration_token.delivery import Deliverer
from integration_token.endpoint_status import EndpointReconciler
from integration_token.errors import ClusterError, OperatorError, Unavailable
from integration_token.fence import Fence
from integration_token.grant import Grants
from integration_token.handlers.census import Census
from integration_token.handlers.watch import Observer, watch
from integration_token.inquiry import Inquirer
from integration_token.inventory import Inventory
from integration_token.issue import Issuer
from integration_token.logs import get_logger
from integration_token.metrics import Metrics
from integration_token.mount import MountRefresher
from integration_token.oauth.address import Policy
from integration_token.oauth.client import TokenClient
from integration_token.reconcile import Reconciler
from integration_token.report import Reporter
from integration_token.scheduler import Key, Scheduler
from integration_token.settings import Settings
from integration_token.sharer import Sharer
from integration_token.source import Sources

log = get_logger(__name__)

_DRAIN = 20.0
"""Seconds that work under way gets to end after SIGTERM: within the 30 that a pod usually gets."""

_POSTING = 3.0
"""Seconds that queued events get to be posted at the end."""

_ENDING = 3.0
"""Seconds that the parts get to end when they are cancelled and the process is to end: kopf, cancelled in its start,
may leave tasks that don't."""

_ENDING_BETWEEN = 30.0
"""Seconds that they get where the process is to go on. What is left then could do no harm but one: kopf, when it ends
at last, cancels whatever began after it did."""

_RECHECK = 60.0
"""Seconds after which it is looked whether a namespace that was missing can be served by now."""

_RETRY = 2.0
"""Seconds between attempts to begin the watch: after a fault that ended kopf, or while the CRDs are missing."""

_DOUBT = 1.0
"""Seconds from a call of kopf's that failed to the look why: an API server that is just starting refuses a moment long
what it will grant."""


class Unended(OperatorError):
    """Something of a term that is over still runs, so the process must not begin another."""


class Term:
    """All parts that work."""

    def __init__(
        self,
        settings: Settings,
        clock: Clock,
        gateway: Gateway,
        fence: Fence,
        metrics: Metrics,
        *,
        access: Callable[[], Awaitable[Access]],
        take_signals: Callable[[], None],
    ) -> None:
        """`gateway` writes only as long as `fence` is open.

        :param access: how the API server is reached.
        :param take_signals: makes signals ask for an orderly end: kopf, whenever it starts, takes them for itself.
        """
        policy = Policy(settings.insecure_endpoints, settings.allowed_hosts, settings.private_hosts)
        inventory = Inventory()
        metrics.begin(inventory, fence)
        self._settings = settings
        self._gateway = gateway
        self._fence = fence
        self._metrics = metrics
        self._access = access
        self._take_signals = take_signals
        self._stop = asyncio.Event()
        self._scopes = settings.namespaces or ("",)
        self._doubt = asyncio.Event()
        """Set when a call of kopf's failed, until it is looked why."""
        self._told = ""
        self._inventory = inventory
        self._secrets = SecretWatch(gateway, settings.namespaces, self._secret_changed, self._recovered)
        self._client = TokenClient(clock, policy, settings.proxy_url, fence)
        self._events = EventRecorder(gateway, clock, socket.gethostname())
        self.missing = "Secrets are not listed yet"
        """Why it doesn't work for all yet; empty where it does."""
        self._scheduler = Scheduler(clock, self._work)
        admission = Admission(clock, self._scheduler)
        grants = Grants(self._scheduler)
        deliverer = Deliverer(gateway, self._secrets)
        reporter = Reporter(gateway, inventory, self._events, clock)
        sources = Sources(gateway, self._secrets, inventory, policy, clock, clusterwide=not settings.namespaces)
        self._reconciler = Reconciler(
            gateway=gateway,
            secrets=self._secrets,
            inventory=inventory,
            sources=sources,
            deliverer=deliverer,
            inquirer=Inquirer(
                issuer=Issuer(sources, self._client, clock, metrics),
                admission=admission,
                grants=grants,
                sharer=Sharer(grants, deliverer, reporter, metrics),
                reporter=reporter,
                metrics=metrics,
                clock=clock,
                jitter=random.random,
            ),
            admission=admission,
            grants=grants,
            mounts=MountRefresher(gateway, reporter, clock),
            endpoints=EndpointReconciler(gateway, inventory, policy, clock),
            reporter=reporter,
            metrics=metrics,
            clock=clock,
            jitter=random.random,
        )
        self._observer = Observer(inventory, self._scheduler, admission)
        self._census = Census(gateway, inventory, self._observer, settings.namespaces)

    async def run(self, stop: asyncio.Event) -> None:
        """Works until `stop` is set, and ends what is under way then; or until the fence is closed, and drops it.

        kopf cancels, when it ends, every task that began after it did. So all that is to outlive it begins before.

        :raises Unended: where something could not be ended, and the process is to end too.
        """
        self._stop = stop
        work = asyncio.create_task(self._scheduler.run(), name="work")
        events = asyncio.create_task(self._events.run(), name="events")
        parts = {
            work,
            events,
            asyncio.create_task(self._secrets.run(), name="secrets"),
            asyncio.create_task(self._census.run(), name="census"),
            asyncio.create_task(self._watch(), name="watch"),
        }
        ends = {
            asyncio.create_task(stop.wait(), name="stop"),
            asyncio.create_task(self._fence.closed.wait(), name="fence"),
        }
        try:
            done, _ = await asyncio.wait(parts | ends, return_when=asyncio.FIRST_COMPLETED)
            for task in done & parts:
                # None of them ends by itself: without it the others would only seem to work.
                task.result()
            if self._fence.is_open():
                await self._drain(work)
        finally:
            for task in parts | ends:
                task.cancel()
            _, left = await asyncio.wait(parts | ends, timeout=_ENDING if stop.is_set() else _ENDING_BETWEEN)
            await self._client.close()
            self._metrics.end()
        if left and not stop.is_set():
            raise Unended(f"still running: {', '.join(sorted(task.get_name() for task in left))}")

    async def _drain(self, work: asyncio.Task[None]) -> None:
        log.info("stopping: work under way is ended first")
        self._scheduler.stop()
        with suppress(TimeoutError):
            async with asyncio.timeout(_DRAIN):
                await work
        with suppress(TimeoutError):
            async with asyncio.timeout(_POSTING):
                await self._events.drain()

    async def _watch(self) -> None:
        """Watches our own kinds by kopf, again after each fault that ends it."""
        await self._secrets.synced.wait()
        failed = False
        while not self._stop.is_set():
            try:
                # A watch is tried only where one failed: it costs a connection.
                served, self.missing = await self._served(watch=failed)
            except Unavailable as error:
                served, self.missing = (), str(error)
            if not served:
                await asyncio.sleep(_RETRY)
                continue
            ready = asyncio.Event()
            readying = asyncio.create_task(self._on_ready(ready, served))
            try:
                namespaces = self._settings.namespaces and served
                watching = asyncio.create_task(
                    watch(self._observer, self._access, namespaces, ready, self._doubt.set), name="kopf"
                )
                if await self._outlived(watching, ready, served):
                    log.info("the namespaces that can be served have changed, the watch is started again")
                    continue
                # kopf returns where a signal came before ours were set again; a fault raises.
                self._stop.set()
            except Exception as error:  # noqa: BLE001  # whatever ended kopf, the tokens need a watch
                log.error("the watch failed, it is started again", error=type(error).__name__)
                self.missing = "the watch of IntegrationTokens is being started again"
                failed = True
                await asyncio.sleep(_RETRY)
            finally:
                readying.cancel()
                self._take_signals()

    async def _outlived(self, watching: asyncio.Task[None], ready: asyncio.Event, served: tuple[str, ...]) -> bool:
        """Waits for the watch to end; or ends it, answering True, once other namespaces can be served.

        kopf tries a call again that was refused, and tells nobody. So it is looked after as soon as a call fails.
        """
        try:
            while not await self._ended(watching, whole=served == self._scopes):
                with suppress(Unavailable):
                    found, missing = await self._served(watch=True)
                    if found not in {(), served}:
                        return True
                    if ready.is_set():
                        self.missing = "" if found else missing
            await watching
            return False
        finally:
            watching.cancel()
            await asyncio.gather(watching, return_exceptions=True)

    async def _ended(self, watching: asyncio.Task[None], *, whole: bool) -> bool:
        """Waits until the watch has ended, or there is cause to look whether it can go on.

        :param whole: it serves all that it should.
        """
        doubting = asyncio.create_task(self._doubt.wait(), name="doubt")
        seconds = _RETRY if self.missing else None if whole else _RECHECK
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
        self.missing = ""
        # What was deleted since the last watch is told by none.
        self._observer.listed_anew.set()
        log.info("watching", namespaces=[name for name in served if name] or "all")

    async def _served(self, *, watch: bool) -> tuple[tuple[str, ...], str]:
        """The namespaces, of those to serve, in which our kinds can be listed, the empty name for all; and what stands
        in the way of one that can't be served.

        kopf looks for kinds only when it starts, and ends for all namespaces where one of them has none.

        :param watch: whether they must prove to be watchable too.
        :raises Unavailable: where that can't be told now.
        """
        kinds = (
            (INTEGRATIONS, ENDPOINTS[EndpointKind.NAMESPACED])
            if self._settings.namespaces
            else (INTEGRATIONS, *ENDPOINTS.values(), NAMESPACES)
        )
        served, missing = [], ""
        for namespace in self._scopes:
            refusal = await self._refusal(namespace, kinds, watch=watch)
            if refusal:
                missing = missing or refusal
            else:
                served.append(namespace)
        if missing and missing != self._told:
            log.warning("cannot watch", error=missing)
        self._told = missing
        return tuple(served), missing

    async def _refusal(self, namespace: str, kinds: Iterable[Collection], *, watch: bool) -> str:
        for kind in kinds:
            try:
                await self._gateway.probe(kind, namespace, watch=watch)
            except Unavailable:
                raise
            except ClusterError as error:
                return f"cannot list and watch {kind.plural}{f' in {namespace}' if namespace else ''}: {error}"
        return ""

    async def _work(self, key: Key) -> Instant | None:
        return await self._reconciler.work(key)

    def _secret_changed(self, namespace: str, name: str) -> None:
        for key in self._inventory.of_secret(namespace, name):
            self._scheduler.wake(key)

    def _recovered(self) -> None:
        """Looks at once at what could not be looked at while the API server was away: tokens may have expired."""
        for key, entry in self._inventory.entries.items():
            if entry.outages:
                self._scheduler.wake(key)
