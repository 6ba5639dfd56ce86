"""Probes and metrics, as the kubelet and Prometheus read them."""

import asyncio
import gzip
import socket
import tracemalloc
from collections.abc import AsyncIterator

import aiohttp
import pytest
from integration_token.api.condition import told_by
from integration_token.api.endpoint import EndpointKind, EndpointRef
from integration_token.api.integration import parse_integration
from integration_token.cluster.fence import Fence
from integration_token.errors import SettingsError
from integration_token.renewal.plan import TokenPlan
from integration_token.renewal.rollover import Rollover
from integration_token.runtime.loop_watch import LoopWatch
from integration_token.runtime.server import Readiness, Server
from integration_token.state.inventory import Inventory
from integration_token.state.resource import Remembered
from integration_token.telemetry.metrics import Metrics
from prometheus_client.parser import text_string_to_metric_families

from tests.unit.idle import IDLE
from tests.unit.virtual import FakeClock

STALL = "integration_token_event_loop_stall_seconds"
ENDPOINT = EndpointRef(EndpointKind.CLUSTER, "", "grafx")


class Served:
    """A server on its own port, and what it reports on."""

    def __init__(self) -> None:
        """Starts without a server."""
        self.fence = Fence(FakeClock())
        self.metrics = Metrics()
        self.inventory = Inventory(FakeClock(), self.metrics.drop_endpoint, self.metrics.drop_namespace)
        self.metrics.begin_term(self.inventory, self.fence.is_open, IDLE, IDLE)
        self.readiness = Readiness(ready=True, missing="")
        self.clock = FakeClock()
        loop_watch = LoopWatch(lambda: self.clock.now().boot)
        self.server = Server(("127.0.0.1", 0), self.metrics, lambda: self.readiness, loop_watch)

    async def get(self, path: str) -> tuple[int, str, str]:
        """Status, content type and text of a response."""
        host, port = self.server._runner.addresses[0][:2]
        async with aiohttp.ClientSession() as session, session.get(f"http://{host}:{port}{path}") as answer:
            return answer.status, answer.headers["Content-Type"], await answer.text()

    async def samples(self) -> dict[str, float]:
        """The operator's own metrics in `/metrics`."""
        _, _, text = await self.get("/metrics")
        lines = [line for line in text.splitlines() if line.startswith("integration_token_")]
        process = ("integration_token_leader", STALL, "integration_token_queue", "integration_token_build_info")
        return {
            name: float(value)
            for name, value in (line.rsplit(" ", 1) for line in lines)
            if not name.startswith(process)
        }

    async def counted(self) -> dict[str, float]:
        """The counters among them."""
        return {name: value for name, value in (await self.samples()).items() if "_total{" in name}


@pytest.fixture
async def served() -> AsyncIterator[Served]:
    """A running server."""
    served = Served()
    await served.server.start()
    yield served
    await served.server.stop()


async def test_the_process_is_healthy_as_long_as_it_answers(served: Served) -> None:
    """Ready or not: a restart would not help."""
    served.readiness = Readiness(ready=False, missing="Secrets are not listed yet")
    assert (await served.get("/healthz"))[::2] == (200, "ok")


async def test_the_process_is_unhealthy_when_it_has_just_stood_still(served: Served) -> None:
    """For five seconds or more, with a message; not for shorter stalls or old ones."""
    served.clock.advance(4.9)
    assert (await served.get("/healthz"))[::2] == (200, "ok")
    served.clock.advance(5)
    assert (await served.get("/healthz"))[::2] == (503, "the event loop was blocked for 5.0 s")
    for _ in range(100):
        served.clock.advance(0.1)
        answer = await served.get("/healthz")
    assert answer[::2] == (200, "ok")


async def test_a_scrape_reports_the_longest_stall_since_the_one_before(served: Served) -> None:
    """Once."""
    for gap in (1.25, 3.25, 2.25):
        served.clock.advance(gap)
        await served.get("/healthz")

    async def told() -> list[str]:
        return [line for line in (await served.get("/metrics"))[2].splitlines() if line.startswith(STALL)]

    assert await told() == [f"{STALL} 3.0"]
    assert await told() == [f"{STALL} 0.0"]


