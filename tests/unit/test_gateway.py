"""Calls to the API server: what each response means, and that no error repeats what was sent."""

import asyncio
import base64
import json
from collections.abc import Mapping
from types import SimpleNamespace
from typing import Any

import aiohttp
import pytest
from integration_token.api.names import MANAGER
from integration_token.cluster.collection import INTEGRATIONS, SECRETS
from integration_token.cluster.connection import Connection
from integration_token.cluster.fence import Fence
from integration_token.cluster.gateway import Gateway
from integration_token.cluster.permission import Call, Permissions
from integration_token.errors import ClusterError, Conflict, Denied, Fenced, Unauthorized, Unavailable

from tests.unit.virtual import FakeClock

TOKEN = "Zx9-a token that nobody may see-8Kq2"
SECRET = {
    "metadata": {"name": "shop"},
    "data": {"token": base64.b64encode(TOKEN.encode()).decode(), "n": base64.b64encode(b"1").decode()},
}


class Client(Connection):
    """A connection with the responses that a test wants."""

    def __init__(self, status: int = 200, body: object = None, error: BaseException | None = None) -> None:
        """`body` is JSON, or bytes to send as they are."""
        self._status = status
        self._content = body if isinstance(body, bytes) else json.dumps(body).encode()
        self._error = error
        self.requests: list[tuple[str, str, Mapping[str, str], Any]] = []
        self.piece = 7
        """Bytes of a response that arrive at once."""
        self.limits: list[float | None] = []
        """Seconds that each piece may take."""

    async def request(
        self, method: str, path: str, body: bytes | None, headers: Mapping[str, str], limits: aiohttp.ClientTimeout
    ) -> Any:
        self.requests.append((method, path, headers, body and json.loads(body)))
        self.limits.append(limits.total)
        if self._error is not None:
            raise self._error
        return self

    @property
    def status(self) -> int:
        return self._status

    @property
    def content(self) -> Any:
        async def pieces() -> Any:
            for start in range(0, len(self._content), self.piece):
                yield self._content[start : start + self.piece]

        return SimpleNamespace(iter_any=pieces)

    def close(self) -> Any:
        """As in the library's response."""


def gateway(client: Client) -> Gateway:
    """The gateway on such a client."""
    return Gateway(client)


@pytest.mark.parametrize(
    ("status", "kind"),
    [
        (400, Denied),
        (401, Unauthorized),
        (403, Denied),
        (408, Unavailable),
        (409, Conflict),
        (410, Conflict),
        (413, Denied),
        (422, Denied),
        (429, Unavailable),
        (500, Unavailable),
        (503, Unavailable),
    ],
)
async def test_a_refusal_is_classed_by_what_helps(status: int, kind: type[ClusterError]) -> None:
    """Observe again, change something, or wait."""
    client = Client(status, {"message": "the quota is exceeded: used 1"})
    with pytest.raises(ClusterError) as caught:
        await gateway(client).replace(SECRETS, "store", "shop", SECRET)
    assert type(caught.value) is kind
    if kind is not Conflict:
        assert str(caught.value) == f"{status} the quota is exceeded: used 1"


@pytest.mark.parametrize(
    "echo",
    [TOKEN, json.dumps(SECRET), base64.b64encode(f"Bearer {TOKEN}".encode()).decode()],
    ids=["plain", "body", "b64"],
)
@pytest.mark.parametrize("status", [403, 409, 422, 500])
async def test_a_refusal_that_repeats_what_was_sent_shows_nothing_of_it(status: int, echo: str) -> None:
    """Admission webhooks choose their own words."""
    client = Client(status, {"message": f"denied: {echo}"})
    with pytest.raises(ClusterError) as caught:
        await gateway(client).create(SECRETS, "store", SECRET)
    shown = str(caught.value) + repr(caught.value)
    hidden = TOKEN + SECRET["data"]["token"] + base64.b64encode(f"Bearer {TOKEN}".encode()).decode()
    assert not any(hidden[start : start + 16] in shown for start in range(len(hidden) - 15))
    assert caught.value.__cause__ is None


