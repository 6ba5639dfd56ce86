"""The HTTP session that kopf lists and watches with.

kopf reads a page of a list as a whole, and keeps each of its objects until its worker for it has been idle for a
moment: fifty objects of 1.5 MiB, and then fifty more. So a page is parsed as it arrives, and a large object is reduced
to its essential metadata: code that needs more reads it again.

For each object that kopf sees, it also starts a task, a queue and a chain of handlers, and remembers the object,
although most events are echoes of our own status writes. So events of our kinds are recorded here. kopf, which ensures
that everything is listed and watched without a gap, only sees bookmarks, which it uses to track its position.
"""

from collections.abc import AsyncIterator, Callable, Iterable, Mapping
from typing import Any, Final

import aiohttp
import kopf
from aiohttp.connector import Connection

from integration_token.cluster.page import LARGE, PageReader, essence
from integration_token.cluster.wire import decoded, encoded
from integration_token.tls import tolerant

_CUT: Final = "cut"

_EVENTS: Final = frozenset({"ADDED", "MODIFIED", "DELETED"})
"""The types of watch events that carry an object."""

Note = Callable[[str | None, dict[str, Any]], None]
"""Records an event, given its type (None for a listed object) and the object. Must not raise."""


def is_cut(body: Mapping[str, Any]) -> bool:
    """Whether an object was too large to be passed on: anything but its names and versions has to be read again."""
    return bool(body.get(_CUT))


def session_of(
    info: kopf.ConnectionInfo, notes: Mapping[str, Note], on_list: Callable[[str, str], None]
) -> aiohttp.ClientSession:
    """A session that connects to the API server as kopf's own would.

    :param notes: by plural, the kinds that are recorded here instead of being passed to kopf.
    :param on_list: called before the first object of such a list is recorded, with its plural and namespace, which is
        empty for all.
    """

    class Response(aiohttp.ClientResponse):
        """A response of this session: lists are parsed object by object."""

        @property
        def _note(self) -> Note | None:
            return notes.get(self.url.path.rpartition("/")[2])

        async def start(self, connection: Connection) -> aiohttp.ClientResponse:
            await super().start(connection)
            if self.status == 200 and "watch" in self.url.query and self._note is not None:
                self.content = _Watched(self.content, self._note)  # type: ignore[assignment]  # compatible with how it is read
            return self

        async def json(self, **options: Any) -> Any:
            if self.status != 200:
                return await super().json(**options)
            if self._note is not None and "continue" not in self.url.query:
                on_list(*_listed(self.url.path))
            reader = PageReader()
            items: list[Any] = []
            async for data in self.content.iter_any():
                items += _untold(reader.feed(data), self._note)
            items += _untold(reader.close(), self._note)
            return {**reader.fields, "items": items} if items else reader.fields

    # Not compressed: a few bytes could decompress to many.
    headers = {**info.as_http_headers(), "Accept-Encoding": "identity"}
    return aiohttp.ClientSession(
        connector=aiohttp.TCPConnector(limit=0, ssl=tolerant(info.as_ssl_context())),
        headers=headers,
        proxy=info.proxy_url,
        trust_env=False,
        response_class=Response,
    )


class _Watched:
    """The content of a watch: one event per line."""

    def __init__(self, content: aiohttp.StreamReader, note: Note) -> None:
        self._content = content
        self._note = note

    def __getattr__(self, name: str) -> Any:
        return getattr(self._content, name)

    async def iter_chunked(self, size: int) -> AsyncIterator[bytes]:
        """Complete lines, as they arrive."""
        begun = b""
        async for data in self._content.iter_chunked(size):
            *lines, begun = (begun + data).split(b"\n")
            if lines:
                yield b"".join(self._told(line) + b"\n" for line in lines if line)
        if begun:
            yield self._told(begun)

    def _told(self, line: bytes) -> bytes:
        """A line for kopf to read."""
        event = decoded(line)
        kind, body = event["type"], event["object"]
        if kind not in _EVENTS:
            return line
        self._note(kind, body)
        version = body["metadata"]["resourceVersion"]
        return encoded({"type": "BOOKMARK", "object": {"metadata": {"resourceVersion": version}}})


def _listed(path: str) -> tuple[str, str]:
    """Plural and namespace of the collection at that path of the API; no namespace for all."""
    *_, scope, namespace, plural = path.split("/")
    return plural, namespace if scope == "namespaces" else ""


def _untold(found: Iterable[tuple[dict[str, Any], int]], note: Note | None) -> list[dict[str, Any]]:
    """The listed objects that are passed to kopf, given with their sizes."""
    items = ({**essence(item), _CUT: True} if size > LARGE else item for item, size in found)
    if note is None:
        return list(items)
    for item in items:
        note(None, item)
    return []
