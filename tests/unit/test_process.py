"""One of several processes in virtual time: it stands by, leads, loses its Lease, leads again, and ends."""

import asyncio
import gc
import random
import weakref
from collections.abc import Awaitable, Callable
from typing import Any

import pytest
from integration_token import __main__ as command
from integration_token.cluster.election import Timing
from integration_token.cluster.fence import Fence
from integration_token.cluster.lease import Candidate
from integration_token.cluster.permission import Permissions
from integration_token.errors import Denied, Unavailable
from integration_token.oauth.trusted_file import TrustedFile
from integration_token.runtime import leadership
from integration_token.runtime import process as module
from integration_token.runtime.process import Application
from integration_token.runtime.server import Server
from integration_token.runtime.settings import Settings
from integration_token.telemetry.metrics import Metrics

from tests.fakes.cluster import Cluster
from tests.unit.candidate import Line
from tests.unit.virtual import FakeClock, run


class Cycle:
    """An object that only the garbage collector frees."""

    def __init__(self) -> None:
        """Refers to itself."""
        self.itself = self


class Work:
    """Stands in for a term: works until it may not, or is asked to stop."""

    missing = ""

    def __init__(self, fence: Fence) -> None:
        """Works as long as the fence is open."""
        self.fence = fence
        self.error: Exception | None = None
        self.left: weakref.ref[Cycle] | None = None
        """An object that it leaves references to at its end."""

    async def run(self, stop: asyncio.Event) -> None:
        """Takes a second to finish the work under way."""
        ends = [asyncio.create_task(stop.wait()), asyncio.create_task(self.fence.closed.wait())]
        await asyncio.wait(ends, return_when=asyncio.FIRST_COMPLETED)
        for task in ends:
            task.cancel()
        self.left = weakref.ref(Cycle())
        if self.fence.is_open():
            await asyncio.sleep(1)
            assert self.fence.is_open()
        if self.error is not None:
            raise self.error


class Process:
    """One of several processes, without signals, probes and kopf."""

    def __init__(self, clock: FakeClock, cluster: Cluster, monkeypatch: pytest.MonkeyPatch, name: str) -> None:
        """Starts at once."""
        self.clock = clock
        self.line = Line(cluster)
        self.permissions = Permissions(clock)
        self.terms: list[Work] = []
        candidate = Candidate(
            self.line,
            clock,
            namespace="operators",
            name="tokens",
            identity=name,
            jitter=random.Random(0).random,  # noqa: S311  # no secret
        )
        monkeypatch.setattr(Server, "start", self._nothing)
        monkeypatch.setattr(Server, "stop", self._nothing)
        self.application = Application(
            Settings(),
            clock,
            self._gateway,
            self.permissions,
            candidate,
            Metrics(),
            trusted=TrustedFile(None),
            own_namespace="operators",
        )
        monkeypatch.setattr(self.application, "_take_signals", lambda: None)
        self.running = asyncio.create_task(self.application.run())

    def _gateway(self, _: Fence) -> Line:
        return self.line

    async def _nothing(self, *_: object) -> None:
        pass

    @property
    def works(self) -> bool:
        """Whether it is working now."""
        return bool(self.terms) and self.terms[-1].fence.is_open() and not self.running.done()

    @property
    def ready(self) -> tuple[bool, str]:
        """What its `/readyz` returns."""
        return self.application._readiness()


def play(monkeypatch: pytest.MonkeyPatch, act: Callable[[Process, Process, Cluster], Awaitable[None]]) -> None:
    """Lets the test act on two processes, of which the first works."""

    async def main(clock: FakeClock) -> None:
        cluster = Cluster()
        processes: dict[Any, Process] = {}

        def term(_: Settings, __: FakeClock, gateway: Line, fence: Fence, *___: object, **____: object) -> Work:
            work = Work(fence)
            processes[gateway].terms.append(work)
            return work

        monkeypatch.setattr(module, "LeaderTerm", term)
        pair = []
        for name in ("first", "second"):
            process = Process(clock, cluster, monkeypatch, name)
            processes[process.line] = process
            pair.append(process)
            await asyncio.sleep(1)
        assert [process.works for process in pair] == [True, False]
        await act(pair[0], pair[1], cluster)
        for process in pair:
            process.application._stop.set()
        await asyncio.gather(*(process.running for process in pair), return_exceptions=True)
        await asyncio.sleep(60)  # by then, what the connection lost has timed out
        assert asyncio.all_tasks() == {asyncio.current_task()}

    run(main)


def holder(cluster: Cluster) -> str:
    """The Lease's holder, according to its record."""
    return str(cluster.object("leases", "operators", "tokens")["spec"]["holderIdentity"])


