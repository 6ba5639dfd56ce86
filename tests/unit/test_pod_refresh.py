"""A renewed token reaches mounted files at once if the kubelet might be too late."""

import asyncio
from collections.abc import AsyncIterator
from types import SimpleNamespace
from typing import Any

import pytest
from integration_token.api.integration import parse_integration
from integration_token.api.names import REFRESHED_ANNOTATION
from integration_token.api.token import GrantIdentity, StoredToken, Token
from integration_token.controller.outcome import Outcome
from integration_token.controller.pod_refresh import PodRefresher
from integration_token.controller.target import Written
from integration_token.errors import Denied, Unavailable

from tests.fakes import fault
from tests.fakes.issuer import Policy
from tests.unit.situation import Situation
from tests.unit.virtual import EPOCH, FakeClock
from tests.unit.world import NAMESPACE, World, play

DAY = 86400.0
LATE = Policy(lead=60)
"""Rolls over too late for the kubelet."""
IN_TIME = Policy()
MOUNTS = {
    "containers": [{"volumeMounts": [{"name": "token", "mountPath": "/token"}]}],
    "volumes": [{"name": "token", "secret": {"secretName": "shop"}}],
}
READS_ONCE = {"containers": [{"envFrom": [{"secretRef": {"name": "shop"}}]}]}


def run_pod(
    world: World, name: str, spec: dict[str, Any], *, phase: str = "Running", namespace: str = NAMESPACE
) -> None:
    """A pod as the API server returns it."""
    metadata = {"namespace": namespace, "name": name}
    body = {"apiVersion": "v1", "kind": "Pod", "metadata": metadata, "spec": spec, "status": {"phase": phase}}
    world.cluster.apply("pods", body)


def touch(world: World, name: str = "consumer", namespace: str = NAMESPACE) -> str | None:
    """The annotation value that made the kubelet sync the pod's volumes, if any."""
    annotations: dict[str, str] = world.cluster.object("pods", namespace, name)["metadata"].get("annotations") or {}
    return annotations.get(REFRESHED_ANNOTATION)


def touched(world: World, name: str = "consumer", namespace: str = NAMESPACE) -> bool:
    """Whether the kubelet was made to sync the pod's volumes."""
    return touch(world, name, namespace) is not None


@pytest.mark.parametrize(
    ("wish", "policy", "expected"),
    [
        pytest.param("Auto", LATE, True, id="if the endpoint rolls over a minute before expiry"),
        pytest.param("Auto", IN_TIME, False, id="not if the kubelet has half an hour"),
        pytest.param("Always", IN_TIME, True, id="if the user says so"),
        pytest.param("Never", LATE, False, id="not if the user says no"),
    ],
)
def test_pods_that_mount_the_secret_are_touched_at_a_renewal(wish: str, policy: Policy, expected: bool) -> None:
    """After the new token is in the Secret, and before the status is written."""

    async def story(world: World) -> None:
        run_pod(world, "consumer", MOUNTS)
        await world.begin(mountRefresh=wish)
        assert not touched(world)
        await world.until(EPOCH + DAY)
        assert world.token() == 2
        assert touched(world) is expected

    play(story, policy)


@pytest.mark.parametrize(
    ("lifetime", "delay", "expected"),
    [
        pytest.param(300, "0s", False, id="the kubelet has more than two minutes"),
        pytest.param(300, "1m", True, id="of which consumers need one"),
        pytest.param(900, "1m", False, id="here both have enough time"),
    ],
)
@pytest.mark.parametrize("killed", [False, True])
def test_what_consumers_need_is_left_to_them(lifetime: float, delay: str, expected: bool, killed: bool) -> None:
    """Pods are annotated if the kubelet and consumers together would be too late, even after a restart."""

    async def story(world: World) -> None:
        run_pod(world, "consumer", MOUNTS)
        await world.begin(consumerDelay=delay)
        if killed:
            for verb, plural in (("list", "pods"), ("patch status", "integrationtokens")):
                world.cluster.fail(verb, plural, Unavailable("503 no"), 1000)
        await world.until(EPOCH + lifetime - 140)
        assert (world.token(), touched(world)) == (2, expected and not killed)
        if killed:
            world.cluster.fail_no_more()
            await world.restart(kill=True)
            await world.settle()
            assert touched(world) is expected

    play(story, Policy(lifetime=lifetime, cached=False))


def test_a_pod_that_is_just_starting_is_touched_too() -> None:
    """It may have its files already, and report only a moment later that it runs."""

    async def story(world: World) -> None:
        run_pod(world, "consumer", MOUNTS, phase="Pending")
        await world.begin(mountRefresh="Always")
        await world.until(EPOCH + DAY)
        assert touched(world)

    play(story, LATE)


