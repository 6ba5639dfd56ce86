"""A leader's term in virtual time: the watch is supervised, and nothing of a term outlives it."""

import asyncio
import gc
import ssl
import weakref
from collections.abc import AsyncGenerator, Awaitable, Callable, Collection

import pytest
from integration_token.cluster.collection import Collection as Kind
from integration_token.cluster.collection import Object
from integration_token.cluster.connection import Access
from integration_token.cluster.fence import Fence
from integration_token.cluster.permission import Permissions
from integration_token.errors import ClusterError, Denied, Unavailable
from integration_token.handlers import supervisor
from integration_token.handlers.event_handler import EventHandler
from integration_token.handlers.sweep import DeletionSweep
from integration_token.oauth.trusted_file import TrustedFile
from integration_token.runtime.leadership import LeaderTerm, StillRunning
from integration_token.runtime.settings import Settings
from integration_token.telemetry.metrics import Metrics

from tests.fakes.cluster import Cluster
from tests.unit.scrape import scraped
from tests.unit.test_process import Cycle
from tests.unit.virtual import FakeClock, run

FORBIDDEN = Denied('403 User "u" cannot watch resource "integrationtokens"', status=403)
SPEC = {"endpointRef": {"name": "login"}, "credentialsSecretRef": {"name": "shop"}}


class Probed(Cluster):
    """A cluster whose kinds can be probed."""

    def __init__(self) -> None:
        """Grants everything."""
        super().__init__()
        self.refusals: dict[str, ClusterError] = {}
        """What a probe returns, by namespace."""
        self.probes: list[tuple[str, str, bool]] = []
        """Plural, namespace, and whether a watch was tried."""

    async def probe(self, collection: Kind, namespace: str, *, watch: bool) -> None:
        await asyncio.sleep(0)
        self.probes.append((collection.plural, namespace, watch))
        if namespace in self.refusals:
            raise self.refusals[namespace]

    async def metadata_pages(
        self, collection: Kind, namespace: str, selector: str = ""
    ) -> AsyncGenerator[Object, None]:
        await asyncio.sleep(0)
        yield {"items": [body for (plural, _, _), body in self.objects.items() if plural == collection.plural]}


class Scene:
    """A term, with the test in kopf's place."""

    def __init__(self, clock: FakeClock, monkeypatch: pytest.MonkeyPatch, namespaces: tuple[str, ...] = ()) -> None:
        """Starts without anything running."""
        self.cluster = Probed()
        self.fence = Fence(clock)
        self.metrics = Metrics()
        self.stop = asyncio.Event()
        self.signals = 0
        self.watched: list[tuple[str, ...]] = []
        """The namespaces of each watch that was begun."""
        self.failing: Callable[[], None] = lambda: None
        self.fault: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        """Ends the watch, with its exception or its result."""
        self.stubborn = False
        """The watch doesn't end when it is cancelled."""
        self.left: list[weakref.ref[Cycle]] = []
        """An object that each watch leaves references to."""
        monkeypatch.setattr(supervisor, "watch", self._watch)
        settings = Settings(namespaces=namespaces)
        self.term = LeaderTerm(
            settings,
            clock,
            self.cluster,
            self.fence,
            self.metrics,
            Permissions(clock),
            TrustedFile(None),
            own_namespace="operators",
            take_signals=self._take_signals,
        )
        self.running = asyncio.create_task(self.term.run(self.stop))

    async def end(self) -> None:
        """Ends the term in order."""
        self.stop.set()
        await self.running

    def _take_signals(self) -> None:
        self.signals += 1

    async def _watch(
        self,
        handler: EventHandler,
        access: Callable[[], Awaitable[Access]],
        namespaces: Collection[str],
        ready: asyncio.Event,
        failing: Callable[[], None],
    ) -> None:
        """Lists, reports that it watches, and ends when the test says so."""
        assert access == self.cluster.access
        self.watched.append(tuple(namespaces))
        self.failing = failing
        self.left.append(weakref.ref(Cycle()))
        for (plural, _, _), body in self.cluster.objects.items():
            if plural == "integrationtokens":
                handler.on_integration(None, body)
        ready.set()
        while True:
            try:
                await asyncio.shield(self.fault)
            except asyncio.CancelledError:
                if not self.stubborn:
                    raise
            else:
                return

    def known(self) -> bool:
        """Whether a resource is known."""
        return 'integration_token_ready_status{namespace="store",name="shop"' in scraped(self.metrics)