async def test_it_is_ready_once_nothing_is_missing(served: Served) -> None:
    """Until then it says what is missing, even if only for some namespaces."""
    served.readiness = Readiness(ready=False, missing="Secrets are not listed yet")
    assert (await served.get("/readyz"))[::2] == (503, "Secrets are not listed yet")
    served.readiness = Readiness(ready=True, missing="not permitted: create secrets in store")
    assert (await served.get("/readyz"))[::2] == (200, "ok; not permitted: create secrets in store")
    served.readiness = Readiness(ready=True, missing="")
    assert (await served.get("/readyz"))[::2] == (200, "ok")


async def test_metrics_are_in_the_text_format_of_prometheus(served: Served) -> None:
    """The process's metrics are included, and each metric has a help line."""
    status, content_type, text = await served.get("/metrics")
    assert (status, content_type) == (200, "text/plain; version=0.0.4; charset=utf-8")
    assert "# TYPE integration_token_ready_status gauge" in text
    assert "# HELP integration_token_requests_total Token requests sent" in text
    assert "process_resident_memory_bytes" in text


def crowd(served: Served, count: int) -> None:
    """This many resources with a token, as they are most of the time."""
    for number in range(count):
        namespace, name = f"team-{number % 100}", f"integration-{number}"
        spec = {"endpointRef": {"kind": "ClusterTokenEndpoint", "name": "grafx"}, "credentialsSecretRef": {"name": "x"}}
        metadata = {"namespace": namespace, "name": name, "uid": f"uid-{number}"}
        key, _ = served.inventory.observe(parse_integration({"metadata": metadata, "spec": spec}))
        plan = TokenPlan(expires=1_800_086_400, renews=1_800_069_120, poll_at=1_800_070_000)
        state = served.inventory.resources[key]
        state.remembered, state.grant.rollover = Remembered(plan=plan), Rollover(3600.0, 3700.0)
        served.inventory.keep_told(
            key,
            told_by(
                {"type": kind, "status": "True", "reason": "TokenValid"}
                for kind in ("Ready", "Refreshed", "Stalled", "RolloverTooLate")
            ),
        )


async def test_a_scrape_of_many_resources_leaves_others_their_turns(served: Served) -> None:
    """It is sent a few lines at a time, and other work runs in between."""
    crowd(served, 2000)
    turns = 0

    async def count() -> None:
        nonlocal turns
        while True:
            await asyncio.sleep(0)
            turns += 1

    counting = asyncio.create_task(count())
    _, _, text = await served.get("/metrics")
    counting.cancel()
    lines = text.count("\n")
    assert lines > 2000 * 10
    assert turns >= lines / 1000


async def test_a_scrape_holds_some_lines_at_a_time(served: Served) -> None:
    """Not the text of all resources, which is a KiB each."""
    crowd(served, 2000)
    for _ in served.metrics.pieces():
        pass
    tracemalloc.start()
    size = sum(map(len, served.metrics.pieces()))
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert peak * 2 < size


async def test_a_scraper_that_goes_is_no_fault(served: Served, caplog: pytest.LogCaptureFixture) -> None:
    """Nothing is logged, and others are served, whether it disconnects before the first line or in the middle."""
    crowd(served, 2000)
    host, port = served.server._runner.addresses[0][:2]
    for lines in (0, 10):
        reader, writer = await asyncio.open_connection(host, port)
        writer.write(b"GET /metrics HTTP/1.1\r\nHost: operator\r\n\r\n")
        await writer.drain()
        for _ in range(lines):
            await reader.readline()
        writer.transport.abort()
    assert (await served.get("/healthz"))[0] == 200
    assert "integration_token_ready_status" in (await served.get("/metrics"))[2]
    assert caplog.records == []


async def test_a_head_request_gets_only_the_head(served: Served) -> None:
    """Otherwise the connection's next response would begin with this one's text."""
    host, port = served.server._runner.addresses[0][:2]
    reader, writer = await asyncio.open_connection(host, port)
    for method, path in (("HEAD", "/metrics"), ("GET", "/healthz")):
        writer.write(f"{method} {path} HTTP/1.1\r\nHost: operator\r\n\r\n".encode())
        head = await reader.readuntil(b"\r\n\r\n")
        assert head.startswith(b"HTTP/1.1 200 OK\r\n"), (method, head)
    assert await reader.readexactly(2) == b"ok"
    writer.close()