def test_a_standby_is_ready_as_long_as_it_could_take_over(monkeypatch: pytest.MonkeyPatch) -> None:
    """That is, as long as it can read the Lease."""

    async def act(first: Process, second: Process, _: Cluster) -> None:
        assert (first.ready, second.ready) == ((True, ""), (True, ""))
        second.line.refused = Denied("403 leases is forbidden", status=403)
        await asyncio.sleep(2)
        assert second.ready == (False, "cannot read and write Lease operators/tokens: 403 leases is forbidden")
        second.line.refused = None
        await asyncio.sleep(2)
        assert second.ready == (True, "")

    play(monkeypatch, act)


def test_lease_is_released_when_nothing_is_under_way_any_more(monkeypatch: pytest.MonkeyPatch) -> None:
    """It is kept until then."""

    async def act(first: Process, second: Process, cluster: Cluster) -> None:
        first.application._stop.set()
        await asyncio.sleep(0.9)
        assert (first.works, holder(cluster)) == (True, "first")
        await first.running
        assert holder(cluster) == ""
        await asyncio.sleep(1.1)
        assert (second.works, holder(cluster)) == (True, "second")

    play(monkeypatch, act)


def test_process_that_lost_its_lease_stands_by_and_starts_over(monkeypatch: pytest.MonkeyPatch) -> None:
    """Its new term has nothing of the old one; it doesn't release a Lease that is no longer its own."""

    async def act(first: Process, second: Process, cluster: Cluster) -> None:
        first.line.cut = True
        await asyncio.sleep(20)
        first.line.cut = False
        await asyncio.sleep(20)
        assert (first.works, second.works) == (False, True)
        assert holder(cluster) == "second"
        assert first.ready == (True, "")

        second.application._stop.set()
        await second.running
        await asyncio.sleep(2)
        assert first.works
        assert len(first.terms) == 2
        assert not first.terms[0].fence.is_open()

    play(monkeypatch, act)


def test_a_former_leader_that_stands_by_keeps_nothing_of_its_term(monkeypatch: pytest.MonkeyPatch) -> None:
    """Reference cycles are freed too, though a standby hardly triggers garbage collection."""

    async def act(first: Process, _: Process, __: Cluster) -> None:
        first.line.cut = True
        await asyncio.sleep(20)
        assert not first.works
        assert first.terms[0].left is not None
        assert first.terms[0].left() is None

    gc.disable()
    try:
        play(monkeypatch, act)
    finally:
        gc.enable()


def test_work_that_fails_ends_the_process_and_releases_the_lease(monkeypatch: pytest.MonkeyPatch) -> None:
    """The container is restarted, and no standby waits for the Lease to expire."""

    async def act(first: Process, second: Process, cluster: Cluster) -> None:
        first.terms[0].error = RuntimeError("a bug")
        first.application._stop.set()
        with pytest.raises(RuntimeError, match="a bug"):
            await first.running
        assert holder(cluster) == ""
        await asyncio.sleep(1.1)
        assert second.works

    play(monkeypatch, act)


def test_process_that_stands_by_ends_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """Even if the API server is unavailable."""

    async def act(first: Process, second: Process, cluster: Cluster) -> None:
        second.line.refused = Unavailable("the API server cannot be reached")
        await asyncio.sleep(5)
        second.application._stop.set()
        await asyncio.sleep(0.1)
        assert second.running.done()
        assert (first.works, holder(cluster)) == (True, "first")

    play(monkeypatch, act)


def test_a_suspend_of_the_machine_is_no_stall(monkeypatch: pytest.MonkeyPatch) -> None:
    """The process couldn't have used that time, however long the lid was closed."""

    async def act(first: Process, _: Process, __: Cluster) -> None:
        loop_watch = first.application._server._loop_watch
        loop_watch.start()
        await asyncio.sleep(1)
        loop_watch.take_longest()
        first.clock.advance(3600)
        await asyncio.sleep(1)
        assert loop_watch.take_longest() == 0
        assert loop_watch.describe_stall() == ""
        loop_watch.stop()

    play(monkeypatch, act)


def test_lack_of_permission_makes_a_leader_unready(monkeypatch: pytest.MonkeyPatch) -> None:
    """A standby needs only the Lease and stays ready."""

    async def act(first: Process, second: Process, _: Cluster) -> None:
        refusal = Denied('403 User "u" cannot create resource "secrets"', status=403)
        for process in (first, second):
            process.permissions.on_answer("POST", "/api/v1/namespaces/store/secrets", refusal)
        assert first.ready == (False, "not permitted: create secrets in store")
        assert second.ready == (True, "")

    play(monkeypatch, act)


def test_the_longest_end_leaves_time_of_what_a_pod_gets() -> None:
    """Work, events, stuck parts, releasing the Lease and the rest take 25 of 30 seconds."""
    assert (
        leadership._DRAIN + leadership._POSTING + leadership._ENDING + Timing().attempt_timeout + command._ENDING <= 25
    )
