"""Bounds what is read of one answer, whatever it consists of, and sends a request in one piece.

A server may send interim responses (`100 Continue`) for ever, or header lines: the HTTP library reads on until its
timeout, at full speed. And it writes head and body one after the other, each by a turn of the event loop and a system
call, which of a token request are a fifth of its cost.
"""

import ssl
from collections.abc import Iterable
from contextlib import suppress
from typing import Any

import httpcore

MAX_HEAD = 32 * 1024
"""Bytes on the wire before an answer's body: headers take a few, and interim responses none that matter."""


class TooMuch(httpcore.ReadError):
    """The peer sends more than an answer needs."""


class BoundedBackend(httpcore.AsyncNetworkBackend):
    """Opens connections whose streams are bounded."""

    def __init__(self, backend: httpcore.AsyncNetworkBackend) -> None:
        """`backend` opens them."""
        self._backend = backend

    async def connect_tcp(
        self,
        host: str,
        port: int,
        timeout: float | None = None,  # noqa: ASYNC109  # as the library has it, here and below
        local_address: str | None = None,
        socket_options: Iterable[Any] | None = None,
    ) -> httpcore.AsyncNetworkStream:
        """A connection to that address."""
        stream = await self._backend.connect_tcp(host, port, timeout, local_address, socket_options)
        return BoundedStream(stream)

    async def sleep(self, seconds: float) -> None:
        """As the library retries."""
        await self._backend.sleep(seconds)


class BoundedStream(httpcore.AsyncNetworkStream):
    """A connection on which only so much is read after each write, and what is written is sent before a read."""

    def __init__(self, stream: httpcore.AsyncNetworkStream) -> None:
        """`stream` is what it is read from."""
        self._stream = stream
        self._left = MAX_HEAD
        self._unsent = b""

    def allow(self, size: int) -> None:
        """So many bytes more may be read: the head of the answer is there.

        :raises TooMuch: where nothing of the request has been sent. It is what came beside the answer to another one,
            and may hold somebody else's token.
        """
        if self._unsent:
            raise TooMuch
        self._left += size

    async def read(self, max_bytes: int, timeout: float | None = None) -> bytes:  # noqa: ASYNC109
        """What has come.

        :raises TooMuch: where it is more than may be.
        """
        if self._unsent:
            unsent, self._unsent = self._unsent, b""
            # A server may refuse a request and close before it has read all of it: its answer is read all the same, as
            # the library does after a write that failed.
            with suppress(httpcore.WriteError):
                await self._stream.write(unsent, timeout)
        if not self._left:
            raise TooMuch
        data = await self._stream.read(min(max_bytes, self._left), timeout)
        self._left -= len(data)
        return data

    async def write(self, buffer: bytes, timeout: float | None = None) -> None:  # noqa: ASYNC109
        """Keeps what is to be sent until the answer is read."""
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
        """The same connection with TLS in it."""
        return BoundedStream(await self._stream.start_tls(ssl_context, server_hostname, timeout))

    def get_extra_info(self, info: str) -> Any:
        """Of the connection."""
        return self._stream.get_extra_info(info)