def test_a_pod_is_touched_by_each_of_two_renewals_within_a_second() -> None:
    """An unchanged annotation would tell the kubelet nothing."""

    async def story(world: World) -> None:
        run_pod(world, "consumer", MOUNTS)
        await world.begin(mountRefresh="Always")
        touches = []
        for number in range(2):
            world.issuer.roll_over()
            world.request_renewal(f"request-{number}")
            await world.until(EPOCH + 0.4 * (number + 1))
            touches.append(touch(world))
        assert world.token() == 3
        assert None not in touches
        assert len(set(touches)) == 2

    play(story, IN_TIME)


@pytest.mark.parametrize("killed", [False, True])
def test_pods_are_touched_later_if_nothing_could_follow_the_secret(killed: bool) -> None:
    """If the API server fails or the process dies right after the Secret's write, it is made up for once."""

    async def story(world: World) -> None:
        run_pod(world, "consumer", MOUNTS)
        await world.begin(mountRefresh="Auto")
        for verb, plural in (("list", "pods"), ("patch status", "integrationtokens")):
            world.cluster.fail(verb, plural, Unavailable("503 no"), 1000 if killed else 1)
        await world.until(EPOCH + DAY)
        assert world.token() == 2
        if killed:
            assert not touched(world)
            world.cluster.fail_no_more()
            await world.restart(kill=True)
        await world.until(EPOCH + DAY + 60)
        assert touched(world)
        touches = ("annotate", "pods", "consumer")
        assert world.cluster.calls.count(touches) == 1
        await world.restart(kill=True)
        assert world.cluster.calls.count(touches) == 1

    play(story, LATE)


def test_pods_are_touched_once_though_the_status_cannot_tell() -> None:
    """However often the status write is retried."""

    async def story(world: World) -> None:
        run_pod(world, "consumer", MOUNTS)
        await world.begin(mountRefresh="Always")
        world.cluster.fail("patch status", "integrationtokens", Denied("403 no", status=403), 1000)
        await world.until(EPOCH + DAY)
        assert world.token() == 2
        assert world.cluster.calls.count(("patch status", "integrationtokens", "shop")) > 3
        assert world.cluster.calls.count(("annotate", "pods", "consumer")) == 1

    play(story, LATE)


def test_an_assumed_expiry_that_is_put_off_touches_no_pod() -> None:
    """Pods already have the token, however often the endpoint returns it and whatever fails in between."""

    async def story(world: World) -> None:
        run_pod(world, "consumer", MOUNTS)
        world.fault(fault.EXPIRES_MISSING)
        await world.begin(mountRefresh="Always")
        await world.until(EPOCH + DAY / 4)
        world.cluster.fail("patch status", "integrationtokens", Unavailable("503 no"), 3)
        await world.until(EPOCH + DAY / 2)
        assert world.requests > 10
        assert world.token() == 1
        assert ("list", "pods", "") not in world.cluster.calls
        assert not touched(world)

    play(story, IN_TIME)


@pytest.mark.parametrize("expiry", ["0000-01-01T00:00:00Z", "2027-01-16T08:00:00+99:99"])
def test_a_status_that_a_person_wrote_keeps_nothing_from_being_done(expiry: str) -> None:
    """The API server accepts invalid times."""

    async def story(world: World) -> None:
        run_pod(world, "consumer", MOUNTS)
        await world.begin(mountRefresh="Auto")
        before = world.status()
        told = {"issueTime": "2026-01-01T00:00:00Z", "expirationTime": expiry}
        world.cluster.edit("integrationtokens", NAMESPACE, "shop", lambda body: body["status"].update(told))
        world.request_renewal("now")
        await world.settle()
        assert world.status() == {**before, "lastHandledRenewRequest": "now"}

    play(story, IN_TIME)


def test_other_pods_are_left_alone() -> None:
    """Pods in other namespaces, pods that have ended, and pods that wouldn't see the change."""

    async def story(world: World) -> None:
        run_pod(world, "elsewhere", MOUNTS, namespace="market")
        run_pod(world, "ended", MOUNTS, phase="Succeeded")
        run_pod(world, "once", READS_ONCE)
        run_pod(world, "none", {"containers": [{}]})
        await world.begin(mountRefresh="Always")
        await world.until(EPOCH + DAY)
        assert not touched(world, "elsewhere", "market")
        assert not any(touched(world, name) for name in ("ended", "once", "none"))

    play(story, LATE)


def test_a_namespace_that_does_not_want_it_is_not_listed() -> None:
    """It costs no call."""

    async def story(world: World) -> None:
        await world.begin(mountRefresh="Never")
        await world.until(EPOCH + DAY)
        assert ("list", "pods", "") not in world.cluster.calls

    play(story, LATE)


