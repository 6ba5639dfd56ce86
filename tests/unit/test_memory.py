"""How much memory is kept for objects as large as the API server accepts, and for many that come and go."""

import asyncio
import gc
import hashlib
import json
import tracemalloc
from collections.abc import AsyncGenerator, Callable, Iterator
from typing import Any

import pytest
from integration_token.api.endpoint import EndpointKind, EndpointRef
from integration_token.api.names import ALLOWED_HOSTS_ANNOTATION, CREDENTIALS_LABEL, RENEW_ANNOTATION, TARGET_LABEL
from integration_token.clock import Instant
from integration_token.cluster.collection import Collection
from integration_token.cluster.connection import Connection
from integration_token.cluster.fence import Fence
from integration_token.cluster.gateway import Gateway
from integration_token.cluster.page import essence
from integration_token.cluster.secret import SecretWatch
from integration_token.handlers.event_handler import EventHandler
from integration_token.state.inventory import Inventory
from integration_token.telemetry.metrics import Metrics
from integration_token.workqueue.endpoint_queues import EndpointQueues
from integration_token.workqueue.key import Key
from integration_token.workqueue.scheduler import Scheduler

from tests.fakes.cluster import Cluster
from tests.unit.idle import IDLE
from tests.unit.scrape import scraped
from tests.unit.virtual import FakeClock, run

Object = dict[str, Any]

SOME, MANY = 400, 7500
"""Objects of one kind for measuring what is kept of each, and the number that one tenant may create."""
EACH, ALL = 8192 - 900, 60 * 1024 * 1024
"""Bytes that may be kept of one, less the 900 that kopf keeps of each, and of all of them together."""

NAMESPACE = "n" * 63
LARGE = 250_000
"""Characters of one annotation: together they may have 256 KiB."""


class Asleep(Scheduler):
    """Works on nothing and remembers nothing."""

    def __init__(self, clock: FakeClock) -> None:
        """Starts with nothing woken."""
        super().__init__(clock, self._never, self._never)
        self.woken = 0

    def wake(self, key: Key) -> None:
        self.woken += 1

    async def _never(self, _: Key) -> Instant | None:
        raise AssertionError


class Watched:
    """What a handler leaves behind."""

    def __init__(self, clock: FakeClock) -> None:
        """Starts without any events."""
        self.metrics = Metrics()
        self.inventory = Inventory(clock, self.metrics.drop_endpoint, self.metrics.drop_namespace)
        self.metrics.begin_term(self.inventory, Fence(clock).is_open, IDLE, IDLE)
        self.scheduler = Asleep(clock)
        self.handler = EventHandler(
            self.inventory, self.scheduler, EndpointQueues(clock, self.scheduler, lambda _: "login.example")
        )

    def integration(self, body: Object) -> None:
        """The watch reports an IntegrationToken."""
        self.handler.on_integration("ADDED", body)

    def endpoint(self, body: Object) -> None:
        """The watch reports a TokenEndpoint."""
        self.handler.on_endpoint("ADDED", EndpointKind.NAMESPACED, body)

    def namespace(self, body: Object) -> None:
        """The watch reports a namespace."""
        self.handler.on_namespace("ADDED", body)


@pytest.fixture
def watched(clock: FakeClock) -> Watched:
    """A handler that hasn't seen any event."""
    return Watched(clock)


def kept(tell: Callable[[Object], None], make: Callable[[int], Object], count: int = SOME) -> float:
    """Bytes kept for each object of a kind that the watch reports, each parsed from JSON of its own."""
    gc.collect()
    tracemalloc.start()
    try:
        for number in range(count):
            tell(json.loads(json.dumps(make(number))))
        gc.collect()
        return tracemalloc.get_traced_memory()[0] / count
    finally:
        tracemalloc.stop()


def body(number: int, spec: Object, status: Object | None = None, **metadata: Any) -> Object:
    """An object with names of the maximum length."""
    named = {
        "namespace": NAMESPACE,
        "name": f"{number:063}",
        "uid": f"{number:036}",
        "generation": 1,
        "resourceVersion": f"{number:012}",
        **metadata,
    }
    return {"metadata": named, "spec": spec, "status": status or {}}


def token(number: int, spec: Object | None = None, **parts: Any) -> Object:
    """An IntegrationToken whose references have names of the maximum length and aren't shared."""
    references = {
        "endpointRef": {"name": f"e{number:0252}"},
        "credentialsSecretRef": {"name": f"c{number:0252}"},
        "target": {"name": f"t{number:0252}"},
    }
    return body(number, {**references, **(spec or {})}, **parts)


def text(number: int, length: int) -> str:
    """Text of that length, different each time, in characters of four bytes each."""
    return f"{number:07}\N{GRINNING FACE}".ljust(length, "x")


