"""What passes through a token request's connection."""

import ssl
from collections.abc import Callable
from typing import Any

import httpcore
import pytest
from integration_token.oauth.stream import BoundedStream


class Peer(httpcore.AsyncNetworkStream):
    """Answers immediately, whatever it receives."""

    def __init__(self, fail: Callable[[], None] = lambda: None) -> None:
        """`fail` is called with everything sent."""
        self.sent: list[bytes] = []
        self._fail = fail

    async def read(self, max_bytes: int, timeout: float | None = None) -> bytes:  # noqa: ASYNC109  # as the library has it, here and below
        """A response."""
        return b"HTTP/1.1 200 OK\r\n"[:max_bytes]

    async def write(self, buffer: bytes, timeout: float | None = None) -> None:  # noqa: ASYNC109
        """A part of a request."""
        self._fail()
        self.sent.append(buffer)

    async def aclose(self) -> None:
        """There is nothing to close."""

    async def start_tls(
        self,
        ssl_context: ssl.SSLContext,
        server_hostname: str | None = None,
        timeout: float | None = None,  # noqa: ASYNC109
    ) -> httpcore.AsyncNetworkStream:
        """Does nothing."""
        return self

    def get_extra_info(self, info: str) -> Any:
        """There is no connection to ask."""


async def test_head_and_body_go_out_in_one_piece() -> None:
    """As soon as the response is read, and once."""
    peer = Peer()
    stream = BoundedStream(peer)
    for piece in (b"POST / HTTP/1.1\r\n\r\n", b"grant_type=client_credentials"):
        await stream.write(piece)
    await stream.read(64)
    await stream.read(64)
    assert peer.sent == [b"POST / HTTP/1.1\r\n\r\ngrant_type=client_credentials"]


async def test_a_server_that_closes_before_everything_is_sent_is_heard() -> None:
    """An endpoint may refuse after reading only the head; its response is reported."""

    def closed() -> None:
        raise httpcore.WriteError

    stream = BoundedStream(Peer(closed))
    await stream.write(b"POST / HTTP/1.1\r\n\r\n")
    assert (await stream.read(64)).startswith(b"HTTP/1.1 200")


async def test_a_request_that_nobody_takes_times_out() -> None:
    """A response to an unsent request isn't waited for."""

    def stuck() -> None:
        raise httpcore.WriteTimeout

    stream = BoundedStream(Peer(stuck))
    await stream.write(b"POST / HTTP/1.1\r\n\r\n")
    with pytest.raises(httpcore.WriteTimeout):
        await stream.read(64)
