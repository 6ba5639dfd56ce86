"""Plays a story: the operator's own parts in virtual time, against the story's endpoints."""

import asyncio
import base64
import math
from collections.abc import Mapping
from email.utils import formatdate
from typing import Any
from urllib.parse import urlsplit

from integration_token.api.condition import Reason
from integration_token.api.names import (
    ASSUMED_ANNOTATION,
    CLUSTER_TOKEN_ENDPOINTS,
    CREDENTIALS_LABEL,
    GROUP,
    INTEGRATION_TOKENS,
    TARGET_LABEL,
    TOKEN_ENDPOINTS,
    VERSION,
)
from integration_token.api.value import parse_time
from integration_token.cluster.collection import SECRETS, Collection, Object
from integration_token.errors import Transient
from integration_token.oauth.client import Route
from integration_token.oauth.request import TokenRequest
from integration_token.oauth.response import Answer

from tests.fakes.cluster import Cluster
from tests.fakes.issuer import Minted
from tests.fakes.request import read_request
from tests.simulation.chronicle import Chronicle, Written
from tests.simulation.endpoint import SECRET, Endpoint
from tests.simulation.story import Kind, Member, Restart, Step, Story
from tests.simulation.turmoil import Turmoil
from tests.unit.virtual import EPOCH, FakeClock, run
from tests.unit.world import FakeClient, Operator, World, encoded, glancing, true_time

_GLANCE = 1.0
"""Seconds until the scheduler notices a stepped clock.

Here it is notified instead of checking by itself, which would cost more than everything else.
"""


class Line(FakeClient):
    """Carries requests to the story's endpoints."""

    def __init__(self, world: "Simulation") -> None:
        """Starts with nothing in flight."""
        super().__init__(world.service, world.clock)
        self._world = world
        self.lethal: Restart | None = None
        """Strikes right after the next response."""

    async def _carry(self, request: TokenRequest, route: Route) -> Answer:
        self.sent += 1
        sent = self._fake_clock.now().wall
        latency, process = self._world.story.latency, len(self._world.chronicle.restarted)
        if latency:
            await asyncio.sleep(latency / 2)
        now = self._world.now
        endpoint = self._world.endpoints[urlsplit(request.url).netloc]
        headers = {name.lower(): value for name, value in request.headers.items()}
        trouble = endpoint.trouble(now, read_request(headers, "", request.body).grant.client_id)
        reply = endpoint.ask(headers, request.body, now, process)
        if self.lethal is not None:
            restart, self.lethal = self.lethal, None
            self._world.strike(restart)
            # The process is killed here, while the response is on its way.
            await asyncio.sleep(_GLANCE if restart.kill else 0)
        if latency:
            await asyncio.sleep(latency / 2)
        if reply is None:
            if trouble is not None and trouble.kind is Kind.HANG:
                await asyncio.sleep(route.timeout)
                raise Transient(Reason.TIMEOUT, "no answer in time")
            raise Transient(Reason.ENDPOINT_UNREACHABLE, "no connection")
        told = {"date": formatdate(EPOCH + now, usegmt=True), "content-type": reply.content_type, **reply.headers}
        return Answer(reply.status, told, reply.content(), sent)


class _Seen(Cluster):
    """Records what the operator writes."""

    def __init__(self, world: "Simulation") -> None:
        """Starts empty."""
        super().__init__()
        self._world = world

    async def create(self, collection: Collection, namespace: str, body: Object, *, dry_run: bool = False) -> Object:
        written = await super().create(collection, namespace, body, dry_run=dry_run)
        if not dry_run:
            self._note(collection, namespace, written)
            await self._world.turmoil.after(collection.plural, namespace)
        return written

    async def replace(
        self, collection: Collection, namespace: str, name: str, body: Object, *, dry_run: bool = False
    ) -> Object:
        written = await super().replace(collection, namespace, name, body, dry_run=dry_run)
        if not dry_run:
            self._note(collection, namespace, written)
            await self._world.turmoil.after(collection.plural, namespace)
        return written

    async def _called(self, verb: str, collection: Collection, namespace: str, name: str) -> None:
        await self._world.turmoil.before(verb, collection.plural, namespace)
        await super()._called(verb, collection, namespace, name)

    async def patch_status(
        self, collection: Collection, namespace: str, name: str, version: str, status: Mapping[str, Any]
    ) -> bool:
        written = await super().patch_status(collection, namespace, name, version, status)
        if collection.plural == INTEGRATION_TOKENS:
            self._world.chronicle.writes += 1
            self._world.chronicle.told[namespace, name].append((self._world.now, dict(status)))
        await self._world.turmoil.after(collection.plural, namespace)
        return written

    def _note(self, collection: Collection, namespace: str, body: Object) -> None:
        if collection is not SECRETS:
            return
        world, metadata = self._world, body["metadata"]
        world.chronicle.writes += 1
        token, host = world.find(base64.b64decode(body["data"]["token"]).decode())
        expires = parse_time(base64.b64decode(body["data"]["expires_at"]).decode())
        assumed = metadata["annotations"].get(ASSUMED_ANNOTATION) == "true"
        place = (namespace, metadata["labels"][TARGET_LABEL])
        world.chronicle.written[place].append(Written(world.now, token, host, expires - EPOCH, assumed))


