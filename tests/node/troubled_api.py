"""An API that fails its callers in the ways that a test asks for, and records what they sent."""

import time
from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import dataclass, field
from types import TracebackType
from typing import TYPE_CHECKING, Final, Self

from starlette.types import Receive, Scope, Send

from tests.fakes.delivery import deliver
from tests.fakes.record import Log
from tests.fakes.reply import Reply
from tests.fakes.server import HOST, Server

if TYPE_CHECKING:
    from asyncio import Transport

FINE: Final = Reply(200, {"data": []})

ELSEWHERE: Final = "elsewhere"
"""Callers that arrive only through a redirect."""


@dataclass(frozen=True, slots=True)
class Call:
    """One call."""

    received: float
    """Monotonic time in seconds."""
    consumer: str
    """The caller, or ELSEWHERE."""
    authorization: str = field(repr=False)
    """The header's value; empty if missing."""
    reply: Reply
    """The response to it."""


class TroubledAPI:
    """A context manager: inside, the API runs; `url` and a consumer's name give that consumer's address."""

    def __init__(self) -> None:
        """Starts without failures."""
        self.reply = FINE
        """The response for everybody from now on; a test sets it."""
        self._log: Log[Call] = Log()
        self._connections: dict[Transport, str] = {}
        self._server = Server(self)
        self._stack = ExitStack()

    def __enter__(self) -> Self:
        """Starts serving."""
        self._stack.enter_context(self._server)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        """Stops, and closes all connections."""
        self._stack.close()

    def url(self, consumer: str) -> str:
        """What that consumer calls."""
        return f"{self._server.url}/{consumer}"

    @property
    def elsewhere(self) -> str:
        """The same server under another host name: where a redirect may lead."""
        return f"{self._server.url.replace(HOST, 'localhost')}/{ELSEWHERE}"

    @property
    def calls(self) -> tuple[Call, ...]:
        """Every call so far."""
        return self._log.entries()

    def connections(self) -> list[str]:
        """The caller of each open connection."""
        return [consumer for transport, consumer in tuple(self._connections.items()) if not transport.is_closing()]

    def wait_for(self, enough: Callable[[tuple[Call, ...]], bool], timeout: float) -> None:
        """Returns as soon as there are enough calls.

        :raises TimeoutError: if there aren't after `timeout` seconds.
        """
        self._log.wait_for(enough, timeout)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """The ASGI application."""
        headers = {name.decode("latin-1"): value.decode("latin-1") for name, value in scope["headers"]}
        consumer = scope["path"].removeprefix("/")
        reply = FINE if consumer == ELSEWHERE else self.reply
        self._connections[scope["state"]["transport"]] = consumer
        self._log.add(Call(time.monotonic(), consumer, headers.get("authorization", ""), reply))
        await deliver(reply, None, scope, receive, send)