async def test_a_scrape_is_compressed_on_request(served: Served) -> None:
    """Prometheus asks for it: a tenth of the bytes."""
    crowd(served, 100)
    host, port = served.server._runner.addresses[0][:2]
    async with aiohttp.ClientSession(auto_decompress=False) as session:
        headers = {"Accept-Encoding": "gzip"}
        async with session.get(f"http://{host}:{port}/metrics", headers=headers) as answer:
            body = await answer.read()
            assert answer.headers["Content-Encoding"] == "gzip"
    assert "integration-99" in gzip.decompress(body).decode()
    assert len(body) * 5 < len(gzip.decompress(body))


async def test_a_suspended_resource_has_no_next_request(served: Served) -> None:
    """It has no next request."""
    crowd(served, 1)
    (key,) = served.inventory.resources
    served.inventory.keep_told(key, told_by([{"type": "Refreshed", "status": "False", "reason": "Suspended"}]))
    assert not any("next_request" in name for name in await served.samples())


@pytest.mark.parametrize("name", ['a"b', "a\nb", 'x"} 1\nintegration_token_leader 0\n#', "back\\slash", "\\n"])
async def test_the_name_of_an_endpoint_that_there_is_not_is_but_a_label(served: Served, name: str) -> None:
    """Users choose names in specs, and must not be able to write others' metrics."""
    spec = {"endpointRef": {"name": name}, "credentialsSecretRef": {"name": "shop"}}
    metadata = {"namespace": "store", "name": "shop", "uid": "uid"}
    served.inventory.observe(parse_integration({"metadata": metadata, "spec": spec}))
    families = {each.name: each for each in text_string_to_metric_families((await served.get("/metrics"))[2])}
    (info,) = families["integration_token_info"].samples
    assert info.labels["endpoint"] == name
    assert [sample.value for sample in families["integration_token_leader"].samples] == [1]


async def test_durations_are_reported_as_a_histogram(served: Served) -> None:
    """By endpoint, with cumulative buckets."""
    served.inventory.keep_endpoint_version(ENDPOINT, "uid", 1)
    for seconds in (0.05, 0.5, 0.7, 40.0):
        served.metrics.record_duration(ENDPOINT, seconds)
    labels = 'kind="ClusterTokenEndpoint",namespace="",endpoint="grafx"'
    name = "integration_token_request_duration_seconds"
    found = {each: value for each, value in (await served.samples()).items() if each.startswith(name)}
    counts = {"0.1": 1, "0.5": 2, "1.0": 3, "2.5": 3, "5.0": 3, "10.0": 3, "30.0": 3, "+Inf": 4}
    assert found == {
        **{f'{name}_bucket{{{labels},le="{bound}"}}': count for bound, count in counts.items()},
        f"{name}_count{{{labels}}}": 4,
        f"{name}_sum{{{labels}}}": 41.25,
    }


async def test_each_resource_has_its_gauges_until_it_is_gone(served: Served) -> None:
    """As of the scrape, and without a 0 for what it doesn't have."""
    spec = {"endpointRef": {"name": "login"}, "credentialsSecretRef": {"name": "shop"}}
    metadata = {"namespace": "store", "name": "shop", "uid": "uid"}
    key, _ = served.inventory.observe(parse_integration({"metadata": metadata, "spec": spec}))
    labels = 'namespace="store",name="shop"'
    info = f'integration_token_info{{{labels},endpoint_kind="TokenEndpoint",endpoint="login"}}'
    ready = f"integration_token_ready_status{{{labels}}}"
    assert await served.samples() == {info: 1, ready: 0}
    entry = served.inventory.resources[key]
    plan = TokenPlan(expires=1_800_086_400, renews=1_800_069_120, poll_at=1_800_070_000)
    entry.remembered, entry.grant.rollover = Remembered(plan=plan), Rollover(3600.0, 3700.0)
    served.inventory.keep_told(key, told_by([{"type": "Ready", "status": "True", "reason": "TokenValid"}]))
    assert await served.samples() == {
        info: 1,
        f'integration_token_status_condition{{{labels},condition="Ready",status="True",reason="TokenValid"}}': 1,
        ready: 1,
        f"integration_token_expiration_timestamp_seconds{{{labels}}}": 1_800_086_400,
        f"integration_token_renewal_timestamp_seconds{{{labels}}}": 1_800_086_400 - 3600,
        f"integration_token_next_request_timestamp_seconds{{{labels}}}": 1_800_070_000,
        f"integration_token_rollover_lead_seconds{{{labels}}}": 3600,
    }
    served.inventory.forget(key, served.inventory.resources[key].uid)
    assert await served.samples() == {}