@pytest.mark.parametrize(
    "error",
    [
        aiohttp.ClientResponseError(None, (), message=f"Bearer {TOKEN}"),  # type: ignore[arg-type]  # no request
        aiohttp.ClientConnectionError(TOKEN),
        TimeoutError(TOKEN),
        OSError(TOKEN),
        asyncio.CancelledError(TOKEN),
    ],
    ids=lambda error: type(error).__name__,
)
async def test_a_failed_call_only_reports_its_kind(error: BaseException) -> None:
    """The library's own text contains headers; a cancellation meant for another task doesn't stop the caller."""
    with pytest.raises(Unavailable) as caught:
        await gateway(Client(error=error)).get(SECRETS, "store", "shop")
    assert TOKEN not in str(caught.value)
    assert caught.value.__suppress_context__


async def test_a_cancelled_task_ends() -> None:
    """A real cancellation is obeyed."""
    client = Client()

    async def hang(*_: Any, **__: Any) -> Any:
        await asyncio.Event().wait()

    client.request = hang  # type: ignore[method-assign]  # for this test
    task = asyncio.create_task(gateway(client).get(SECRETS, "store", "shop"))
    await asyncio.sleep(0)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task


@pytest.mark.parametrize("body", [b"<html>", b"", b"[]", b"{", b"\xff\xfe"])
async def test_a_success_without_an_object_is_no_success(body: bytes) -> None:
    """As with a load balancer's page or half a response."""
    with pytest.raises(Unavailable):
        await gateway(Client(200, body)).get(SECRETS, "store", "shop")
    with pytest.raises(Unavailable):
        await gateway(Client(200, body)).list_metadata(SECRETS, "", "app")


async def test_text_that_is_not_unicode_is_read_and_written_all_the_same() -> None:
    """The API server replaces it."""
    client = Client(200, b'{"metadata": {"name": "\\ud800"}}')
    found = await gateway(client).get(SECRETS, "store", "shop")
    assert found == {"metadata": {"name": "\ud800"}}
    await gateway(client).create(SECRETS, "store", found)
    assert client.requests[1][3] == found


@pytest.mark.parametrize("line", [b"<html>", b"[]", b"{}", b'{"type": "ADDED"}', b"7"])
async def test_a_watch_that_brings_no_events_is_broken(line: bytes) -> None:
    """The caller starts a new watch."""
    with pytest.raises(Unavailable):
        async for _ in gateway(Client(200, line)).watch_metadata(SECRETS, "", "app", "1"):
            pass


async def test_each_call_reports_a_missing_object_in_its_own_way() -> None:
    """None for a read, a conflict for a replace, False for a patch or event, nothing for a delete."""
    missing = gateway(Client(404, {"message": "not found"}))
    assert await missing.get(SECRETS, "store", "shop") is None
    assert await missing.get_metadata(SECRETS, "store", "shop") is None
    assert await missing.patch_status(INTEGRATIONS, "store", "shop", "1", {}) is False
    await missing.delete(SECRETS, "store", "shop", "uid", "1")
    with pytest.raises(Conflict):
        await missing.replace(SECRETS, "store", "shop", SECRET)
    with pytest.raises(Denied):
        await missing.create(SECRETS, "store", SECRET)
    with pytest.raises(Denied, match="install the CRDs"):
        await missing.probe(INTEGRATIONS, "", watch=True)


async def test_writes_name_their_manager_and_the_object_that_they_are_of() -> None:
    """So that the API server records which manager wrote what, and refuses outdated writes."""
    client = Client(200, {"metadata": {}})
    calls = gateway(client)
    await calls.create(SECRETS, "store", SECRET)
    await calls.replace(SECRETS, "store", "shop", SECRET)
    await calls.patch_status(INTEGRATIONS, "store", "shop", "7", {"scope": []})
    await calls.delete(SECRETS, "store", "shop", "uid-1", "8")
    (_, create, _, _), (_, replace, _, _), (_, patch, headers, status), (_, delete, _, options) = client.requests
    assert create == f"/api/v1/namespaces/store/secrets?fieldManager={MANAGER}"
    assert replace == f"/api/v1/namespaces/store/secrets/shop?fieldManager={MANAGER}"
    assert patch.endswith(f"/namespaces/store/integrationtokens/shop/status?fieldManager={MANAGER}")
    assert headers["Content-Type"] == "application/merge-patch+json"
    assert status == {"metadata": {"resourceVersion": "7"}, "status": {"scope": []}}
    assert delete == "/api/v1/namespaces/store/secrets/shop"
    assert options["preconditions"] == {"uid": "uid-1", "resourceVersion": "8"}


