"""The HTTP session that kopf lists and watches by.

kopf reads a page of a list as a whole, and holds each of its objects until its worker for it has been idle for a
moment: fifty objects of 1.5 MiB, and fifty more. So a page is taken apart as it comes in, and of a large object is left
what tells that it is there: who needs more of it reads it.

And for each event of a watch kopf begins a task, a queue and a chain of handlers; most are echoes of our own status
writes. It is told of those by bookmarks, which it only takes for how far it has come.
"""

import json
from collections.abc import AsyncIterator, Callable, Mapping
from typing import Any, Final

import aiohttp
import kopf
from aiohttp.connector import Connection

from integration_token.cluster.page import LARGE, PageReader, essence
from integration_token.tls import tolerant

_CUT: Final = "cut"

_MODIFIED: Final = b'{"type":"MODIFIED",'
"""How the API server begins the line of an object that was changed."""

News = Callable[[dict[str, Any]], bool]
"""Whether an object that was changed is to be told to kopf."""


def is_cut(body: Mapping[str, Any]) -> bool:
    """Whether an object was too large to be passed on: all but its names and versions is to be read anew."""
    return bool(body.get(_CUT))


def session_of(info: kopf.ConnectionInfo, news: News) -> aiohttp.ClientSession:
    """A session that reaches the API server as kopf's own would."""

    class Response(_Response):
        """Of this session."""

        async def start(self, connection: Connection) -> aiohttp.ClientResponse:
            await super().start(connection)
            if self.status == 200 and "watch" in self.url.query:
                self.content = _Watched(self.content, news)  # type: ignore[assignment]  # as far as it is read
            return self

    # Not compressed: a little of that may become much at once.
    headers = {**info.as_http_headers(), "Accept-Encoding": "identity"}
    return aiohttp.ClientSession(
        connector=aiohttp.TCPConnector(limit=0, ssl=tolerant(info.as_ssl_context())),
        headers=headers,
        proxy=info.proxy_url,
        trust_env=False,
        response_class=Response,
    )


class _Response(aiohttp.ClientResponse):
    """An answer of which a list is read object by object."""

    async def json(self, **options: Any) -> Any:
        if self.status != 200:
            return await super().json(**options)
        reader = PageReader()
        items: list[Any] = []
        async for data in self.content.iter_any():
            items += [_passed(*found) for found in reader.feed(data)]
        items += [_passed(*found) for found in reader.close()]
        return {**reader.fields, "items": items} if items else reader.fields


class _Watched:
    """The content of a watch: an event each line."""

    def __init__(self, content: aiohttp.StreamReader, is_news: News) -> None:
        self._content = content
        self._is_news = is_news

    def __getattr__(self, name: str) -> Any:
        return getattr(self._content, name)

    async def iter_chunked(self, size: int) -> AsyncIterator[bytes]:
        """Whole lines, as they come in."""
        begun = b""
        async for data in self._content.iter_chunked(size):
            *lines, begun = (begun + data).split(b"\n")
            if lines:
                yield b"".join(self._told(line) + b"\n" for line in lines)
        if begun:
            yield begun

    def _told(self, line: bytes) -> bytes:
        """A line as kopf is to read it."""
        if not line.startswith(_MODIFIED):
            return line
        body = json.loads(line)["object"]
        if self._is_news(body):
            return line
        version = body["metadata"]["resourceVersion"]
        return json.dumps({"type": "BOOKMARK", "object": {"metadata": {"resourceVersion": version}}}).encode()


def _passed(item: dict[str, Any], size: int) -> dict[str, Any]:
    return {**essence(item), _CUT: True} if size > LARGE else item
