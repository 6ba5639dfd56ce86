"""Serves an ASGI application from its own thread, on a free port of the loopback address."""

import asyncio
import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from types import TracebackType
from typing import Any, Self

import uvicorn
from uvicorn.protocols.http.h11_impl import H11Protocol

from tests.fakes.certificate import Certificate, ClientAuthority

HOST = "127.0.0.1"


class _Protocol(H11Protocol):
    """Gives the application its connection: an ASGI server can't reset one, or send something other than HTTP."""

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        super().connection_made(transport)
        self.app_state = {**self.app_state, "transport": transport}


class _Loop(uvicorn.Server):
    """Waits for its end without polling, and ends at once."""

    def __init__(self, config: uvicorn.Config) -> None:
        super().__init__(config)
        self.ready = threading.Event()
        self._end = asyncio.Event()
        self._loop: asyncio.AbstractEventLoop | None = None

    async def main_loop(self) -> None:
        self._loop = asyncio.get_running_loop()
        self.ready.set()
        await self._end.wait()

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        for server in self.servers:
            server.close()
        for connection in list(self.server_state.connections):
            connection.transport.abort()
        # Hanging or dripping responses see their client disconnect, and end.
        while self.server_state.tasks:
            await asyncio.wait(self.server_state.tasks)

    def end(self) -> None:
        """May be called from any thread, once ready."""
        assert self._loop is not None
        self._loop.call_soon_threadsafe(self._end.set)


class Server:
    """A context manager around a served application: inside, it serves at `url`."""

    url: str

    def __init__(
        self, app: Any, *, certificate: Certificate | None = None, clients: ClientAuthority | None = None
    ) -> None:
        """Takes no port yet; `clients`: the CA of required client certificates."""
        self._scheme = "https" if certificate else "http"
        self._config = uvicorn.Config(
            app,
            http=_Protocol,
            ws="none",
            lifespan="off",
            log_config=None,
            # uvicorn reports a deliberately broken response as an error, which isn't worth showing.
            log_level="critical",
            access_log=False,
            proxy_headers=False,
            server_header=False,
            date_header=False,
            # Clients that keep connections open for long must not find them closed at that moment.
            timeout_keep_alive=300,
            ssl_context_factory=(lambda _, __: certificate.context(clients=clients)) if certificate else None,
        )

    def __enter__(self) -> Self:
        """Starts serving."""
        self._start(_bound(0))
        return self

    @contextmanager
    def away(self) -> Iterator[None]:
        """Refuses connections as long as the block lasts, then serves at the same port again."""
        port = self._socket.getsockname()[1]
        self._stop()
        # A socket that is bound but not listening keeps the port from being given to anybody else.
        with _bound(port):
            try:
                yield
            finally:
                self._start(_bound(port))

    def _start(self, bound: socket.socket) -> None:
        self._socket, self._loop = bound, _Loop(self._config)
        self.url = f"{self._scheme}://{HOST}:{bound.getsockname()[1]}"
        self._thread = threading.Thread(target=self._serve, name=f"serving {self.url}", daemon=True)
        self._thread.start()
        if not self._loop.ready.wait(10):
            raise RuntimeError(f"nothing serves {self.url}")

    def _serve(self) -> None:
        asyncio.run(self._loop.serve(sockets=[self._socket]))

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        """Stops, and closes all connections."""
        self._stop()

    def _stop(self) -> None:
        self._loop.end()
        self._thread.join(10)
        self._socket.close()


def _bound(port: int) -> socket.socket:
    """A socket at that port, or at a free one."""
    # asyncio sets TCP_NODELAY only if the protocol is named, which socket.create_server doesn't do: every response
    # would take 40 ms.
    bound = socket.socket(socket.AF_INET, socket.SOCK_STREAM, socket.IPPROTO_TCP)
    # Several sockets may bind a port if one listens, and closed connections don't block it.
    bound.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    bound.bind((HOST, port))
    return bound
