"""What is recorded of a list or watch, and what is passed on to kopf."""

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
    """An API server that returns one list."""

    def __init__(self) -> None:
        """Starts empty."""
        self.noted: list[tuple[str | None, dict[str, Any]]] = []
        """Of the kind that kopf doesn't hear about."""
        self.status = 200
        self.answer: Any = {}
        self.pieces: list[bytes] = []
        """The chunks of a watch's response, as they are sent."""
        self.headers: dict[str, str] = {}
        """The headers of the last request."""
        self.lists: list[tuple[str, str]] = []
        """Plural and namespace of each list that has begun."""

    def listed(self, plural: str, namespace: str) -> None:
        """A list has begun."""
        assert not self.noted, "an object was recorded before"
        self.lists.append((plural, namespace))

    async def get(self, request: web.Request) -> web.Response:
        """The response, compressed for clients that accept it."""
        self.headers = dict(request.headers)
        response = web.Response(status=self.status, text=json.dumps(self.answer), content_type="application/json")
        response.enable_compression()
        return response

    async def watch(self, request: web.Request) -> web.StreamResponse:
        """Sends each chunk separately."""
        response = web.StreamResponse()
        await response.prepare(request)
        for piece in self.pieces:
            await response.write(piece)
        await response.write_eof()
        return response


@pytest.fixture
async def served() -> AsyncIterator[tuple[Served, aiohttp.ClientSession, str]]:
    """The server, a session of ours, and its address."""
    served, application = Served(), web.Application()
    for plural in ("tokens", "namespaces"):
        application.router.add_get(f"/list/{plural}", served.get)
        application.router.add_get(f"/watch/{plural}", served.watch)
    runner = web.AppRunner(application)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    server = f"http://127.0.0.1:{runner.addresses[0][1]}"
    notes = {"tokens": lambda kind, body: served.noted.append((kind, body))}
    async with session_of(
        kopf.ConnectionInfo(server=server, token="t0ken", scheme="Bearer"), notes, served.listed
    ) as session:
        yield served, session, server
    await runner.cleanup()


Environment = tuple[Served, aiohttp.ClientSession, str]


async def read(environment: Environment, answer: Any, plural: str = "namespaces") -> Any:
    """What kopf reads of a response."""
    served, session, server = environment
    served.answer = answer
    async with await session.get(f"{server}/list/{plural}") as response:
        return await response.json()


async def test_a_list_is_announced_before_its_first_object(served: Environment) -> None:
    """Once, however many pages it has, and only of a kind that kopf doesn't hear about."""
    shop = {"metadata": {"name": "shop", "uid": "1"}}
    await read(served, {"metadata": {"continue": "c"}, "items": [shop]}, "tokens?limit=1")
    await read(served, {"metadata": {}, "items": [shop]}, "tokens?limit=1&continue=c")
    await read(served, {"metadata": {}, "items": [shop]})
    assert served[0].lists == [("tokens", "")]
    assert len(served[0].noted) == 2


async def test_large_objects_are_cut_and_others_are_passed_on(served: Environment) -> None:
    """The list's own fields stay as sent; objects of our kinds are recorded and removed."""
    small = {"metadata": {"name": "small", "uid": "1"}, "spec": {"text": "x" * 1000}}
    metadata = {"name": "large", "uid": "2", "generation": 3, "annotations": {RENEW_ANNOTATION: "now"}}
    large = {"metadata": {**metadata, "labels": {"app": "shop"}}, "spec": {"text": "x" * 1_250_000}}
    listed = {"kind": "L", "metadata": {"continue": "c"}, "items": [small, large, small]}
    assert await read(served, listed) == {
        "kind": "L", "metadata": {"continue": "c"}, "items": [small, {"metadata": metadata, "cut": True}, small]
    }  # fmt: skip
    assert not served[0].noted
    assert await read(served, listed, "tokens") == {"kind": "L", "metadata": {"continue": "c"}}
    assert served[0].noted == [(None, small), (None, {"metadata": metadata, "cut": True}), (None, small)]
    assert is_cut({"metadata": metadata, "cut": True})
    assert not is_cut(small)


async def test_it_logs_in_as_configured_and_requests_no_compression(served: Environment) -> None:
    """A small compressed text may expand enormously."""
    await read(served, {"items": []})
    assert served[0].headers["Authorization"] == "Bearer t0ken"
    assert served[0].headers["Accept-Encoding"] == "identity"