def scene(
    monkeypatch: pytest.MonkeyPatch, act: Callable[[Scene], Awaitable[None]], namespaces: tuple[str, ...] = ()
) -> None:
    """Lets the test act on a term that has begun to work."""

    async def main(clock: FakeClock) -> None:
        scene = Scene(clock, monkeypatch, namespaces)
        await asyncio.sleep(0.1)
        await act(scene)

    run(main)


def test_it_watches_once_everything_is_listed(monkeypatch: pytest.MonkeyPatch) -> None:
    """It takes back the signal handlers, which kopf replaced; nothing is probed while nothing fails."""

    async def act(scene: Scene) -> None:
        assert scene.term.missing == ""
        assert scene.watched == [()]
        assert scene.signals == 1
        probes = len(scene.cluster.probes)
        await asyncio.sleep(3600)
        assert len(scene.cluster.probes) == probes
        assert not any(watch for _, _, watch in scene.cluster.probes)
        await scene.end()

    scene(monkeypatch, act)


def test_watch_that_dies_is_started_again_and_its_gap_is_searched(monkeypatch: pytest.MonkeyPatch) -> None:
    """What was deleted in the gap is forgotten, even if the new watch lists nothing at all."""

    async def main(clock: FakeClock) -> None:
        one = Scene(clock, monkeypatch)
        one.cluster.apply("integrationtokens", {"metadata": {"namespace": "store", "name": "shop"}, "spec": SPEC})
        await asyncio.sleep(0.1)
        assert one.known()
        one.fault.set_exception(RuntimeError("an ERROR that kopf can't mend"))
        await asyncio.sleep(0.1)
        assert one.term.missing == "the watch of IntegrationTokens is being restarted"
        one.cluster.remove("integrationtokens", "store", "shop")
        one.fault = asyncio.get_running_loop().create_future()
        await asyncio.sleep(5)

        assert one.watched == [(), ()]
        assert one.term.missing == ""
        assert not one.known()
        assert any(watch for _, _, watch in one.cluster.probes), "it may have been the watch that was refused"
        await one.end()

    run(main)


def test_watch_that_is_started_again_holds_nothing_of_the_one_before(monkeypatch: pytest.MonkeyPatch) -> None:
    """kopf remembers each resource in reference cycles: every restart would add ten thousand more."""

    async def act(scene: Scene) -> None:
        assert scene.left[0]() is not None
        scene.fault.set_exception(RuntimeError("an ERROR that kopf can't mend"))
        await asyncio.sleep(0.1)
        scene.fault = asyncio.get_running_loop().create_future()
        await asyncio.sleep(5)
        assert len(scene.left) == 2
        assert scene.left[0]() is None
        await scene.end()

    gc.disable()
    try:
        scene(monkeypatch, act)
    finally:
        gc.enable()


def test_call_of_kopf_that_is_refused_is_reported_until_it_is_granted(monkeypatch: pytest.MonkeyPatch) -> None:
    """kopf keeps retrying by itself and needs no restart."""

    async def act(scene: Scene) -> None:
        scene.cluster.refusals[""] = FORBIDDEN
        scene.failing()
        await asyncio.sleep(1.1)
        assert scene.term.missing == f"cannot list and watch integrationtokens: {FORBIDDEN}"
        await asyncio.sleep(60)
        assert scene.term.missing
        del scene.cluster.refusals[""]
        await asyncio.sleep(2.1)
        assert scene.term.missing == ""
        assert len(scene.watched) == 1
        await scene.end()

    scene(monkeypatch, act)


def test_outage_is_no_lack_of_permission(monkeypatch: pytest.MonkeyPatch) -> None:
    """However often kopf fails: restarting its watch would not help."""

    async def act(scene: Scene) -> None:
        scene.cluster.refusals[""] = Unavailable("the API server cannot be reached")
        for _ in range(600):
            scene.failing()
            await asyncio.sleep(1)
        assert scene.term.missing == ""
        assert len(scene.watched) == 1
        await scene.end()

    scene(monkeypatch, act)


def test_namespaces_come_and_go(monkeypatch: pytest.MonkeyPatch) -> None:
    """A namespace that can't be served doesn't block the others, and is served within a minute once it can be."""

    async def act(scene: Scene) -> None:
        assert scene.watched == [("store", "shipping")]
        scene.cluster.refusals["store"] = FORBIDDEN
        scene.failing()
        await asyncio.sleep(2)
        assert scene.watched[1:] == [("shipping",)]
        assert scene.term.missing == ""
        del scene.cluster.refusals["store"]
        await asyncio.sleep(62)
        assert scene.watched[2:] == [("store", "shipping")]
        await scene.end()

    scene(monkeypatch, act, ("store", "shipping"))


