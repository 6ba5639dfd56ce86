"""The operator as a process: its connections, what it serves, and its terms of work, one after the other."""

import asyncio
import gc
import random
import signal
import socket
import uuid
from collections.abc import Callable
from contextlib import AsyncExitStack

from integration_token.clock import Clock
from integration_token.cluster.connection import connect, own_namespace
from integration_token.cluster.fence import Fence
from integration_token.cluster.gateway import Gateway
from integration_token.cluster.lease import Candidate
from integration_token.cluster.permission import Call, Permissions
from integration_token.errors import SettingsError
from integration_token.oauth.trusted_file import TrustedFile
from integration_token.runtime.leadership import LeaderTerm
from integration_token.runtime.loop_watch import LoopWatch
from integration_token.runtime.server import Readiness, Server
from integration_token.runtime.settings import Settings
from integration_token.telemetry.metrics import Metrics


async def run(settings: Settings, clock: Clock) -> None:
    """Runs the operator until SIGTERM or SIGINT, then finishes work in progress.

    :raises SettingsError: if it cannot start with these settings.
    """
    trusted = TrustedFile(settings.trusted_ca_file)
    await trusted.open()
    metrics = Metrics()

    def failed(call: Call, code: str) -> None:
        metrics.record_api_error(call.verb, call.resource, code)

    async with AsyncExitStack() as stack:
        client = await connect(settings.kubeconfig, watches=2 * len(settings.namespaces))
        stack.push_async_callback(client.close)
        candidate: Candidate | None = None
        if settings.leader_elect:
            # A separate connection: a renewal must not wait behind ten thousand calls.
            apart = await connect(settings.kubeconfig, watches=0)
            stack.push_async_callback(apart.close)
            candidate = Candidate(
                Gateway(apart, failed=failed),
                clock,
                namespace=settings.lease_namespace or own_namespace(),
                name=settings.lease_name,
                # Random, since a container that restarts in the same pod has the same host name.
                identity=f"{socket.gethostname()}_{uuid.uuid4()}",
                jitter=random.random,
            )
        permissions = Permissions(clock)
        application = Application(
            settings,
            clock,
            lambda fence: Gateway(client, fence, permissions, failed),
            permissions,
            candidate,
            metrics,
            trusted=trusted,
            own_namespace=_own_namespace(settings),
        )
        await application.run()


def _own_namespace(settings: Settings) -> str | None:
    """The operator's own namespace; None outside of a pod, unless the Lease's namespace is set."""
    if settings.kubeconfig is not None:
        return settings.lease_namespace
    try:
        return own_namespace()
    except SettingsError:
        return None


class Application:
    """One process of the operator."""

    def __init__(
        self,
        settings: Settings,
        clock: Clock,
        gateway: Callable[[Fence], Gateway],
        permissions: Permissions,
        candidate: Candidate | None,
        metrics: Metrics,
        *,
        trusted: TrustedFile,
        own_namespace: str | None,
    ) -> None:
        """`candidate` is None without leader election. The last two are the same as for a term."""
        self._settings = settings
        self._clock = clock
        self._gateway = gateway
        self._permissions = permissions
        self._candidate = candidate
        self._trusted = trusted
        self._own_namespace = own_namespace
        self._metrics = metrics
        if trusted.is_set:
            metrics.set_trust_source(lambda: not trusted.problem)
        loop_watch = LoopWatch(asyncio.get_running_loop().time)
        self._server = Server(settings.metrics_address, self._metrics, self._readiness, loop_watch)
        self._stop = asyncio.Event()
        self._term: LeaderTerm | None = None

    async def run(self) -> None:
        """Runs until a signal.

        A process that loses its lease goes back to standby instead of exiting as processes built on client-go do: after
        an outage it continues at once if no other has taken over, and no container has to restart. That is safe, since
        nothing of a term that could act outlives it.
        """
        self._take_signals()
        await self._server.start()
        try:
            while not self._stop.is_set():
                # What is left of a term is in reference cycles, and on standby Python allocates too little to collect
                # them.
                gc.collect()
                if self._candidate is None:
                    await self._run_term(Fence(self._clock))
                elif (fence := await self._acquire(self._candidate)) is not None:
                    await self._lead(self._candidate, fence)
        finally:
            await self._server.stop()

    async def _acquire(self, candidate: Candidate) -> Fence | None:
        """The permission to act, once this process has it; None if the process is to stop first."""
        acquiring = asyncio.create_task(candidate.acquire(), name="acquire")
        stopping = asyncio.create_task(self._stop.wait(), name="stop")
        try:
            await asyncio.wait((acquiring, stopping), return_when=asyncio.FIRST_COMPLETED)
            return acquiring.result() if acquiring.done() else None
        finally:
            for task in (acquiring, stopping):
                task.cancel()
            await asyncio.wait((acquiring, stopping))

    async def _lead(self, candidate: Candidate, fence: Fence) -> None:
        # Started before anything of kopf, which would cancel it.
        renewing = asyncio.create_task(candidate.renew(fence), name="renew")
        try:
            await self._run_term(fence)
        finally:
            ours = fence.is_open()
            fence.close()
            renewing.cancel()
            await asyncio.wait((renewing,))
            if not renewing.cancelled():
                renewing.result()
            if ours:
                await candidate.release()

    async def _run_term(self, fence: Fence) -> None:
        self._term = LeaderTerm(
            self._settings,
            self._clock,
            self._gateway(fence),
            fence,
            self._metrics,
            self._permissions,
            self._trusted,
            own_namespace=self._own_namespace,
            take_signals=self._take_signals,
        )
        try:
            await self._term.run(self._stop)
        finally:
            self._term = None

    def _readiness(self) -> Readiness:
        """A process is ready if it works, for at least one namespace, or could take over from the leader at once."""
        if self._term is None:
            problem = self._candidate.problem if self._candidate is not None else "not started yet"
            return Readiness(not problem, problem)
        refused = self._permissions.missing
        blocked = bool(self._term.missing) or self._permissions.is_refused_in_all(self._settings.namespaces)
        return Readiness(not blocked, "; ".join(filter(None, (self._term.missing, refused))))

    def _take_signals(self) -> None:
        """Makes SIGTERM and SIGINT request an orderly shutdown."""
        loop = asyncio.get_running_loop()
        for number in (signal.SIGTERM, signal.SIGINT):
            loop.add_signal_handler(number, self._stop.set)
