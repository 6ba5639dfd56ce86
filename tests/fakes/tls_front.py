"""A front that terminates TLS and passes requests on to a server with another certificate."""

import asyncio
import ssl
import threading
from contextlib import suppress
from types import TracebackType
from typing import Self
from urllib.parse import urlsplit

from tests.fakes.certificate import Certificate
from tests.fakes.server import HOST


class TLSFront:
    """A context manager: inside, it serves at `url` whatever is served behind it."""

    url: str

    def __init__(self, certificate: Certificate, behind: str, trusted: ssl.SSLContext) -> None:
        """:param behind: the server's URL.
        :param trusted: the CA of its certificate.
        """
        self._certificate = certificate
        address = urlsplit(behind)
        self._behind = str(address.hostname), int(address.port or 443)
        self._trusted = trusted
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, name="front", daemon=True)
        self._open: set[asyncio.StreamWriter] = set()

    def __enter__(self) -> Self:
        """Starts serving."""
        self._thread.start()
        self.url = f"https://{HOST}:{asyncio.run_coroutine_threadsafe(self._serve(), self._loop).result(10)}"
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        """Stops, and closes all connections."""
        asyncio.run_coroutine_threadsafe(self._end(), self._loop).result(10)
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join(10)
        self._loop.close()

    async def _serve(self) -> int:
        self._server = await asyncio.start_server(self._pass_on, HOST, 0, ssl=self._certificate.context())
        port: int = self._server.sockets[0].getsockname()[1]
        return port

    async def _end(self) -> None:
        self._server.close()
        for writer in self._open:
            writer.transport.abort()
        while others := asyncio.all_tasks() - {asyncio.current_task()}:
            await asyncio.wait(others)

    async def _pass_on(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """One connection, until either side ends it."""
        self._open.add(writer)
        try:
            inner_reader, inner_writer = await asyncio.open_connection(*self._behind, ssl=self._trusted)
            self._open.add(inner_writer)
            ways = [_copy(reader, inner_writer), _copy(inner_reader, writer)]
            await asyncio.gather(*ways)
            self._open.discard(inner_writer)
        except OSError:
            pass  # the server is down
        finally:
            writer.close()
            self._open.discard(writer)


async def _copy(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    with suppress(OSError):
        while data := await reader.read(65536):
            writer.write(data)
            await writer.drain()
    writer.close()