def test_nothing_to_serve_is_waited_for(monkeypatch: pytest.MonkeyPatch) -> None:
    """Missing CRDs, or an API server that is unavailable from the beginning."""

    async def main(clock: FakeClock) -> None:
        one = Scene(clock, monkeypatch)
        for refusal, told in (
            (
                Denied("404 install the CRDs", status=404),
                "cannot list and watch integrationtokens: 404 install the CRDs",
            ),
            (Unavailable("the API server cannot be reached"), "the API server cannot be reached"),
        ):
            one.cluster.refusals[""] = refusal
            await asyncio.sleep(5)
            assert one.term.missing == told
            assert one.watched == []
        one.cluster.refusals.clear()
        await asyncio.sleep(2.1)
        assert one.term.missing == ""
        await one.end()

    run(main)


def test_watch_that_cannot_begin_says_why_it_cannot_reach_the_api_server(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """In `/readyz` and in the log, once however long it lasts."""
    reason = "the API server cannot be reached: its certificate is not trusted: certificate has expired"

    async def main(clock: FakeClock) -> None:
        one = Scene(clock, monkeypatch)
        one.cluster.refusals[""] = Unavailable(reason)
        await asyncio.sleep(60)
        assert one.term.missing == reason
        told = [getattr(record, "values", {}).get("error") for record in caplog.records]
        assert told == [reason]
        await one.end()

    run(main)


def test_watch_that_began_to_fail_before_it_was_ready_says_why(monkeypatch: pytest.MonkeyPatch) -> None:
    """A probe was granted, but kopf's first call was not."""
    reason = "the API server cannot be reached: TLS failed: wrong version number"

    async def watch(_: object, __: object, ___: object, ____: object, failing: Callable[[], None]) -> None:
        while True:
            failing()
            await asyncio.sleep(1)

    async def main(clock: FakeClock) -> None:
        one = Scene(clock, monkeypatch)
        monkeypatch.setattr(supervisor, "watch", watch)
        await asyncio.sleep(0.1)
        one.cluster.refusals[""] = Unavailable(reason)
        await asyncio.sleep(5)
        assert one.term.missing == reason
        await one.end()

    run(main)


def test_end_of_the_watch_by_tls_is_logged_with_what_tls_said(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """Not just with the kind of the library's error."""

    async def act(scene: Scene) -> None:
        error = RuntimeError("t0ken")
        error.__cause__ = tls = ssl.SSLCertVerificationError()
        tls.verify_message = "certificate has expired"
        scene.fault.set_exception(error)
        await asyncio.sleep(0.1)
        told = [getattr(record, "values", {}).get("error") for record in caplog.records if record.levelname == "ERROR"]
        assert told == ["its certificate is not trusted: certificate has expired"]
        await scene.end()

    scene(monkeypatch, act)


def test_closed_fence_ends_the_term(monkeypatch: pytest.MonkeyPatch) -> None:
    """At once, with everything it had started; the process continues."""

    async def act(scene: Scene) -> None:
        before = asyncio.all_tasks()
        assert len(before) > 100
        began = asyncio.get_running_loop().time()
        scene.fence.close()
        await scene.running
        assert asyncio.get_running_loop().time() - began < 1
        await asyncio.sleep(0)
        assert asyncio.all_tasks() == {asyncio.current_task()}
        assert not scene.stop.is_set()
        assert "integration_token_leader 0.0" in scraped(scene.metrics)

    scene(monkeypatch, act)


def test_part_that_fails_ends_the_term(monkeypatch: pytest.MonkeyPatch) -> None:
    """With the part's error: the others would only seem to work."""

    async def fail(_: object) -> None:
        await asyncio.sleep(0.2)
        raise ZeroDivisionError

    async def act(scene: Scene) -> None:
        with pytest.raises(ZeroDivisionError):
            await scene.running

    monkeypatch.setattr(DeletionSweep, "run", fail)
    scene(monkeypatch, act)


def test_term_that_does_not_end_is_the_end_of_the_process(monkeypatch: pytest.MonkeyPatch) -> None:
    """What is left of kopf would end the next term's tasks when it finally ends."""

    async def act(scene: Scene) -> None:
        scene.stubborn = True
        scene.fence.close()
        with pytest.raises(StillRunning, match="still running: watch"):
            await scene.running
        scene.fault.set_result(None)
        await asyncio.sleep(0.1)

    scene(monkeypatch, act)


def test_kopf_that_ended_by_a_signal_ends_the_process(monkeypatch: pytest.MonkeyPatch) -> None:
    """As with a signal that came before the handlers were taken back."""

    async def act(scene: Scene) -> None:
        scene.fault.set_result(None)
        await scene.running
        assert scene.stop.is_set()

    scene(monkeypatch, act)
