"""Candidates for one lease, whose calls and answers may be late or lost on their way to the API server."""

import asyncio
import random
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from typing import TypeVar

from integration_token.clock import Instant
from integration_token.cluster.collection import Collection, Object
from integration_token.cluster.fence import Fence
from integration_token.cluster.gateway import Gateway
from integration_token.cluster.lease import Candidate
from integration_token.errors import ClusterError, Unavailable

from tests.fakes.cluster import Cluster
from tests.unit.virtual import EPOCH, FakeClock, run

T = TypeVar("T")


class Line(Gateway):
    """One candidate's connection to the API server, on which calls and answers can be late or lost."""

    def __init__(self, cluster: Cluster) -> None:
        """By default, everything arrives at once."""
        self._cluster = cluster
        self.cut = False
        """Whether the connection drops everything, in both directions and without an error."""
        self.refused: ClusterError | None = None
        self.delay: Callable[[], float] = lambda: 0.0
        """Seconds that a call takes to arrive, and its answer to come back."""
        self.lost: Callable[[], bool] = lambda: False
        """Whether a call, or its answer, is lost."""
        self.answered: list[float] = []
        """When each answered call was sent."""

    async def get(self, collection: Collection, namespace: str, name: str) -> Object | None:
        return await self._through(lambda: self._cluster.get(collection, namespace, name))

    async def create(self, collection: Collection, namespace: str, body: Object, *, dry_run: bool = False) -> Object:
        return await self._through(lambda: self._cluster.create(collection, namespace, body))

    async def replace(
        self, collection: Collection, namespace: str, name: str, body: Object, *, dry_run: bool = False
    ) -> Object:
        return await self._through(lambda: self._cluster.replace(collection, namespace, name, body))

    async def _through(self, call: Callable[[], Awaitable[T]]) -> T:
        if self.refused is not None:
            raise self.refused
        # A call under way arrives even if its caller no longer waits for it.
        return await asyncio.shield(asyncio.ensure_future(self._travel(call)))

    def _swallows(self) -> bool:
        return self.cut or self.lost()

    async def _travel(self, call: Callable[[], Awaitable[T]]) -> T:
        sent = asyncio.get_running_loop().time()
        await asyncio.sleep(self.delay())
        if self._swallows():
            await asyncio.sleep(60)
            raise Unavailable("lost on the way there")
        answer = await call()
        await asyncio.sleep(self.delay())
        if self._swallows():
            await asyncio.sleep(60)
            raise Unavailable("lost on the way back")
        self.answered.append(sent)
        return answer


class Clockwork:
    """A clock that can run fast or slow."""

    def __init__(self, clock: FakeClock, rate: float = 1.0, offset: float = 0.0) -> None:
        """Follows `clock`; its wall time is off by `offset` seconds."""
        self._clock = clock
        self._rate = rate
        self._offset = offset

    def now(self) -> Instant:
        boot = self._clock.now().boot * self._rate
        return Instant(EPOCH + self._offset + boot, boot)


@dataclass
class Process:
    """A candidate, and what it does while it leads."""

    name: str
    candidate: Candidate
    line: Line
    terms: list[tuple[float, Fence]] = field(default_factory=list)
    """When each term began, in virtual time."""
    tasks: list[asyncio.Task[None]] = field(default_factory=list)

    def leads(self) -> bool:
        """Whether it may act now."""
        return bool(self.terms) and self.terms[-1][1].is_open()

    async def run(self) -> None:
        """Stands by and leads until it is stopped."""
        while True:
            fence = await self.candidate.acquire()
            self.terms.append((asyncio.get_running_loop().time(), fence))
            await self.candidate.renew(fence)

    async def end(self) -> None:
        """Stops as after SIGTERM: waits for work under way, then releases the lease."""
        self.kill()
        self.terms[-1][1].close()
        await self.candidate.release()

    def kill(self) -> None:
        """Stops as after SIGKILL."""
        for task in self.tasks:
            task.cancel()


class Scene:
    """Candidates for the lease `operators/tokens`."""

    def __init__(self, clock: FakeClock, chance: random.Random | None = None) -> None:
        """Starts without any candidate."""
        self.clock = clock
        self.cluster = Cluster()
        self.processes: list[Process] = []
        self._chance = chance or random.Random(0)  # noqa: S311  # no secret

    def start(self, rate: float = 1.0, offset: float = 0.0) -> Process:
        """Starts another candidate."""
        name = f"process-{len(self.processes)}"
        line = Line(self.cluster)
        candidate = Candidate(
            line,
            Clockwork(self.clock, rate, offset),
            namespace="operators",
            name="tokens",
            identity=name,
            jitter=self._chance.random,
        )
        process = Process(name, candidate, line)
        process.tasks.append(asyncio.create_task(process.run()))
        self.processes.append(process)
        return process

    @property
    def leaders(self) -> list[str]:
        """The candidates that may act now."""
        return [process.name for process in self.processes if process.leads()]

    @property
    def spec(self) -> Object:
        """The Lease's spec as anybody can read it."""
        spec: Object = self.cluster.object("leases", "operators", "tokens")["spec"]
        return spec

    async def end(self) -> None:
        """Stops every candidate."""
        for process in self.processes:
            process.kill()
        await asyncio.gather(*(task for process in self.processes for task in process.tasks), return_exceptions=True)


def play(story: Callable[[Scene], Awaitable[None]]) -> None:
    """Plays a story in virtual time, then stops every candidate."""

    async def main(clock: FakeClock) -> None:
        scene = Scene(clock)
        try:
            await story(scene)
        finally:
            await scene.end()

    run(main)