class Slow(Client):
    """Responds slowly with large objects, and counts how many responses overlap."""

    reading = most = 0

    async def request(self, *_: Any, **__: Any) -> Any:
        async def pieces() -> Any:
            yield b'{"text": "'
            yield b"x" * 65536
            self.reading += 1
            self.most = max(self.most, self.reading)
            for _ in range(5):
                await asyncio.sleep(0)
                yield b"x" * 65536
            yield b'"}'
            self.reading -= 1

        return SimpleNamespace(status=200, content=SimpleNamespace(iter_any=pieces))


async def test_few_large_answers_are_read_at_a_time() -> None:
    """Somebody may have created thousands of them; each is read to its end."""
    client = Slow()
    calls = gateway(client)
    answers = await asyncio.gather(*(calls.get(INTEGRATIONS, "store", f"{number}") for number in range(40)))
    assert [len(answer["text"]) for answer in answers if answer] == [6 * 65536] * 40
    assert client.most <= 4


async def test_nothing_is_asked_for_in_compressed_form() -> None:
    """A small compressed response can expand to a huge one."""
    client = Client(200, {"metadata": {"resourceVersion": "9"}, "items": []})
    await gateway(client).get(SECRETS, "store", "shop")
    await gateway(client).list_metadata(SECRETS, "store", "app=shop")
    assert {headers["Accept-Encoding"] for _, _, headers, _ in client.requests} == {"identity"}


@pytest.mark.parametrize("piece", [7, 100_000, 10_000_000])
async def test_an_event_of_a_watch_may_be_as_large_as_an_object(piece: int) -> None:
    """Even if escapes multiply its size; only its identifying fields are kept."""
    metadata = {"namespace": "store", "name": "shop", "uid": "1", "resourceVersion": "2"}
    item = {"metadata": {**metadata, "annotations": {"x": "<" * 100}, "labels": {"y": "\u003c" * 10}}}
    large = {"metadata": {**metadata, "labels": {"y": "x" * 5_000_000 if piece > 7 else "x"}}}
    events = [
        {"type": "ADDED", "object": item},
        {"type": "MODIFIED", "object": large},
        {"type": "ADDED", "object": item},
    ]
    client = Client(200, "".join(f"{json.dumps(event)}\n" for event in events).encode())
    client.piece = piece
    found = [event async for event in gateway(client).watch_metadata(SECRETS, "", "app", "1")]
    known = {"metadata": {**metadata, "annotations": {}}}
    assert found == [("ADDED", known), ("MODIFIED", known), ("ADDED", known)]


async def test_a_kind_that_is_not_there_cannot_be_listed() -> None:
    """As when the CRDs are not installed."""
    with pytest.raises(Denied, match="install the CRDs"):
        await gateway(Client(404, {"message": "not found"})).list_metadata(SECRETS, "", "app")


async def test_lists_are_read_to_the_end_and_hold_metadata_alone() -> None:
    """Page by page."""
    client = Client(200, {"metadata": {"resourceVersion": "9"}, "items": [{"metadata": {"name": "shop"}}]})
    items, version = await gateway(client).list_metadata(SECRETS, "store", "app=shop")
    assert ([item["metadata"]["name"] for item in items], version) == (["shop"], "9")
    assert "as=PartialObjectMetadataList" in client.requests[0][2]["Accept"]
    assert "labelSelector=app=shop" in client.requests[0][1]


async def test_probe_reports_which_verb_is_refused() -> None:
    """A watch is probed only if it is needed: it costs a connection."""
    client = Client(200, {"metadata": {"resourceVersion": "9"}})
    await gateway(client).probe(INTEGRATIONS, "store", watch=False)
    assert ["watch=true" in path for _, path, _, _ in client.requests] == [False]
    await gateway(client).probe(INTEGRATIONS, "store", watch=True)
    assert ["watch=true" in path for _, path, _, _ in client.requests[1:]] == [False, True]
    assert "resourceVersion=9" in client.requests[2][1]