CONDITIONS = {"conditions": [{"type": f"T{each}", "status": "True", "message": "m" * 900} for each in range(5)]}

TOKENS: dict[str, Callable[[int], Object]] = {
    "with a large template": lambda number: token(
        number, {"target": {"template": {"data": {f"k{each}": text(number, 4000) for each in range(8)}}}}
    ),
    "with many scopes": lambda number: token(number, {"scopes": [f"{number}-{each}" for each in range(200)]}),
    "with a long audience": lambda number: token(number, {"audience": text(number, 2048)}),
    "with a long status": lambda number: token(number, status=CONDITIONS),
    "just small enough to be kept before their first token": lambda number: token(
        number, {"audience": text(number, 740)}
    ),
    "just small enough to be kept": lambda number: token(
        number,
        {"audience": hashlib.shake_128(b"%d" % number).hexdigest(420)},
        status={"conditions": [{"type": "Ready", "status": "True"}]},
    ),
    "with the maximum number of labels": lambda number: token(
        number, {"target": {"template": {"data": {f"{number}-{each}": f"{each}" for each in range(22)}}}}
    ),
    "with a long renewal request": lambda number: token(
        number, annotations={RENEW_ANNOTATION: text(number, 4000)}
    ),
    "with the longest kept renewal request": lambda number: token(
        number, {"audience": text(number, 460)}, annotations={RENEW_ANNOTATION: text(number, 256)}
    ),
    "that were too large to pass on": lambda number: {
        **essence(token(number, annotations={RENEW_ANNOTATION: text(number, 4000)})), "cut": True
    },
}  # fmt: skip


@pytest.mark.parametrize("make", TOKENS.values(), ids=TOKENS)
def test_little_is_kept_of_integration_tokens(watched: Watched, make: Callable[[int], Object]) -> None:
    """At most 8 KiB each."""
    assert kept(watched.integration, make) <= EACH
    assert len(watched.inventory.resources) == watched.scheduler.woken == SOME


def login(number: int, **spec: Any) -> Object:
    """A TokenEndpoint."""
    return body(number, {"tokenURL": f"https://login.example/{number}", **spec}, name=f"e{number:0252}")


ENDPOINTS: dict[str, Callable[[int], Object]] = {
    "with many authorities": lambda number: login(number, caBundle=text(number, 20_000)),
    "with the longest kept authorities": lambda number: login(number, caBundle=f"{number:07}".ljust(5200)),
    "with many parameters": lambda number: login(
        number, parameters={f"p{each}": text(number, 300) for each in range(32)}
    ),
    "with a long URL": lambda number: login(number, tokenURL=f"https://login.example/{number:02000}"),
    "with an unknown method that has a long name": lambda number: login(
        number, clientAuthenticationMethod=text(number, 4000)
    ),
    "with a long selector": lambda number: login(
        number, namespaceSelector={"matchLabels": {f"l{number}{each}": "v" * 63 for each in range(64)}}
    ),
    "with a long status": lambda number: {**login(number), "status": CONDITIONS},
    "that were too large to pass on": lambda number: {**essence(login(number)), "cut": True},
}


@pytest.mark.parametrize("make", ENDPOINTS.values(), ids=ENDPOINTS)
def test_little_is_kept_of_endpoints(watched: Watched, make: Callable[[int], Object]) -> None:
    """At most 8 KiB each."""
    assert kept(watched.endpoint, make) <= EACH
    assert watched.scheduler.woken == SOME


def test_little_is_kept_of_namespaces_with_many_labels(watched: Watched) -> None:
    """Labels are read when an endpoint needs them."""

    def make(number: int) -> Object:
        return {"metadata": {"name": f"{number:063}", "labels": {f"{number}.{each}": "v" * 63 for each in range(200)}}}

    assert kept(watched.namespace, make) <= EACH


def test_nothing_is_kept_of_endpoints_that_are_gone(watched: Watched) -> None:
    """Anybody who may create one can do so again and again."""

    def come_and_go(body: Object) -> None:
        ref = EndpointRef(EndpointKind.NAMESPACED, NAMESPACE, body["metadata"]["name"])
        watched.endpoint(body)
        watched.inventory.confirmed[ref] = 1.0
        watched.metrics.record_request(ref, "issued")
        watched.metrics.record_saved_request(ref)
        watched.handler.on_endpoint("DELETED", EndpointKind.NAMESPACED, body)

    assert kept(come_and_go, login) <= 64