async def test_metrics_show_which_process_does_the_work(served: Served) -> None:
    """1 while this process may act; a standby reports no resources, since the leader does."""
    served.inventory.observe_unreadable("store", "shop", "uid", 1)

    async def leads() -> bool:
        return "\nintegration_token_leader 1.0\n" in (await served.get("/metrics"))[2]

    assert await leads()
    served.fence.close()
    assert not await leads()
    served.metrics.end_term()
    assert not await leads()
    assert await served.samples() == {}
    served.metrics.begin_term(served.inventory, Fence(FakeClock()).is_open, IDLE, IDLE)
    assert await leads()
    assert await served.samples() == {'integration_token_ready_status{namespace="store",name="shop"}': 0}


async def test_requests_and_writes_are_counted(served: Served) -> None:
    """Requests by endpoint and outcome, writes by namespace."""
    served.inventory.observe_unreadable("store", "shop", "uid", 1)
    served.inventory.keep_endpoint_version(ENDPOINT, "uid", 1)
    for outcome in ("issued", "unchanged", "unchanged", "AccessDenied"):
        served.metrics.record_request(ENDPOINT, outcome)
    served.metrics.record_write("store")
    endpoint = 'kind="ClusterTokenEndpoint",namespace="",endpoint="grafx"'
    assert await served.counted() == {
        f'integration_token_requests_total{{{endpoint},outcome="issued"}}': 1,
        f'integration_token_requests_total{{{endpoint},outcome="unchanged"}}': 2,
        f'integration_token_requests_total{{{endpoint},outcome="AccessDenied"}}': 1,
        'integration_token_secret_writes_total{namespace="store"}': 1,
    }


async def test_what_is_counted_of_an_endpoint_goes_with_it(served: Served) -> None:
    """Anybody who may create endpoints could create thousands in turn; a late response counts for nothing."""
    for number in range(18):
        ref = EndpointRef(EndpointKind.NAMESPACED, "store", f"login-{number}")
        served.inventory.keep_endpoint_version(ref, "uid", 1)
        served.metrics.record_request(ref, "issued")
        served.metrics.record_saved_request(ref)
        served.metrics.record_duration(ref, 0.2)
        served.inventory.keep_endpoint_told(ref, told_by([{"type": "Ready", "status": "True", "reason": "Valid"}]))
        served.inventory.forget_endpoint(ref)
        served.metrics.record_duration(ref, 0.2)
        served.metrics.record_request(ref, "issued")
        served.metrics.record_saved_request(ref)
    assert await served.samples() == {}


async def test_what_is_counted_of_a_namespace_goes_with_its_last_resource(served: Served) -> None:
    """Not before, and a late write counts for nothing."""
    (first, _), (last, _) = (served.inventory.observe_unreadable("store", name, "uid", 1) for name in ("a", "b"))
    served.metrics.record_write("store")
    served.inventory.forget(first, served.inventory.resources[first].uid)
    assert await served.counted() == {'integration_token_secret_writes_total{namespace="store"}': 1}
    served.inventory.forget(last, served.inventory.resources[last].uid)
    served.metrics.record_write("store")
    assert await served.counted() == {}


async def test_nothing_else_is_served(served: Served) -> None:
    """There is no forgotten page."""
    assert (await served.get("/"))[0] == 404


async def test_an_unavailable_address_is_reported_with_its_flag() -> None:
    """The command ends with that message."""
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        server = Server(("127.0.0.1", port), Metrics(), lambda: Readiness(ready=True, missing=""), LoopWatch(float))
        with pytest.raises(SettingsError, match=rf"--metrics-address 127\.0\.0\.1:{port}: .*[Aa]ddress"):
            await server.start()


async def test_a_server_that_was_stopped_gives_its_port_back() -> None:
    """Another server can use it."""
    first = Served()
    await first.server.start()
    port = first.server._runner.addresses[0][1]
    await first.server.stop()
    second = Server(("127.0.0.1", port), first.metrics, lambda: Readiness(ready=True, missing=""), LoopWatch(float))
    await second.start()
    await second.stop()