async def test_writes_need_an_open_fence(clock: FakeClock) -> None:
    """Reads are harmless; a write isn't sent once the fence is closed, and waits only as long as it is open."""
    client = Client(200, {"metadata": {}})
    fence = Fence(clock, clock.now().boot + 10)
    calls = Gateway(client, fence)
    await calls.create(SECRETS, "store", SECRET)
    clock.advance(3)
    await calls.replace(SECRETS, "store", "shop", SECRET)
    assert client.limits == [10, 7]
    clock.advance(7)
    attempts = (
        calls.create(SECRETS, "store", SECRET),
        calls.replace(SECRETS, "store", "shop", SECRET),
        calls.patch_status(INTEGRATIONS, "store", "shop", "7", {}),
        calls.delete(SECRETS, "store", "shop", "uid-1", "8"),
    )
    for attempt in attempts:
        with pytest.raises(Fenced):
            await attempt
    assert len(client.requests) == 2
    assert await calls.get(SECRETS, "store", "shop")


async def test_every_answer_is_known_to_the_permissions(clock: FakeClock) -> None:
    """For calls, lists and watches alike; a token that a refusal echoes is not recorded."""
    permissions = Permissions(clock)
    said = f'User "u" cannot create resource "secrets" {TOKEN}'
    forbidden = Gateway(Client(403, {"message": said}), None, permissions)
    with pytest.raises(Denied):
        await forbidden.create(SECRETS, "store", SECRET)
    with pytest.raises(Denied):
        await forbidden.list_metadata(SECRETS, "", "app")
    with pytest.raises(Denied):
        await anext(forbidden.watch_metadata(SECRETS, "", "app", "1"))
    assert permissions.missing == "not permitted: create secrets in store; list secrets; watch secrets"
    granted = Gateway(Client(200, {"metadata": {"resourceVersion": "1"}}), None, permissions)
    await granted.create(SECRETS, "store", SECRET)
    await granted.probe(SECRETS, "", watch=True)
    assert permissions.missing == ""


@pytest.mark.parametrize("allowed", [True, False])
async def test_the_api_server_is_asked_what_it_would_grant(*, allowed: bool) -> None:
    """With a SelfSubjectAccessReview, which needs no permission."""
    client = Client(201, {"status": {"allowed": allowed}})
    call = Call("patch", "integrationtoken.dev", "integrationtokens/status", "store")
    assert await gateway(client).is_permitted(call) is allowed
    ((_, path, _, body),) = client.requests
    assert path.endswith("/selfsubjectaccessreviews")
    assert body["spec"]["resourceAttributes"] == {
        "verb": "patch",
        "group": "integrationtoken.dev",
        "resource": "integrationtokens",
        "subresource": "status",
        "namespace": "store",
    }


NO_NAMES = ["../../other/secrets/shop", "shop/status", "shop?x=y", "shop#x", "%2e%2e/x", "..", ".", "shop\n", "Shop"]


@pytest.mark.parametrize("name", NO_NAMES)
async def test_what_is_no_name_leads_to_no_object_of_somebody_else(name: str) -> None:
    """Users choose the names in references: a path in one would lead into another namespace."""
    client = Client(200, SECRET)
    assert await gateway(client).get(SECRETS, "store", name) is None
    assert await gateway(client).get_metadata(SECRETS, "store", name) is None
    assert client.requests == []


@pytest.mark.parametrize("name", NO_NAMES)
async def test_nothing_is_written_under_what_is_no_name(name: str) -> None:
    """Nor is anything looked up in an invalid namespace."""
    client = Client(200, SECRET)
    for call in (
        gateway(client).replace(SECRETS, "store", name, SECRET),
        gateway(client).delete(SECRETS, "store", name, "uid", "1"),
        gateway(client).annotate(SECRETS, "store", name, {}),
        gateway(client).patch_status(INTEGRATIONS, "store", name, "1", {}),
        gateway(client).get(SECRETS, name, "shop"),
        gateway(client).create(SECRETS, name, SECRET),
    ):
        with pytest.raises(Denied, match="is not a valid object name"):
            await call
    assert client.requests == []
