"""Serves /healthz, /readyz and /metrics."""

import asyncio
import errno
from collections.abc import Callable
from contextlib import suppress
from typing import NamedTuple

from aiohttp import web

from integration_token.errors import SettingsError
from integration_token.runtime.loop_watch import LoopWatch
from integration_token.telemetry.metrics import Metrics

_METRICS_TYPE = "text/plain; version=0.0.4; charset=utf-8"


class Readiness(NamedTuple):
    """The response of `/readyz`."""

    ready: bool
    missing: str
    """What is missing; a process may be ready anyway."""


class Server:
    """The HTTP server for probes and metrics.

    `/healthz` succeeds unless the event loop was just blocked; `/readyz` succeeds once everything has been listed and
    is watched.
    """

    def __init__(
        self, address: tuple[str, int], metrics: Metrics, readiness: Callable[[], Readiness], loop_watch: LoopWatch
    ) -> None:
        """`loop_watch` runs as long as the server."""
        self._address = address
        self._metrics = metrics
        self._readiness = readiness
        self._loop_watch = loop_watch
        metrics.set_stall_source(loop_watch.take_longest)
        application = web.Application()
        application.router.add_get("/healthz", self._serve_healthz)
        application.router.add_get("/readyz", self._serve_readyz)
        application.router.add_get("/metrics", self._serve_metrics)
        self._runner = web.AppRunner(application, access_log=None)

    async def start(self) -> None:
        """Starts serving.

        :raises SettingsError: if the address is not available.
        """
        await self._runner.setup()
        host, port = self._address
        try:
            try:
                await web.TCPSite(self._runner, host or None, port).start()
            except OSError as error:
                if host or error.errno != errno.EADDRNOTAVAIL:
                    raise
                # The node has no IPv6.
                await web.TCPSite(self._runner, "0.0.0.0", port).start()  # noqa: S104  # probes come from the node
        except OSError as error:
            await self._runner.cleanup()
            raise SettingsError(f"--metrics-address {host}:{port}: {error.strerror}") from None
        self._loop_watch.start()

    async def stop(self) -> None:
        """Closes all connections."""
        self._loop_watch.stop()
        await self._runner.cleanup()

    async def _serve_healthz(self, _: web.Request) -> web.Response:
        problem = self._loop_watch.describe_stall()
        return web.Response(text=problem or "ok", status=503 if problem else 200)

    async def _serve_readyz(self, _: web.Request) -> web.Response:
        ready, missing = self._readiness()
        return web.Response(text=f"{'ok; ' * ready}{missing}" if missing else "ok", status=200 if ready else 503)

    async def _serve_metrics(self, request: web.Request) -> web.StreamResponse:
        headers = {"Content-Type": _METRICS_TYPE}
        if request.method == "HEAD":
            return web.Response(headers=headers)
        response = web.StreamResponse(headers=headers)
        response.enable_compression()
        with suppress(ConnectionError):  # the client may have gone, which is not our fault
            await response.prepare(request)
            for piece in self._metrics.pieces():
                await response.write(piece)
                await asyncio.sleep(0)  # a write that does not block gives no other task a turn
            await response.write_eof()
        return response
