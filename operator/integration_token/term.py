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
from integration_token.errors import ClusterError, OperatorError
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
        self._failed = False
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
        while not self._stop.is_set():
            served = await self._served()
            if served is None:
                await asyncio.sleep(_RETRY)
                continue
            ready = asyncio.Event()
            readying = asyncio.create_task(self._on_ready(ready, served))
            try:
                watching = asyncio.create_task(watch(self._observer, self._access, served, ready), name="kopf")
                if await self._outlived(watching, served):
                    log.info("the namespaces that can be served have changed, the watch is started again")
                    continue
                # kopf returns where a signal came before ours were set again; a fault raises.
                self._stop.set()
            except Exception as error:  # noqa: BLE001  # whatever ended kopf, the tokens need a watch
                log.error("the watch failed, it is started again", error=type(error).__name__)
                self.missing = "the watch of IntegrationTokens is being started again"
                self._failed = True
                await asyncio.sleep(_RETRY)
            finally:
                readying.cancel()
                self._take_signals()

    async def _outlived(self, watching: asyncio.Task[None], served: tuple[str, ...]) -> bool:
        """Waits for the watch to end; or ends it, answering True, once a namespace that was missing can be served."""
        try:
            if served == self._settings.namespaces:
                await watching
                return False
            while True:
                done, _ = await asyncio.wait((watching,), timeout=_RECHECK)
                if done:
                    await watching
                    return False
                if await self._served() not in {None, served}:
                    return True
        finally:
            watching.cancel()
            await asyncio.gather(watching, return_exceptions=True)

    async def _on_ready(self, ready: asyncio.Event, served: tuple[str, ...]) -> None:
        await ready.wait()
        self._take_signals()
        self.missing = ""
        # What was deleted since the last watch is told by none.
        self._observer.listed_anew.set()
        log.info("watching", namespaces=list(served) or "all")

    async def _served(self) -> tuple[str, ...] | None:
        """The namespaces in which our kinds can be listed, empty for all; None where there is nothing to serve yet.

        kopf looks for kinds only when it starts, and ends for all namespaces where one of them refuses it.
        """
        if not self._settings.namespaces:
            kinds = (INTEGRATIONS, *ENDPOINTS.values(), NAMESPACES)
            return () if await self._listable("", kinds) else None
        kinds = (INTEGRATIONS, ENDPOINTS[EndpointKind.NAMESPACED])
        return tuple([name for name in self._settings.namespaces if await self._listable(name, kinds)]) or None

    async def _listable(self, namespace: str, kinds: Iterable[Collection]) -> bool:
        for kind in kinds:
            try:
                # kopf tells of a refusal no more than that there was one.
                await self._gateway.probe(kind, namespace, watch=self._failed)
            except ClusterError as error:
                where = f" in {namespace}" if namespace else ""
                self.missing = f"cannot list and watch {kind.plural}{where}: {error}"
                log.warning("cannot list and watch", kind=kind.plural, namespace=namespace or "*", error=str(error))
                return False
        return True

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
