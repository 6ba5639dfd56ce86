"""The HTTP session that kopf lists and watches by.

kopf reads a page of a list as a whole, and holds each of its objects until its worker for it has been idle for a
moment: fifty objects of 1.5 MiB, and fifty more. So a page is taken apart as it comes in, and of a large object is left
what tells that it is there: who needs more of it reads it.

And for each object that it is told of kopf begins a task, a queue and a chain of handlers, and remembers it, though
most events are echoes of our own status writes. So those of our kinds are noted here, and kopf, which sees to it that
all is listed and watched without a gap, is told of them by bookmarks, which it only takes for how far it has come.
"""

import json
from collections.abc import AsyncIterator, Callable, Iterable, Mapping
from typing import Any, Final

import aiohttp
import kopf
from aiohttp.connector import Connection

from integration_token.cluster.page import LARGE, PageReader, essence
from integration_token.tls import tolerant

_CUT: Final = "cut"

_EVENTS: Final = frozenset({"ADDED", "MODIFIED", "DELETED"})
"""The types of a watch's lines that tell of an object."""

Note = Callable[[str | None, dict[str, Any]], None]
"""Takes note of an event by its type, None of an object that was listed, and the object. It raises nothing."""


def is_cut(body: Mapping[str, Any]) -> bool:
    """Whether an object was too large to be passed on: all but its names and versions is to be read anew."""
    return bool(body.get(_CUT))


def session_of(info: kopf.ConnectionInfo, notes: Mapping[str, Note]) -> aiohttp.ClientSession:
    """A session that reaches the API server as kopf's own would.

    :param notes: of which kinds, by their plurals, kopf is not to be told.
    """

    class Response(aiohttp.ClientResponse):
        """Of this session: a list is read object by object."""

        @property
        def _note(self) -> Note | None:
            return notes.get(self.url.path.rpartition("/")[2])

        async def start(self, connection: Connection) -> aiohttp.ClientResponse:
            await super().start(connection)
            if self.status == 200 and "watch" in self.url.query and self._note is not None:
                self.content = _Watched(self.content, self._note)  # type: ignore[assignment]  # as far as it is read
            return self

        async def json(self, **options: Any) -> Any:
            if self.status != 200:
                return await super().json(**options)
            reader = PageReader()
            items: list[Any] = []
            async for data in self.content.iter_any():
                items += _untold(reader.feed(data), self._note)
            items += _untold(reader.close(), self._note)
            return {**reader.fields, "items": items} if items else reader.fields

    # Not compressed: a little of that may become much at once.
    headers = {**info.as_http_headers(), "Accept-Encoding": "identity"}
    return aiohttp.ClientSession(
        connector=aiohttp.TCPConnector(limit=0, ssl=tolerant(info.as_ssl_context())),
        headers=headers,
        proxy=info.proxy_url,
        trust_env=False,
        response_class=Response,
    )


class _Watched:
    """The content of a watch: an event each line."""

    def __init__(self, content: aiohttp.StreamReader, note: Note) -> None:
        self._content = content
        self._note = note

    def __getattr__(self, name: str) -> Any:
        return getattr(self._content, name)

    async def iter_chunked(self, size: int) -> AsyncIterator[bytes]:
        """Whole lines, as they come in."""
        begun = b""
        async for data in self._content.iter_chunked(size):
            *lines, begun = (begun + data).split(b"\n")
            if lines:
                yield b"".join(self._told(line) + b"\n" for line in lines if line)
        if begun:
            yield self._told(begun)

    def _told(self, line: bytes) -> bytes:
        """A line as kopf is to read it."""
        event = json.loads(line)
        kind, body = event["type"], event["object"]
        if kind not in _EVENTS:
            return line
        self._note(kind, body)
        version = body["metadata"]["resourceVersion"]
        return json.dumps({"type": "BOOKMARK", "object": {"metadata": {"resourceVersion": version}}}).encode()


def _untold(found: Iterable[tuple[dict[str, Any], int]], note: Note | None) -> list[dict[str, Any]]:
    """Of a list's objects, with their sizes, those that kopf is told of."""
    items = ({**essence(item), _CUT: True} if size > LARGE else item for item, size in found)
    if note is None:
        return list(items)
    for item in items:
        note(None, item)
    return []
