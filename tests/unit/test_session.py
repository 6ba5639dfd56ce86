"""What kopf is given: of a list large objects only by their names and versions, of a watch what is news."""

import json
from collections.abc import AsyncIterator
from typing import Any

import aiohttp
import kopf
import pytest
from aiohttp import web
from integration_token.api.names import RENEW_ANNOTATION
from integration_token.handlers.session import is_cut, session_of
from kopf._cogs.clients.api import iter_jsonlines


class Served:
    """An API server that answers with one list."""

    def __init__(self) -> None:
        """It is empty yet."""
        self.status = 200
        self.answer: Any = {}
        self.pieces: list[bytes] = []
        """Of a watch's answer, as they are sent."""
        self.headers: dict[str, str] = {}
        """Of the last request."""

    async def get(self, request: web.Request) -> web.Response:
        """The answer, compressed for who takes that."""
        self.headers = dict(request.headers)
        response = web.Response(status=self.status, text=json.dumps(self.answer), content_type="application/json")
        response.enable_compression()
        return response

    async def watch(self, request: web.Request) -> web.StreamResponse:
        """The pieces, each by itself."""
        response = web.StreamResponse()
        await response.prepare(request)
        for piece in self.pieces:
            await response.write(piece)
        await response.write_eof()
        return response


def news(body: dict[str, Any]) -> bool:
    """Whatever has a spec of a later generation."""
    return bool(body["metadata"]["generation"] > 1)


@pytest.fixture
async def served() -> AsyncIterator[tuple[Served, aiohttp.ClientSession, str]]:
    """It, a session of ours, and where it is."""
    served, application = Served(), web.Application()
    application.router.add_get("/list", served.get)
    application.router.add_get("/watch", served.watch)
    runner = web.AppRunner(application)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    server = f"http://127.0.0.1:{runner.addresses[0][1]}"
    async with session_of(kopf.ConnectionInfo(server=server, token="t0ken", scheme="Bearer"), news) as session:
        yield served, session, f"{server}/list"
    await runner.cleanup()


Environment = tuple[Served, aiohttp.ClientSession, str]


async def read(environment: Environment, answer: Any) -> Any:
    """What kopf reads of an answer."""
    served, session, url = environment
    served.answer = answer
    async with await session.get(url) as response:
        return await response.json()


async def test_large_objects_are_cut_and_others_are_passed_on(served: Environment) -> None:
    """With the list's own fields, as the API server sent them."""
    small = {"metadata": {"name": "small", "uid": "1"}, "spec": {"text": "x" * 1000}}
    metadata = {"name": "large", "uid": "2", "generation": 3, "annotations": {RENEW_ANNOTATION: "now"}}
    large = {"metadata": {**metadata, "labels": {"app": "shop"}}, "spec": {"text": "x" * 1_250_000}}
    listed = {"kind": "L", "metadata": {"continue": "c"}, "items": [small, large, small]}
    assert await read(served, listed) == {
        "kind": "L", "metadata": {"continue": "c"}, "items": [small, {"metadata": metadata, "cut": True}, small]
    }  # fmt: skip
    assert is_cut({"metadata": metadata, "cut": True})
    assert not is_cut(small)


async def test_it_logs_in_as_it_was_told_and_asks_for_no_compression(served: Environment) -> None:
    """A little compressed text may become much at once."""
    await read(served, {"items": []})
    assert served[0].headers["Authorization"] == "Bearer t0ken"
    assert served[0].headers["Accept-Encoding"] == "identity"


async def test_what_is_no_list_is_passed_on_whole(served: Environment) -> None:
    """Which kinds there are, and refusals."""
    kinds = {"kind": "APIResourceList", "resources": [{"name": "integrationtokens"}]}
    assert await read(served, kinds) == kinds
    served[0].status = 403
    assert await read(served, {"kind": "Status", "code": 403}) == {"kind": "Status", "code": 403}


def told(kind: str, version: int, generation: int) -> bytes:
    """A line of a watch, as the API server writes it."""
    metadata = {"name": "shop", "resourceVersion": f"{version}", "generation": generation}
    event = {"type": kind, "object": {"kind": "IntegrationToken", "metadata": metadata}}
    return json.dumps(event, separators=(",", ":")).encode() + b"\n"


async def watched(environment: Environment, *pieces: bytes) -> list[dict[str, Any]]:
    """What kopf reads of a watch whose answer comes in these pieces."""
    served, session, url = environment
    served.pieces = list(pieces)
    async with await session.get(url.replace("/list", "/watch"), params={"watch": "true"}) as response:
        return [json.loads(line) async for line in iter_jsonlines(response.content)]


async def test_of_changes_that_are_no_news_a_watch_tells_the_version_alone(served: Environment) -> None:
    """Our own status writes come back by the thousand; kopf goes on from the version after a break."""
    lines = [told("ADDED", 1, 1), told("MODIFIED", 2, 1), told("MODIFIED", 3, 2), told("DELETED", 4, 1)]
    added, modified, deleted = (json.loads(lines[place]) for place in (0, 2, 3))
    bookmark = {"type": "BOOKMARK", "object": {"metadata": {"resourceVersion": "2"}}}
    assert await watched(served, b"".join(lines)) == [added, bookmark, modified, deleted]


async def test_lines_of_a_watch_may_come_in_any_pieces(served: Environment) -> None:
    """A line is passed on once it is whole, and the last one where the answer ends in it."""
    text = told("MODIFIED", 2, 1) + told("MODIFIED", 3, 2) + told("ADDED", 4, 1).rstrip()
    pieces = [text[place : place + 7] for place in range(0, len(text), 7)]
    assert [event["type"] for event in await watched(served, *pieces)] == ["BOOKMARK", "MODIFIED", "ADDED"]


async def test_what_a_watch_is_refused_with_is_passed_on(served: Environment) -> None:
    """kopf tells by it that it must list again."""
    gone = {"type": "ERROR", "object": {"kind": "Status", "code": 410}}
    assert await watched(served, json.dumps(gone).encode() + b"\n") == [gone]
