"""Bounds what is read of one response, whatever it consists of, and sends a request in one piece.

A server may send interim responses (`100 Continue`) or header lines endlessly: the HTTP library reads on until its
timeout, at full speed. It also writes head and body separately, each costing a turn of the event loop and a system
call: a fifth of the cost of a token request.
"""

import ssl
from collections.abc import Iterable
from contextlib import suppress
from typing import Any

import httpcore

MAX_HEAD = 32 * 1024
"""Bytes on the wire before a response's body: headers take a few, and no interim response matters."""


class TooMuch(httpcore.ReadError):
    """The peer sends more than a response needs."""


class BoundedBackend(httpcore.AsyncNetworkBackend):
    """Opens connections whose streams are bounded."""

    def __init__(self, backend: httpcore.AsyncNetworkBackend) -> None:
        """`backend` opens the connections."""
        self._backend = backend

    async def connect_tcp(
        self,
        host: str,
        port: int,
        timeout: float | None = None,  # noqa: ASYNC109  # the library's signature, here and below
        local_address: str | None = None,
        socket_options: Iterable[Any] | None = None,
    ) -> httpcore.AsyncNetworkStream:
        """A bounded connection to that address."""
        stream = await self._backend.connect_tcp(host, port, timeout, local_address, socket_options)
        return BoundedStream(stream)

    async def sleep(self, seconds: float) -> None:
        """The delay between the library's retries."""
        await self._backend.sleep(seconds)


class BoundedStream(httpcore.AsyncNetworkStream):
    """Bounds how much is read after each write, and delays writing until a read."""

    def __init__(self, stream: httpcore.AsyncNetworkStream) -> None:
        """Wraps `stream`."""
        self._stream = stream
        self._left = MAX_HEAD
        self._unsent = b""

    def allow(self, size: int) -> None:
        """Allows this many more bytes to be read, once the head of the response has arrived.

        :raises TooMuch: if nothing of the request has been sent. The data then came along with another request's
            response, and may contain another tenant's token.
        """
        if self._unsent:
            raise TooMuch
        self._left += size

    async def read(self, max_bytes: int, timeout: float | None = None) -> bytes:  # noqa: ASYNC109
        """The next bytes.

        :raises TooMuch: if the limit is exceeded.
        """
        if self._unsent:
            unsent, self._unsent = self._unsent, b""
            # A server may refuse a request and close before it has read all of it: read its response anyway, as the
            # library does after a failed write.
            with suppress(httpcore.WriteError):
                await self._stream.write(unsent, timeout)
        if not self._left:
            raise TooMuch
        data = await self._stream.read(min(max_bytes, self._left), timeout)
        self._left -= len(data)
        return data

    async def write(self, buffer: bytes, timeout: float | None = None) -> None:  # noqa: ASYNC109
        """Buffers what is to be sent until the response is read."""
        self._left = MAX_HEAD
        self._unsent += buffer

    async def aclose(self) -> None:
        """Closes the connection."""
        await self._stream.aclose()

    async def start_tls(
        self,
        ssl_context: ssl.SSLContext,
        server_hostname: str | None = None,
        timeout: float | None = None,  # noqa: ASYNC109
    ) -> httpcore.AsyncNetworkStream:
        """The same connection with TLS."""
        return BoundedStream(await self._stream.start_tls(ssl_context, server_hostname, timeout))

    def get_extra_info(self, info: str) -> Any:
        """Information about the connection."""
        return self._stream.get_extra_info(info)
