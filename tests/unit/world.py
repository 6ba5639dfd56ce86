"""A whole operator in virtual time: its own parts, with fakes for kopf, HTTP and the API server."""

import asyncio
import base64
from collections.abc import Callable, Coroutine, Iterator
from contextlib import contextmanager
from email.utils import formatdate
from typing import Any
from urllib.parse import urlsplit

from integration_token.api.condition import ConditionType, condition_of
from integration_token.api.endpoint import EndpointKind
from integration_token.api.jwt import claims_of
from integration_token.api.names import (
    ALLOWED_AUDIENCES_ANNOTATION,
    ALLOWED_HOSTS_ANNOTATION,
    CLUSTER_TOKEN_ENDPOINTS,
    CREDENTIALS_LABEL,
    GROUP,
    INTEGRATION_TOKENS,
    RENEW_ANNOTATION,
    TOKEN_ENDPOINTS,
    VERSION,
)
from integration_token.clock import Instant
from integration_token.cluster.collection import Object
from integration_token.cluster.fence import Fence
from integration_token.oauth.address import Policy as AddressPolicy
from integration_token.oauth.client import Route, TokenClient
from integration_token.oauth.request import TokenRequest
from integration_token.oauth.response import Answer
from integration_token.runtime.worker import build_worker
from integration_token.telemetry.metrics import Metrics
from integration_token.workqueue import scheduler as scheduling
from integration_token.workqueue.key import Key, token_key

from tests.fakes.cluster import Cluster
from tests.fakes.fault import Fault
from tests.fakes.issuer import Issuer, Policy
from tests.fakes.service import TokenService
from tests.unit.virtual import EPOCH, FakeClock, run

SECRET = "s3cr3t-of-the-shop-integration"
NAMESPACE = "store"
URL = "https://login.example/oauth/token"
OPERATORS = "operators"
"""The operator's own namespace."""
SETTLING = 0.2
"""Virtual seconds within which everything that needs no waiting is done."""


class FakeClient(TokenClient):
    """Carries requests to the fake endpoint without a network."""

    def __init__(self, service: TokenService, clock: FakeClock) -> None:
        """Answers by the endpoint's clock, which is never stepped."""
        super().__init__(clock, AddressPolicy(False, frozenset(), frozenset()), None)
        self._service = service
        self._fake_clock = clock
        self.latency = 0.0
        self.outage: Exception | None = None
        self.sent = 0
        self.in_flight = 0
        self.most_in_flight = 0

    async def send(self, request: TokenRequest, route: Route, *, ended: Callable[[], None] = lambda: None) -> Answer:
        try:
            return await self._carry(request, route)
        finally:
            ended()

    async def _carry(self, request: TokenRequest, route: Route) -> Answer:
        self.sent += 1
        sent = self._fake_clock.now().wall
        headers = {name.lower(): value for name, value in request.headers.items()}
        self.in_flight += 1
        self.most_in_flight = max(self.most_in_flight, self.in_flight)
        try:
            await asyncio.sleep(self.latency)
        finally:
            self.in_flight -= 1
        if self.outage is not None:
            raise self.outage
        now = true_time(self._fake_clock)
        reply = self._service.answer("POST", urlsplit(request.url).path, headers, "", request.body, now)
        answered = {"date": formatdate(now, usegmt=True), "content-type": reply.content_type, **reply.headers}
        return Answer(reply.status, answered, reply.content(), sent)


def true_time(clock: FakeClock) -> float:
    """The wall time on a clock that was never stepped."""
    return EPOCH - 1000.0 + clock.now().boot


