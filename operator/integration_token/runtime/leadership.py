"""One term of work: everything that runs from the moment a process may act until it no longer may, or is asked to stop.

Without leader election a process has a single term. A process that loses its lease forgets everything, since another
may have acted meanwhile, and starts its next term empty.
"""

import asyncio
import random
import socket
from collections.abc import Callable
from contextlib import suppress

from integration_token.api.names import INTEGRATION_TOKENS
from integration_token.clock import Clock
from integration_token.cluster.fence import Fence
from integration_token.cluster.gateway import Gateway
from integration_token.cluster.permission import Permissions
from integration_token.errors import OperatorError
from integration_token.handlers.supervisor import Supervisor
from integration_token.handlers.sweep import DeletionSweep
from integration_token.oauth.address import Policy
from integration_token.oauth.client import TokenClient
from integration_token.oauth.trusted_file import TrustedFile
from integration_token.runtime.settings import Settings
from integration_token.runtime.worker import build_worker
from integration_token.telemetry.logs import get_logger
from integration_token.telemetry.metrics import Metrics

log = get_logger(__name__)

_DRAIN = 13.0
"""Seconds for work in progress to finish after SIGTERM. Including everything after it, up to the release of the Lease,
stopping takes 25 of the 30 seconds that a pod usually gets."""

_POSTING = 2.0
"""Seconds for posting queued events at the end."""

_ENDING = 3.0
"""Seconds for the cancelled parts to end when the process is about to exit: if kopf is cancelled while it starts, it
may leave tasks that do not end."""

_ENDING_BETWEEN = 30.0
"""The same if the process goes on. What is left then is harmless except for one thing: when kopf finally ends, it
cancels everything that started after it."""


class StillRunning(OperatorError):
    """Part of an earlier term still runs, so the process must not start another."""


class LeaderTerm:
    """All parts that do the work."""

    def __init__(
        self,
        settings: Settings,
        clock: Clock,
        gateway: Gateway,
        fence: Fence,
        metrics: Metrics,
        permissions: Permissions,
        trusted: TrustedFile,
        *,
        own_namespace: str | None,
        take_signals: Callable[[], None],
    ) -> None:
        """`gateway` writes only while `fence` is open.

        :param trusted: authorities trusted besides the system's.
        :param own_namespace: the operator's; None if it has none.
        :param take_signals: makes signals request an orderly shutdown: kopf takes them over whenever it starts.
        """
        policy = Policy(settings.insecure_endpoints, settings.allowed_hosts, settings.private_hosts)
        self._gateway = gateway
        self._fence = fence
        self._metrics = metrics
        self._permissions = permissions
        self._stop = asyncio.Event()
        self._trusted = trusted
        self._client = TokenClient(
            clock, policy, settings.proxy_url, fence.check, no_proxy=settings.no_proxy, trusted=trusted
        )
        self._worker = worker = build_worker(
            gateway,
            self._client,
            clock,
            metrics,
            policy,
            namespaces=settings.namespaces,
            own_namespace=own_namespace,
            instance=socket.gethostname(),
            audit_token_ids=settings.audit_token_ids,
            jitter=random.random,
        )
        metrics.begin_term(worker.inventory, fence.is_open, worker.scheduler, worker.queues)
        self._sweep = DeletionSweep(gateway, worker.inventory, worker.handler, settings.namespaces)
        self._supervisor = Supervisor(
            gateway,
            worker.handler,
            settings.namespaces,
            take_signals=take_signals,
            restarted=lambda: metrics.record_watch_restart(INTEGRATION_TOKENS),
        )

    @property
    def missing(self) -> str:
        """Why nothing is being worked on; empty if something is."""
        return self._worker.secrets.missing or self._supervisor.missing

    async def run(self, stop: asyncio.Event) -> None:
        """Works until `stop` is set, then finishes work in progress; or until the fence is closed, then drops it.

        When kopf ends, it cancels every task that started after it. So everything that must outlive it starts before
        it.

        :raises StillRunning: if something could not be stopped, and the process must exit too.
        """
        self._stop = stop
        work = asyncio.create_task(self._worker.scheduler.run(), name="work")
        events = asyncio.create_task(self._worker.events.run(), name="events")
        parts = {
            work,
            events,
            asyncio.create_task(self._worker.secrets.run(), name="secrets"),
            asyncio.create_task(self._sweep.run(), name="sweep"),
            asyncio.create_task(self._worker.bundles.run(), name="bundles"),
            asyncio.create_task(self._permissions.run(self._gateway.is_permitted), name="permissions"),
            asyncio.create_task(self._watch(), name="watch"),
        }
        if self._trusted.is_set:
            parts.add(asyncio.create_task(self._trusted.run(), name="trusted"))
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
            self._metrics.end_term()
        if left and not stop.is_set():
            raise StillRunning(f"still running: {', '.join(sorted(task.get_name() for task in left))}")

    async def _drain(self, work: asyncio.Task[None]) -> None:
        log.info("stopping, finishing work in progress first")
        self._worker.scheduler.stop()
        self._worker.events.hold_no_more()
        with suppress(TimeoutError):
            async with asyncio.timeout(_DRAIN):
                await work
        with suppress(TimeoutError):
            async with asyncio.timeout(_POSTING):
                await self._worker.events.drain()

    async def _watch(self) -> None:
        await self._worker.secrets.synced.wait()
        await self._supervisor.run(self._stop)
