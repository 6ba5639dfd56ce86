"""What kopf is given of a list: large objects only by their names and versions."""

import json
from collections.abc import AsyncIterator
from typing import Any

import aiohttp
import kopf
import pytest
from aiohttp import web
from integration_token.api.names import RENEW_ANNOTATION
from integration_token.handlers.session import is_cut, session_of


class Served:
    """An API server that answers with one list."""

    def __init__(self) -> None:
        """It is empty yet."""
        self.status = 200
        self.answer: Any = {}
        self.headers: dict[str, str] = {}
        """Of the last request."""

    async def get(self, request: web.Request) -> web.Response:
        """The answer, compressed for who takes that."""
        self.headers = dict(request.headers)
        response = web.Response(status=self.status, text=json.dumps(self.answer), content_type="application/json")
        response.enable_compression()
        return response


@pytest.fixture
async def served() -> AsyncIterator[tuple[Served, aiohttp.ClientSession, str]]:
    """It, a session of ours, and where it is."""
    served, application = Served(), web.Application()
    application.router.add_get("/list", served.get)
    runner = web.AppRunner(application)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    server = f"http://127.0.0.1:{runner.addresses[0][1]}"
    async with session_of(kopf.ConnectionInfo(server=server, token="t0ken", scheme="Bearer")) as session:
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
