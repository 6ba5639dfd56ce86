"""One exchange with the API server: sends JSON, returns an object, a refusal or a streamed body."""

import asyncio
from collections.abc import Callable, Mapping

import aiohttp

from integration_token.cluster.collection import Object
from integration_token.cluster.connection import Connection
from integration_token.cluster.fence import Fence
from integration_token.cluster.permission import Call, Permissions, call_of
from integration_token.cluster.refusal import refusal_of
from integration_token.cluster.wire import decoded, encoded
from integration_token.errors import ClusterError, Unavailable
from integration_token.tls import failure_of

TIMEOUT = 30.0
"""Seconds for one call: the API server itself gives up after 60."""

UNREACHABLE = "unreachable"
"""The code of a call without a response."""

_SILENCE = 75.0
"""Seconds without a byte after which a watch is given up: the API server sends a bookmark every minute."""


def _limits(seconds: float | None) -> aiohttp.ClientTimeout:
    """For a whole call; None for a watch."""
    return aiohttp.ClientTimeout(total=seconds, sock_connect=TIMEOUT, sock_read=None if seconds else _SILENCE)


_LIMITS = _limits(TIMEOUT)
"""Made once: this takes long, and most calls have it."""

_PLAIN = 65536
"""Bytes of a response that are read at once; larger ones take turns: see `_LARGE`."""
_LARGE = 4
"""Larger responses that are read at a time: one object may be 1.5 MiB, and someone may have created thousands."""


class RestClient:
    """Sends requests and reads responses; raises a ClusterError if the response is not what was asked for.

    Bodies are never logged, and an error contains no text of a refusal that could be data that was sent.
    """

    def __init__(
        self,
        connection: Connection,
        fence: Fence | None,
        permissions: Permissions | None,
        failed: Callable[[Call, str], None],
    ) -> None:
        """`fence`: writes are sent only while it is open; None for no such limit. `permissions` is notified of every
        response; `failed` of every failed call with the status code, or `unreachable` without one."""
        self._connection = connection
        self._fence = fence
        self._permissions = permissions
        self._failed = failed
        self._large = asyncio.Semaphore(_LARGE)

    async def call(
        self, method: str, path: str, body: Object | None = None, headers: Mapping[str, str] | None = None
    ) -> tuple[int, Object]:
        """Status and JSON of one call: 2xx, or 404 if the caller handles that; no JSON for a PATCH."""
        response = await self.open(method, path, body, headers or {}, TIMEOUT)
        return await self.read(method, path, response, body)

    async def read(
        self, method: str, path: str, response: aiohttp.ClientResponse, body: Object | None
    ) -> tuple[int, Object]:
        """Status and JSON of a response, in the form of :meth:`call`."""
        # A PATCH returns the whole object, which a caller that changes part of it does not need.
        wanted = method != "PATCH" or response.status >= 300
        try:
            answer = await self._object(response, wanted=wanted)
        except (aiohttp.ClientError, TimeoutError):
            self._failed(call_of(method, path), UNREACHABLE)
            raise Unavailable("the API server's response broke off") from None
        if not wanted:
            self.on_answer(method, path, None)
            return response.status, {}
        refusal = None
        if response.status >= 300 and response.status != 404:
            refusal = refusal_of(response.status, answer, body)
            self._failed(call_of(method, path), str(response.status))
        self.on_answer(method, path, refusal)
        if refusal is not None:
            raise refusal
        if response.status < 300 and not answer:
            raise Unavailable("the API server's response is not a JSON object")
        return response.status, answer

    async def open(
        self,
        method: str,
        path: str,
        body: Object | None,
        headers: Mapping[str, str],
        seconds: float | None,
    ) -> aiohttp.ClientResponse:
        """Sends a request; the response's body is still to be read.

        :param seconds: for the whole call; None for a watch, which lasts while data arrives.
        """
        limits = _LIMITS if seconds == TIMEOUT else _limits(seconds)
        # Not compressed: a few bytes could decompress to many before anything can throttle reading.
        sent, data = {"Accept": "application/json", "Accept-Encoding": "identity", **headers}, None
        if body is not None:
            sent["Content-Type"] = "application/merge-patch+json" if method == "PATCH" else "application/json"
            data = encoded(body)
        try:
            if self._fence is not None and method != "GET":
                left = self._fence.check()
                limits = _LIMITS if left >= TIMEOUT else aiohttp.ClientTimeout(total=left)
            response = await self._connection.request(method, path, data, sent, limits)
        except (aiohttp.ClientError, TimeoutError, OSError) as error:
            self._failed(call_of(method, path), UNREACHABLE)
            raise _unreachable(error) from None
        except asyncio.CancelledError:
            task = asyncio.current_task()
            if task is not None and task.cancelling():
                raise
            # When kopf ends, it cancels every task that did not exist before it started, such as the one that opens
            # this connection: a transient failure of this call, not the end of the caller.
            raise Unavailable("the connection to the API server was cancelled") from None
        return response

    async def open_watch(self, path: str, headers: Mapping[str, str], seconds: float | None) -> aiohttp.ClientResponse:
        """The response to a watch that was granted, to be read and closed.

        :param seconds: as in :meth:`open`.
        """
        response = await self.open("GET", path, None, headers, seconds)
        if response.status == 200:
            self.on_answer("GET", path, None)
            return response
        try:
            answer = await self._object(response, wanted=True)
        except (aiohttp.ClientError, TimeoutError):
            raise Unavailable("the watch broke") from None
        finally:
            response.close()
        refusal = refusal_of(response.status, answer, None)
        self._failed(call_of("GET", path), str(response.status))
        self.on_answer("GET", path, refusal)
        raise refusal

    def on_answer(self, method: str, path: str, refusal: ClusterError | None) -> None:
        """Records that the API server granted or refused a request."""
        if self._permissions is not None:
            self._permissions.on_answer(method, path, refusal)

    async def _object(self, response: aiohttp.ClientResponse, *, wanted: bool) -> Object:
        """The object in a response; empty if it is not wanted, or the response contains none."""
        text = bytearray()
        chunks = response.content.iter_any()
        async for data in chunks:
            text += data if wanted else b""
            if len(text) > _PLAIN:
                async with self._large:
                    async for rest in chunks:
                        text += rest
                    return _parsed(text)
        return _parsed(text)


def _unreachable(error: Exception) -> Unavailable:
    """The failure for a request that did not get through. The library's own text contains the request's headers, so
    only the type of error is shown, and for TLS the reason."""
    if said := failure_of(error):
        return Unavailable(
            f"the API server cannot be reached: {said}; check its address and certificate authority in the kubeconfig,"
            " or in the pod's ServiceAccount"
        )
    return Unavailable(f"the API server cannot be reached ({type(error).__name__})")


def _parsed(text: bytes | bytearray) -> Object:
    """A body's object; empty if it is not a JSON object."""
    try:
        answer = decoded(text)
    except ValueError:
        return {}
    return answer if isinstance(answer, dict) else {}