def test_nothing_is_kept_of_resources_that_are_gone(watched: Watched) -> None:
    """Nor of their namespaces."""

    def come_and_go(body: Object) -> None:
        watched.integration(body)
        watched.metrics.record_write(NAMESPACE)
        watched.handler.on_integration("DELETED", body)

    assert kept(come_and_go, token) <= 64
    assert 'namespace="n' not in scraped(watched.metrics)


class Listed(Cluster):
    """A cluster with many Secrets, created as they are read; each is both credentials and a target."""

    def __init__(self, annotations: Callable[[int], dict[str, str]]) -> None:
        """The watch then reports each of them once more."""
        super().__init__()
        self._annotations = annotations

    def secrets(self) -> Iterator[Object]:
        """All of them, as the gateway passes them on."""
        for number in range(SOME):
            secret = body(number, {}, name=f"s{number:0252}", annotations=self._annotations(number))
            yield essence(json.loads(json.dumps(secret)))

    async def list_metadata(self, collection: Collection, namespace: str, selector: str) -> tuple[list[Object], str]:
        return list(self.secrets()), "1"

    async def watch_metadata(
        self, collection: Collection, namespace: str, selector: str, version: str
    ) -> AsyncGenerator[tuple[str, Object], None]:
        for secret in self.secrets():
            yield "MODIFIED", secret
        await asyncio.Event().wait()


SECRETS: dict[str, Callable[[int], dict[str, str]]] = {
    "with somebody's annotation": lambda number: {"data": text(number, 5000)},
    "with a long list of hosts": lambda number: {ALLOWED_HOSTS_ANNOTATION: text(number, 5000)},
    "with the longest kept list of hosts": lambda number: {ALLOWED_HOSTS_ANNOTATION: text(number, 2048)},
}


@pytest.mark.parametrize("annotations", SECRETS.values(), ids=SECRETS)
def test_little_is_kept_of_secrets(annotations: Callable[[int], dict[str, str]]) -> None:
    """At most 8 KiB for each Secret that is both credentials and a target."""

    async def main(_: FakeClock) -> None:
        watch = SecretWatch(Listed(annotations), (), lambda *_: None)
        gc.collect()
        tracemalloc.start()
        try:
            task = asyncio.create_task(watch.run())
            await watch.synced.wait()
            await asyncio.sleep(1)
            gc.collect()
            found = tracemalloc.get_traced_memory()[0]
        finally:
            tracemalloc.stop()
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)
        assert watch.credentials(NAMESPACE, f"s{SOME - 1:0252}") is not None
        assert watch.target(NAMESPACE, f"s{SOME - 1:0252}") is not None
        assert found / SOME <= EACH

    run(main)


def test_all_of_them_together_take_60_mib(watched: Watched) -> None:
    """7,500 objects in a namespace, of every kind and each as large as what is kept of it."""
    makers = [(watched.integration, make) for make in TOKENS.values()]
    makers += [(watched.endpoint, make) for make in ENDPOINTS.values()]

    def tell(body: Object) -> None:
        number = int(body["metadata"]["uid"])
        of, make = makers[number % len(makers)]
        of(json.loads(json.dumps(make(number))))

    assert kept(tell, lambda number: body(number, {}), MANY) * MANY <= ALL


class Streamed:
    """A response of the API server, received as it is read."""

    status = 200

    def __init__(self, pieces: Iterator[bytes]) -> None:
        """Starts unread."""
        self.content = self
        self._pieces = pieces

    async def iter_any(self) -> AsyncGenerator[bytes, None]:
        """Its chunks."""
        for piece in self._pieces:
            yield piece

    def close(self) -> None:
        """As in the library's response."""


class OneList(Connection):
    """A connection that returns one list."""

    def __init__(self, pieces: Iterator[bytes]) -> None:
        """Starts without any requests."""
        self._pieces = pieces

    async def request(self, *_: Any, **__: Any) -> Any:
        return Streamed(self._pieces)


async def test_a_page_of_large_objects_is_never_held() -> None:
    """A hundred Secrets, each with an annotation of 250 kB, one after the other."""

    def pieces() -> Iterator[bytes]:
        yield b'{"metadata": {"resourceVersion": "7"}, "items": ['
        for number in range(100):
            secret = body(number, {}, annotations={"data": text(number, LARGE)}, labels={TARGET_LABEL: "x"})
            written = (b"," if number else b"") + json.dumps(secret).encode()
            yield from (written[start : start + 65536] for start in range(0, len(written), 65536))
        yield b"]}"

    gateway = Gateway(OneList(pieces()))
    tracemalloc.start()
    try:
        items, version = await gateway.list_metadata(Collection("/api/v1", "secrets"), "", f"{CREDENTIALS_LABEL}=true")
        most = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert (len(items), version) == (100, "7")
    assert most <= 16 * LARGE