class Operator:
    """One process of the operator."""

    def __init__(self, world: "World") -> None:
        """Starts without knowing anything."""
        metrics = self.metrics = Metrics()
        self._worker = worker = build_worker(
            world.cluster,
            world.client,
            world.clock,
            metrics,
            AddressPolicy(insecure=False, allowed_hosts=frozenset(), private_hosts=frozenset()),
            namespaces=(),
            own_namespace=OPERATORS,
            instance="test",
            audit_token_ids=world.audit_token_ids,
            jitter=lambda: 0.5,
        )
        self.inventory, self.scheduler, self.secrets, self.events, self.bundles = (
            worker.inventory, worker.scheduler, worker.secrets, worker.events, worker.bundles
        )  # fmt: skip
        metrics.begin_term(self.inventory, Fence(world.clock).is_open, self.scheduler, worker.queues)
        self._cluster = world.cluster
        self._handler = worker.handler
        self.grants = worker.reconciler._grants
        self.looks = 0
        reconciler = worker.reconciler
        self._reconcile, reconciler.work = reconciler.work, self._counted  # type: ignore[method-assign]  # to count
        self._tasks: list[asyncio.Task[None]] = []

    async def start(self) -> None:
        """Lists everything, and begins to work."""
        # The scheduler comes last: a stop waits only for it.
        work = (self.events.run(), self.secrets.run(), self.bundles.run(), self.scheduler.run())
        self._tasks = [asyncio.create_task(each) for each in work]
        await self.secrets.synced.wait()
        for (plural, _, _), body in list(self._cluster.objects.items()):
            self._changed(plural, "", body)
        self._cluster.listeners.append(self._changed)

    def deafen(self) -> None:
        """Stops all watches."""
        self._cluster.cut()
        self._cluster.listeners[:] = [each for each in self._cluster.listeners if each != self._changed]

    def begin_list(self) -> None:
        """Begins to list all IntegrationTokens."""
        self._handler.on_list("")

    def hear(self) -> None:
        """Lists everything, notices what is gone, and resumes the watches."""
        self._cluster.relisten()
        self.begin_list()
        there = {(plural, namespace, name) for plural, namespace, name in self._cluster.objects}
        for key, entry in list(self.inventory.resources.items()):
            if (INTEGRATION_TOKENS, key.namespace, key.name) not in there:
                metadata = {"namespace": key.namespace, "name": key.name, "uid": entry.uid}
                self._changed(INTEGRATION_TOKENS, "DELETED", {"metadata": metadata})
        for ref, endpoint in list(self.inventory.endpoints.items()):
            plural = TOKEN_ENDPOINTS if ref.namespace else CLUSTER_TOKEN_ENDPOINTS
            if (plural, ref.namespace, ref.name) not in there:
                metadata = {"namespace": ref.namespace, "name": ref.name, "uid": endpoint.uid}
                self._changed(plural, "DELETED", {"metadata": metadata})
        for (plural, _, _), body in list(self._cluster.objects.items()):
            self._changed(plural, "", body)
        self._cluster.listeners.append(self._changed)

    async def stop(self, *, kill: bool = False) -> None:
        """Finishes work under way first, or not."""
        self._cluster.listeners[:] = [each for each in self._cluster.listeners if each != self._changed]
        if not kill:
            self.scheduler.stop()
            await self._tasks[-1]
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    async def _counted(self, key: Key) -> Instant | None:
        self.looks += 1
        return await self._reconcile(key)

    def _changed(self, plural: str, kind: str, body: Object) -> None:
        if plural == INTEGRATION_TOKENS:
            self._handler.on_integration(kind, body)
        elif plural == TOKEN_ENDPOINTS:
            self._handler.on_endpoint(kind, EndpointKind.NAMESPACED, body)
        elif plural == CLUSTER_TOKEN_ENDPOINTS:
            self._handler.on_endpoint(kind, EndpointKind.CLUSTER, body)
        elif plural == "namespaces":
            self._handler.on_namespace(kind, body)