class Simulation(World):
    """The story's cluster, endpoints and operator."""

    def __init__(self, clock: FakeClock, story: Story) -> None:
        """Starts with nothing running."""
        super().__init__(clock, story.policy)
        self.story = story
        self.chronicle = Chronicle()
        self.endpoints: dict[str, Endpoint] = {}
        self.turmoil = Turmoil(self)
        self.cluster = _Seen(self)
        self.client = self.line = Line(self)
        self.operator = Operator(self)
        self._struck: list[asyncio.Task[None]] = []
        self._turnover = asyncio.Lock()

    @property
    def now(self) -> float:
        """Seconds since the beginning of the story."""
        return true_time(self.clock) - EPOCH

    def find(self, value: str) -> tuple[Minted, str]:
        """A token by its value, and the host that minted it."""
        for host, endpoint in self.endpoints.items():
            if (token := endpoint.find(value)) is not None:
                return token, host
        raise AssertionError("the Secret holds a token that no endpoint minted")

    async def tell(self) -> None:
        """Plays the story from beginning to end."""
        story = self.story
        self.clock.step(story.skew)
        for member in story.members:
            self.add(member)
        await self.operator.start()
        self.turmoil.begin()
        acts: list[Step | Restart] = [*story.steps, *story.restarts]
        for act in sorted(acts, key=lambda each: each.at):
            await asyncio.sleep(max(0.0, act.at - self.now))
            if isinstance(act, Step):
                self._step(act.seconds)
            else:
                await self._restart(act)
        await asyncio.sleep(max(0.0, story.seconds - self.now))
        self.line.lethal = None
        await asyncio.gather(*self._struck)
        await self.turmoil.end()
        self.chronicle.end = self.now

    def add(self, member: Member) -> None:
        """Creates a resource, and what it refers to if that doesn't exist yet."""
        host = member.host
        if host not in self.endpoints:
            self.endpoints[host] = Endpoint(host, self.story, self.chronicle)
        spec: Object = {
            "tokenURL": f"https://{host}/oauth/token",
            "rateLimit": {"requestsPerMinute": self.story.per_minute},
        }
        if self.story.stated is not None:
            spec["rolloverLead"] = f"{self.story.stated}s"
        kind, plural, where = "ClusterTokenEndpoint", CLUSTER_TOKEN_ENDPOINTS, ""
        if member.namespaced:
            kind, plural, where = "TokenEndpoint", TOKEN_ENDPOINTS, member.namespace
        if self.cluster.find(plural, where, member.endpoint) is None:
            self.cluster.apply(plural, _body(kind, where, member.endpoint, spec=spec))
        credentials = f"{member.client}-{'wrong' if member.wrong else 'integration'}"
        if self.cluster.find("secrets", member.namespace, credentials) is None:
            secret = "another secret than the endpoint knows" if member.wrong else SECRET
            data = {"client_id": encoded(member.client), "client_secret": encoded(secret)}
            body = _body("Secret", member.namespace, credentials, type="Opaque", data=data)
            body["metadata"]["labels"] = {CREDENTIALS_LABEL: "true"}
            self.cluster.apply("secrets", body)
        spec = {
            "endpointRef": {"kind": kind, "name": member.endpoint},
            "credentialsSecretRef": {"name": credentials},
            "audience": member.audience,
            "scopes": list(member.scopes),
        }
        if member.delay:
            spec["consumerDelay"] = f"{member.delay}s"
        if self.story.renew_before is not None:
            spec["renewBefore"] = f"{self.story.renew_before}s"
        self.cluster.apply(INTEGRATION_TOKENS, _body("IntegrationToken", member.namespace, member.name, spec=spec))

    def strike(self, restart: Restart) -> None:
        """Restarts the operator from within its own work."""
        self._struck.append(asyncio.get_running_loop().create_task(self._replace(kill=restart.kill)))

    async def _restart(self, restart: Restart) -> None:
        if restart.answered:
            self.line.lethal = restart
        else:
            await self._replace(kill=restart.kill)

    async def _replace(self, *, kill: bool) -> None:
        async with self._turnover:
            await self.operator.stop(kill=kill)
            self.chronicle.restarted.append(self.now)
            self.operator = Operator(self)
            await self.operator.start()

    def _step(self, seconds: float) -> None:
        self.clock.step(seconds)
        asyncio.get_running_loop().call_later(_GLANCE, self.operator.scheduler._changed.set)


def simulate(story: Story) -> Chronicle:
    """Plays a story and returns what happened."""

    async def main(clock: FakeClock) -> Chronicle:
        world = Simulation(clock, story)
        try:
            await world.tell()
        finally:
            await world.operator.stop(kill=True)
        return world.chronicle

    with glancing(math.inf):
        return run(main)


def _body(kind: str, namespace: str, name: str, **parts: Any) -> Object:
    version = "v1" if kind == "Secret" else f"{GROUP}/{VERSION}"
    return {"apiVersion": version, "kind": kind, "metadata": {"namespace": namespace, "name": name}, **parts}
