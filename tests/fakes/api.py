"""An API that checks the Bearer token, as the Environment API does: it sees what consumers send."""

import time
from collections.abc import Callable
from contextlib import ExitStack
from types import TracebackType
from typing import Protocol, Self

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, PlainTextResponse, Response
from starlette.routing import Route

from tests.fakes.call import Call, Verdict
from tests.fakes.certificate import Certificate
from tests.fakes.record import Log
from tests.fakes.server import Server


class Known(Protocol):
    """A token that an API knows."""

    @property
    def serial(self) -> int:
        """1 for the first one."""

    @property
    def expires(self) -> float:
        """Wall time in seconds."""


class Tokens(Protocol):
    """How an API recognises tokens: through the issuer itself, or through what the issuer publishes."""

    def find(self, value: str) -> Known | None:
        """The token with that value, if it was issued there."""


class EnvironmentAPI:
    """A context manager: inside, the API runs; `url` and a consumer's name give that consumer's address."""

    def __init__(
        self, tokens: Tokens, *, certificate: Certificate | None = None, clock: Callable[[], float] = time.time
    ) -> None:
        """Takes no port yet; with a certificate it uses TLS."""
        self._tokens = tokens
        self._clock = clock
        self._log: Log[Call] = Log()
        routes = [Route("/api/v1/environment/{consumer}/fonts", self._fonts, methods=["GET", "POST"])]
        self._server = Server(Starlette(routes=routes), certificate=certificate)
        self._stack = ExitStack()

    def url(self, consumer: str) -> str:
        """What that consumer calls."""
        return f"{self._server.url}/api/v1/environment/{consumer}/fonts"

    def __enter__(self) -> Self:
        """Starts serving."""
        self._stack.enter_context(self._server)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        """Stops; the log can still be read."""
        self._stack.close()

    @property
    def calls(self) -> tuple[Call, ...]:
        """Every call so far."""
        return self._log.entries()

    def wait_for(self, enough: Callable[[tuple[Call, ...]], bool], timeout: float = 10.0) -> tuple[Call, ...]:
        """The calls, as soon as there are enough.

        :raises TimeoutError: if there aren't after `timeout` seconds.
        """
        return self._log.wait_for(enough, timeout)

    def check(self, consumer: str, authorization: str, now: float) -> Call:
        """The API's record of one call."""
        scheme, _, value = authorization.partition(" ")
        if scheme.lower() != "bearer" or not value:
            return Call(now, consumer, Verdict.MISSING)
        token = self._tokens.find(value)
        if token is None:
            return Call(now, consumer, Verdict.UNKNOWN)
        verdict = Verdict.EXPIRED if now >= token.expires else Verdict.ACCEPTED
        return Call(now, consumer, verdict, token.serial, token.expires)

    async def _fonts(self, request: Request) -> Response:
        consumer: str = request.path_params["consumer"]
        call = self.check(consumer, request.headers.get("authorization", ""), self._clock())
        self._log.add(call)
        if call.verdict is Verdict.ACCEPTED:
            if "text/plain" in request.headers.get("accept", ""):  # a metrics scrape, which returns no metrics
                return PlainTextResponse("")
            return JSONResponse({"data": []})
        return JSONResponse({"error": "invalid_token"}, 401, {"www-authenticate": 'Bearer error="invalid_token"'})