class World:
    """A cluster with an endpoint, an operator, and anybody whom a test plays."""

    def __init__(self, clock: FakeClock, policy: Policy) -> None:
        """Starts with nothing running; the endpoint knows the client `shop`."""
        self.clock = clock
        self.audit_token_ids = False
        """Settings of operators that start from now on."""
        self.cluster = Cluster(lambda: true_time(clock))
        self.issuer = Issuer(policy)
        self.clients = {"shop": SECRET}
        self.assertion_audiences: list[list[str]] = [[URL]]
        """The audiences that the endpoint accepts in ServiceAccount tokens."""
        self.seen: set[str] = set()
        """The assertions that were sent, by their jti."""
        self.service = TokenService(
            self.issuer,
            lambda client, secret: self.clients.get(client) == secret,
            audiences=None,
            federated=self._federated,
        )
        self.client = FakeClient(self.service, clock)
        self.operator = Operator(self)

    def _federated(self, client: str, assertion: str) -> bool:
        claims = claims_of(assertion) or {}
        # Each assertion counts once, and only for this endpoint.
        fresh = claims["jti"] not in self.seen
        self.seen.add(claims["jti"])
        known = claims["sub"] == f"system:serviceaccount:{NAMESPACE}:shop" and client == "shop"
        return known and fresh and claims["aud"] in self.assertion_audiences

    async def begin_with_account(self, **spec: Any) -> None:
        """Like :meth:`begin`, with a ServiceAccount instead of the credentials."""
        self.endpoint(clientAuthenticationMethod="ServiceAccountToken", requestEncoding="Form")
        self.account()
        self.account_integration(**spec)
        await self.operator.start()
        await self.settle()

    def account_integration(self, name: str = "shop", **spec: Any) -> None:
        """Creates or replaces an IntegrationToken with a ServiceAccount and no Secret."""
        self.integration(
            name, **{"credentialsSecretRef": None, "serviceAccountRef": {"name": "shop"}, "clientID": "shop", **spec}
        )

    async def begin(self, **spec: Any) -> None:
        """Creates an endpoint, credentials and a resource named shop; then the operator starts and does what it can."""
        self.endpoint()
        self.credentials()
        self.integration(**spec)
        await self.operator.start()
        await self.settle()

    async def settle(self) -> None:
        """Everything that needs no waiting gets done."""
        await asyncio.sleep(SETTLING)

    async def restart(self, *, kill: bool = False) -> None:
        """Another process takes over."""
        await self.operator.stop(kill=kill)
        self.operator = Operator(self)
        await self.operator.start()
        await self.settle()

    async def until(self, wall: float) -> None:
        """Waits until that moment of the endpoint's time, and for the work due then."""
        await asyncio.sleep(wall - true_time(self.clock))
        await self.settle()

    def endpoint(self, name: str = "login", namespace: str = NAMESPACE, **spec: Any) -> None:
        """Creates or replaces an endpoint."""
        spec = {"tokenURL": URL, "rateLimit": {"requestsPerMinute": 60000}, **spec}
        body = _body("TokenEndpoint", name, {"spec": spec}, f"{GROUP}/{VERSION}", namespace)
        self.cluster.apply(TOKEN_ENDPOINTS, body)

    def cluster_endpoint(self, name: str = "login", **spec: Any) -> None:
        """Creates or replaces an endpoint for all namespaces."""
        spec = {"tokenURL": URL, "rateLimit": {"requestsPerMinute": 60000}, **spec}
        body = _body("ClusterTokenEndpoint", name, {"spec": spec}, f"{GROUP}/{VERSION}", "")
        self.cluster.apply(CLUSTER_TOKEN_ENDPOINTS, body)

    def namespace(self, name: str, **labels: str) -> None:
        """Creates or replaces a namespace."""
        body = _body("Namespace", name, {}, "v1", "")
        body["metadata"]["labels"] = labels
        self.cluster.apply("namespaces", body)

    def credentials(
        self, client: str = "shop", secret: str = SECRET, name: str = "shop-integration", namespace: str = NAMESPACE
    ) -> None:
        """Creates or replaces a credentials Secret."""
        data = {"client_id": encoded(client), "client_secret": encoded(secret)}
        body = _body("Secret", name, {"type": "Opaque", "data": data}, "v1", namespace)
        body["metadata"]["labels"] = {CREDENTIALS_LABEL: "true"}
        self.cluster.apply("secrets", body)

    def account(
        self, name: str = "shop", *, hosts: str = "login.example", audiences: str = "", released: bool = True
    ) -> None:
        """Creates or replaces a ServiceAccount; with `hosts` as its owner's list."""
        body = _body("ServiceAccount", name, {}, "v1")
        body["metadata"]["labels"] = {CREDENTIALS_LABEL: "true" if released else "false"}
        body["metadata"]["annotations"] = {ALLOWED_HOSTS_ANNOTATION: hosts, ALLOWED_AUDIENCES_ANNOTATION: audiences}
        self.cluster.apply("serviceaccounts", body)

    def config_map(self, name: str, data: dict[str, str]) -> None:
        """Creates or replaces a ConfigMap in the operator's namespace."""
        self.cluster.apply("configmaps", _body("ConfigMap", name, {"data": data}, "v1", OPERATORS))

    def integration(self, name: str = "shop", namespace: str = NAMESPACE, **spec: Any) -> None:
        """Creates or replaces an IntegrationToken."""
        spec = {
            "endpointRef": {"kind": "TokenEndpoint", "name": "login"},
            "credentialsSecretRef": {"name": "shop-integration"},
            **spec,
        }
        body = _body("IntegrationToken", name, {"spec": spec}, f"{GROUP}/{VERSION}", namespace)
        self.cluster.apply(INTEGRATION_TOKENS, body)

    def request_renewal(self, value: str) -> None:
        """Annotates the resource."""
        self.cluster.edit(
            INTEGRATION_TOKENS,
            NAMESPACE,
            "shop",
            lambda body: body["metadata"].setdefault("annotations", {}).update({RENEW_ANNOTATION: value}),
        )

    def label(self, key: str, value: str, name: str = "shop") -> None:
        """Changes the resource without changing its request."""
        self.cluster.edit(
            INTEGRATION_TOKENS,
            NAMESPACE,
            name,
            lambda body: body["metadata"].setdefault("labels", {}).update({key: value}),
        )

    def fault(self, fault: Fault, count: int | None = None) -> None:
        """Makes the endpoint fail in some way."""
        self.service.arm(fault, None, count)

    def mend(self) -> None:
        """Makes the endpoint work again."""
        self.service.disarm(None)
        self.client.outage = None

    @property
    def requests(self) -> int:
        """The token requests sent."""
        return self.client.sent

    @property
    def outage(self) -> bool:
        """Whether the operator waits for the API server."""
        return self.operator.inventory.resources[token_key(NAMESPACE, "shop")].remembered.failing.api_failures > 0

    @property
    def times(self) -> list[float]:
        """When the endpoint received its requests, in seconds since the beginning."""
        return [round(record.received - EPOCH, 3) for record in self.service.log.entries()]

    def secret(self, name: str = "shop", namespace: str = NAMESPACE) -> Object:
        """A target Secret."""
        return self.cluster.object("secrets", namespace, name)

    def token(self, name: str = "shop", namespace: str = NAMESPACE) -> int:
        """Which of the endpoint's tokens a target Secret holds."""
        found = self.issuer.find(base64.b64decode(self.secret(name, namespace)["data"]["token"]).decode())
        assert found is not None
        return found.serial

    def status(self, name: str = "shop") -> dict[str, Any]:
        """A resource's status."""
        status: dict[str, Any] = self.cluster.object(INTEGRATION_TOKENS, NAMESPACE, name).get("status", {})
        return status

    def condition(self, kind: ConditionType, name: str = "shop") -> tuple[str, str]:
        """Status and reason of a condition."""
        for condition in self.status(name)["conditions"]:
            if condition["type"] == kind:
                return condition["status"], condition["reason"]
        raise AssertionError(f"no condition {kind}")

    def condition_of(self, name: str) -> tuple[str, str]:
        """Status and reason of another resource's Ready."""
        return self.condition(ConditionType.READY, name)

    @property
    def ready(self) -> tuple[str, str]:
        """Status and reason of Ready."""
        return self.condition(ConditionType.READY)

    @property
    def message(self) -> str:
        """The message about a failing refresh."""
        found = condition_of(self.status(), ConditionType.REFRESHED)
        return str(found["message"])

    @property
    def refreshed(self) -> tuple[str, str]:
        """Status and reason of Refreshed."""
        return self.condition(ConditionType.REFRESHED)

    @property
    def stalled(self) -> tuple[str, str]:
        """Status and reason of Stalled."""
        return self.condition(ConditionType.STALLED)

    @contextmanager
    def counting(self) -> Iterator[list[tuple[str, str, str]]]:
        """The operator's writes within the block, filled in at its end."""
        before = len(self.cluster.writes)
        counted: list[tuple[str, str, str]] = []
        yield counted
        counted += self.cluster.writes[before:]


def play(
    story: Callable[[World], Coroutine[Any, Any, None]], policy: Policy | None = None, *, glance: float = 3600.0
) -> None:
    """Plays a story in virtual time.

    :param policy: of the endpoint; by default tokens live 24 h and roll over 1 h before expiry.
    :param glance: seconds between two checks of the clocks; the fewer, the slower a test that plays days.
    """

    async def main(clock: FakeClock) -> None:
        world = World(clock, policy or Policy())
        try:
            await story(world)
        finally:
            await world.operator.stop(kill=True)

    with glancing(glance):
        run(main)


@contextmanager
def glancing(seconds: float) -> Iterator[None]:
    """Within the block, schedulers check the clocks this often."""
    usual = scheduling._GLANCE
    scheduling._GLANCE = seconds
    try:
        yield
    finally:
        scheduling._GLANCE = usual


def encoded(text: str) -> str:
    """Encoded like a Secret's data."""
    return base64.b64encode(text.encode()).decode()


def _body(kind: str, name: str, parts: Object, version: str, namespace: str = NAMESPACE) -> Object:
    return {"apiVersion": version, "kind": kind, "metadata": {"namespace": namespace, "name": name}, **parts}