def test_a_pod_that_never_sees_a_renewal_is_reported_with_its_owner_and_what_to_do() -> None:
    """At each renewal, whatever the rollover lead; the first three are named."""

    async def story(world: World) -> None:
        for number in range(5):
            run_pod(world, f"once-{number}", READS_ONCE)
        await world.begin()
        await world.until(EPOCH + DAY)
        (event,) = [each for each in world.cluster.events if each["reason"] == "RenewalNotSeen"]
        assert event["type"] == "Warning"
        assert event["message"].startswith("Pod once-0, Pod once-1, Pod once-2 and 2 more read Secret shop ")
        assert "Reloader" in event["message"]

    play(story, IN_TIME)


@pytest.mark.parametrize(("wish", "told"), [("Always", 2), ("Auto", 0)])
def test_without_permission_a_resource_that_insists_reports_it(wish: str, told: int) -> None:
    """Auto never promised more than the installation permits. No call is repeated in vain."""

    async def story(world: World) -> None:
        run_pod(world, "consumer", MOUNTS)
        world.cluster.fail("list", "pods", Denied("403 pods is forbidden", status=403), 100)
        await world.begin(mountRefresh=wish)
        await world.until(EPOCH + DAY)
        assert world.token() == 2
        await world.until(EPOCH + 2 * DAY)
        assert world.cluster.reasons().count("MountRefreshForbidden") == told
        assert world.cluster.calls.count(("list", "pods", "")) == 2
        assert world.ready == ("True", "TokenValid")

    play(story, LATE)


@pytest.mark.parametrize("wish", ["Always", "Auto"])
@pytest.mark.parametrize(
    ("verb", "failures", "expected"), [("list", 2, True), ("annotate", 2, True), ("annotate", 1000, False)]
)
def test_pods_that_cannot_be_patched_do_not_keep_the_status_from_the_renewal(
    wish: str, verb: str, failures: int, expected: bool
) -> None:
    """A failing pod patch delays nothing else. It is retried until the kubelet has synced by itself."""

    async def story(world: World) -> None:
        run_pod(world, "consumer", MOUNTS)
        world.cluster.fail(verb, "pods", Unavailable("503 no"), failures)
        await world.begin(mountRefresh=wish)
        await world.until(EPOCH + DAY)
        assert world.status()["issueTime"] > "2027-01-16"
        assert world.ready == ("True", "TokenValid")
        assert touched(world) is expected
        await world.until(EPOCH + DAY + 3600)
        tries = [call[0] for call in world.cluster.calls if call[1] == "pods"].count(verb)
        assert tries == failures + 1 if expected else 3 < tries < 10

    play(story, LATE)


class Crowd:
    """An API server with pods in several namespaces that mount their Secret, and a log of calls."""

    def __init__(self, pods: dict[str, int]) -> None:
        """`pods`: the number in each namespace."""
        self.touched: list[str] = []
        """Namespaces of the patched pods."""
        self._pods = pods

    async def pages(self, _: object, namespace: str, __: str) -> AsyncIterator[list[dict[str, Any]]]:
        """As in the gateway."""
        for number in range(self._pods[namespace]):
            yield [{"metadata": {"namespace": namespace, "name": f"{number}"}, "spec": MOUNTS, "status": {}}]

    async def annotate(self, _: object, namespace: str, *__: object) -> None:
        """As in the gateway; a call takes a moment."""
        await asyncio.sleep(0)
        self.touched.append(namespace)


async def test_a_neighbour_with_thousands_of_pods_keeps_nobody_waiting(clock: FakeClock) -> None:
    """Anybody who may create pods may have many, and renew the token that they mount again and again."""
    crowd = Crowd({"crowd": 2000, NAMESPACE: 1})
    refresher = PodRefresher(crowd, SimpleNamespace(event=None), clock)  # type: ignore[arg-type]  # what is used of them

    def renewed(namespace: str) -> Outcome:
        stored = StoredToken(
            Token("t0k3n", issued=1.0, expires=DAY, assumed=False, scope=()), GrantIdentity("", "", "")
        )
        integration = parse_integration(
            {
                "metadata": {"namespace": namespace, "name": "shop", "uid": "uid"},
                "spec": {
                    "endpointRef": {"name": "login"},
                    "credentialsSecretRef": {"name": "shop"},
                    "mountRefresh": "Always",
                },
                "status": {"issueTime": "", "expirationTime": ""},
            }
        )
        situation = Situation(now=1.0, stored=stored, matches=True, expires=DAY, renews=1.0, renewed=True)
        return situation.outcome(integration)._replace(written=Written("7", wrote=True, recreated=None))

    first = asyncio.create_task(refresher.refresh(renewed("crowd")))
    for _ in range(10):
        await asyncio.sleep(0)
    assert crowd.touched
    await refresher.refresh(renewed(NAMESPACE))
    assert len(crowd.touched) < 50
    await first
    assert crowd.touched.count("crowd") == 2000
