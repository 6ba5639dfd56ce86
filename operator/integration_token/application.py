"""The operator put together: its parts, their start, and their end in order."""

import asyncio
import random
import signal
import socket
from collections.abc import Awaitable, Callable, Iterable
from contextlib import suppress

from integration_token.admission import Admission
from integration_token.api.endpoint import EndpointKind
from integration_token.clock import Clock, Instant
from integration_token.cluster.connection import Access, access, connect
from integration_token.cluster.event import EventRecorder
from integration_token.cluster.gateway import ENDPOINTS, INTEGRATIONS, NAMESPACES, Collection, Gateway
from integration_token.cluster.secret import SecretWatch
from integration_token.delivery import Deliverer
from integration_token.endpoint_status import EndpointReconciler
from integration_token.errors import ClusterError
from integration_token.grant import Grants
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
from integration_token.server import Server
from integration_token.settings import Settings
from integration_token.sharer import Sharer
from integration_token.source import Sources

log = get_logger(__name__)

_DRAIN = 20.0
"""Seconds that work under way gets to end after SIGTERM: within the 30 that a pod usually gets."""

_POSTING = 3.0
"""Seconds that queued events get to be posted at the end."""

_ENDING = 3.0
"""Seconds that the watches get to end when they are cancelled: kopf, cancelled in its start, may leave tasks that
don't."""

_RECHECK = 60.0
"""Seconds after which it is looked whether a namespace that was missing can be served by now."""

_RETRY = 2.0
"""Seconds between attempts to begin the watch: after a fault that ended kopf, or while the CRDs are missing."""


async def run(settings: Settings, clock: Clock) -> None:
    """Runs the operator until SIGTERM or SIGINT, and ends what is under way.

    :raises SettingsError: where it cannot start as set.
    """
    client = await connect(settings.kubeconfig, watches=2 * len(settings.namespaces))
    try:
        application = Application(settings, clock, Gateway(client))
        await application.run(lambda: access(client))
    finally:
        await client.close()


class Application:
    """All parts of one operator."""

    def __init__(self, settings: Settings, clock: Clock, gateway: Gateway) -> None:
        policy = Policy(settings.insecure_endpoints, settings.allowed_hosts, settings.private_hosts)
        inventory = Inventory()
        metrics = Metrics(inventory)
        self._settings = settings
        self._gateway = gateway
        self._scheduler = Scheduler(clock, self._work)
        self._secrets = SecretWatch(gateway, settings.namespaces, self._secret_changed, self._recovered)
        self._client = TokenClient(clock, policy, settings.proxy_url)
        self._events = EventRecorder(gateway, clock, socket.gethostname())
        self._inventory = inventory
        self._missing = "Secrets are not listed yet"
        self._server = Server(settings.metrics_address, metrics, lambda: self._missing)
        self._stop = asyncio.Event()
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

    async def run(self, access: Callable[[], Awaitable[Access]]) -> None:
        """Runs until a signal asks for the end; `access` tells how the API server is reached.

        kopf cancels, when it ends, every task that began after it did. So all that is to outlive it begins before.
        """
        self._take_signals()
        await self._server.start()
        secrets = asyncio.create_task(self._secrets.run(), name="secrets")
        events = asyncio.create_task(self._events.run(), name="events")
        work = asyncio.create_task(self._scheduler.run(), name="work")
        watching = asyncio.create_task(self._watch(access), name="watch")
        try:
            stopping = asyncio.create_task(self._stop.wait(), name="stop")
            done, _ = await asyncio.wait(
                (stopping, secrets, events, work, watching), return_when=asyncio.FIRST_COMPLETED
            )
            for task in done - {stopping}:
                # None of them ends by itself: without it the others would only seem to work.
                task.result()
            log.info("stopping: work under way is ended first")
            self._scheduler.stop()
            with suppress(TimeoutError):
                async with asyncio.timeout(_DRAIN):
                    await work
            with suppress(TimeoutError):
                async with asyncio.timeout(_POSTING):
                    await self._events.drain()
        finally:
            for task in (watching, secrets, events, work):
                task.cancel()
            await asyncio.wait((watching, secrets, events, work), timeout=_ENDING)
            await self._client.close()
            await self._server.stop()

    async def _watch(self, access: Callable[[], Awaitable[Access]]) -> None:
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
                watching = asyncio.create_task(watch(self._observer, access, served, ready), name="kopf")
                if await self._outlived(watching, served):
                    log.info("the namespaces that can be served have changed, the watch is started again")
                    continue
                # kopf returns where a signal came before ours were set again; a fault raises.
                self._stop.set()
            except Exception as error:  # noqa: BLE001  # whatever ended kopf, the tokens need a watch
                log.error("the watch failed, it is started again", error=type(error).__name__)
                self._missing = "the watch of IntegrationTokens is being started again"
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
        self._missing = ""
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
                await self._gateway.probe(kind, namespace)
            except ClusterError as error:
                self._missing = f"cannot list {kind.plural}{f' in {namespace}' if namespace else ''}: {error}"
                log.warning("cannot list", kind=kind.plural, namespace=namespace or "*", error=str(error))
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

    def _take_signals(self) -> None:
        """Makes SIGTERM and SIGINT ask for an orderly end: kopf, whenever it starts, takes them for itself."""
        loop = asyncio.get_running_loop()
        for number in (signal.SIGTERM, signal.SIGINT):
            loop.add_signal_handler(number, self._stop.set)