async def test_what_is_no_list_is_passed_on_whole(served: Environment) -> None:
    """Such as API discovery and refusals."""
    kinds = {"kind": "APIResourceList", "resources": [{"name": "integrationtokens"}]}
    assert await read(served, kinds) == kinds
    served[0].status = 403
    assert await read(served, {"kind": "Status", "code": 403}) == {"kind": "Status", "code": 403}


def told(kind: str, version: int, generation: int) -> bytes:
    """A line of a watch, as the API server writes it."""
    metadata = {"name": "shop", "resourceVersion": f"{version}", "generation": generation}
    event = {"type": kind, "object": {"kind": "IntegrationToken", "metadata": metadata}}
    return json.dumps(event, separators=(",", ":")).encode() + b"\n"


async def watched(environment: Environment, *pieces: bytes, plural: str = "tokens") -> list[dict[str, Any]]:
    """What kopf reads of a watch whose response arrives in these chunks."""
    served, session, server = environment
    served.pieces = list(pieces)
    async with await session.get(f"{server}/watch/{plural}", params={"watch": "true"}) as response:
        return [json.loads(line) async for line in iter_jsonlines(response.content)]


def bookmark(version: int) -> dict[str, Any]:
    """A bookmark event, which says how far a watch has come."""
    return {"type": "BOOKMARK", "object": {"metadata": {"resourceVersion": f"{version}"}}}


async def test_a_watch_of_our_kinds_passes_only_the_versions_to_kopf(served: Environment) -> None:
    """kopf resumes from the last of them after a break; each event is recorded once and in order."""
    lines = [told("ADDED", 1, 1), told("MODIFIED", 2, 1), told("MODIFIED", 3, 2), told("DELETED", 4, 1)]
    assert await watched(served, b"".join(lines)) == [bookmark(version) for version in (1, 2, 3, 4)]
    assert served[0].noted == [(event["type"], event["object"]) for event in map(json.loads, lines)]


async def test_other_kinds_are_kopfs_own(served: Environment) -> None:
    """Such as namespaces, which it also lists for itself."""
    assert await watched(served, told("ADDED", 1, 1), plural="namespaces") == [json.loads(told("ADDED", 1, 1))]
    assert not served[0].noted


async def test_lines_of_a_watch_may_come_in_any_pieces(served: Environment) -> None:
    """A line is recorded once it is complete."""
    text = told("MODIFIED", 2, 1) + told("MODIFIED", 3, 2) + told("ADDED", 4, 1)
    pieces = [text[place : place + 7] for place in range(0, len(text), 7)]
    assert await watched(served, *pieces) == [bookmark(version) for version in (2, 3, 4)]


async def test_a_last_line_that_nothing_ends_is_noted_as_well(served: Environment) -> None:
    """An empty line, which a proxy may send to keep the connection open, doesn't count."""
    text = told("MODIFIED", 2, 1) + b"\n" + told("DELETED", 3, 1).rstrip()
    assert await watched(served, text) == [bookmark(2), bookmark(3)]
    assert [kind for kind, _ in served[0].noted] == ["MODIFIED", "DELETED"]


async def test_a_line_in_which_an_answer_breaks_off_is_an_error(served: Environment) -> None:
    """kopf sees the same error, and restarts the watch."""
    with pytest.raises(ValueError, match=r"Unterminated|Expecting"):
        await watched(served, told("MODIFIED", 2, 1) + told("ADDED", 3, 1)[:-9])
    assert [kind for kind, _ in served[0].noted] == ["MODIFIED"]


@pytest.mark.parametrize(
    "line",
    [{"type": "ERROR", "object": {"kind": "Status", "code": 410}}, bookmark(7)],
    ids=["refused", "a bookmark of the API server's"],
)
async def test_events_without_an_object_are_passed_on(served: Environment, line: dict[str, Any]) -> None:
    """They tell kopf that it must list again, or how far it has come."""
    assert await watched(served, json.dumps(line).encode() + b"\n") == [line]
    assert not served[0].noted


async def test_text_that_one_tenant_chose_ends_no_watch(served: Environment) -> None:
    """Python's own parser reads what the faster one refuses, and what it reads is written again."""
    odd = '{"type": "MODIFIED", "object": {"metadata": {"name": "\\ud800", "resourceVersion": "7"}}}\n'
    other = '{"type": "SOMETHING", "object": {"n": "\\ud800"}}\n'
    assert await watched(served, odd.encode(), other.encode()) == [
        {"type": "BOOKMARK", "object": {"metadata": {"resourceVersion": "7"}}},
        {"type": "SOMETHING", "object": {"n": "\ud800"}},
    ]
    assert served[0].noted == [("MODIFIED", {"metadata": {"name": "\ud800", "resourceVersion": "7"}})]
