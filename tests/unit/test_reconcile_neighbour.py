"""What one namespace does or suffers changes nothing in another."""

import asyncio
import base64
from typing import Any

import pytest
from integration_token.api.names import (
    INTEGRATION_TOKENS,
    ISSUE_TIME_ANNOTATION,
    LIFETIME_ANNOTATION,
    MANAGER,
    RENEW_ANNOTATION,
)
from integration_token.api.value import format_precise_time, format_time, parse_time
from integration_token.cluster.collection import Object
from integration_token.controller.token_copy import MOST_COPIES
from integration_token.errors import Transient, Unavailable
from integration_token.oauth.client import Route
from integration_token.oauth.request import TokenRequest
from integration_token.oauth.response import Answer

from tests.fakes import fault
from tests.fakes.issuer import Policy
from tests.unit.virtual import EPOCH
from tests.unit.world import NAMESPACE, SECRET, World, encoded, play, true_time

HOSTILE = "crowd"
CLUSTER: dict[str, Any] = {"endpointRef": {"kind": "ClusterTokenEndpoint", "name": "login"}}


def tenant(world: World, namespace: str, client: str, secret: str = SECRET, **spec: Any) -> None:
    """A namespace's resource at the cluster's endpoint."""
    world.credentials(client, secret, namespace=namespace)
    world.integration(namespace=namespace, **CLUSTER, **spec)


def forge(world: World, namespace: str, issued: float, expires: float) -> None:
    """Changes the token times on a target, in the operator's own name."""

    def change(body: Object) -> None:
        body["metadata"]["annotations"] |= {
            ISSUE_TIME_ANNOTATION: format_precise_time(issued),
            LIFETIME_ANNOTATION: f"{expires - issued:.3f}",
        }
        body["data"]["expires_at"] = encoded(format_time(expires))

    path = ("secrets", namespace, "shop")
    body: Object = {**world.cluster.objects[path]}
    body["metadata"] = {**body["metadata"], "annotations": dict(body["metadata"]["annotations"])}
    body["data"] = dict(body["data"])
    change(body)
    world.cluster.apply("secrets", body, MANAGER)


def expiry(world: World, namespace: str) -> float:
    """The expiry that a target's annotations state."""
    return parse_time(base64.b64decode(world.secret(namespace=namespace)["data"]["expires_at"]).decode())


class TestForged:
    """A tenant who may write Secrets in one namespace can't affect expiry times elsewhere."""

    @pytest.mark.parametrize("left", [25.0, 3.0, 4000.0], ids=["soon", "at once", "late"])
    @pytest.mark.parametrize("restarted", [False, True], ids=["", "after a restart"])
    def test_forged_times_teach_nothing(self, left: float, *, restarted: bool) -> None:
        """The shared grant rolls over when the endpoint says so, and no other token expires in use."""

        async def story(world: World) -> None:
            world.cluster_endpoint()
            for namespace in (HOSTILE, NAMESPACE):
                tenant(world, namespace, "shop")
            await world.operator.start()
            await world.until(EPOCH + 1)
            for round_ in range(1, 12):
                await world.until(EPOCH + 300 * round_)
                if restarted and round_ == 5:
                    await world.restart()
                now = true_time(world.clock)
                forge(world, HOSTILE, now - 10, now + left)
                await world.settle()
                held = world.issuer.find(base64.b64decode(world.secret()["data"]["token"]).decode())
                assert held is not None
                assert held.expires > true_time(world.clock)

        play(story, Policy(lifetime=600, lead=30), glance=1)

    def test_a_newcomer_gets_the_times_that_the_endpoint_stated(self) -> None:
        """Not the ones on the Secret that the token is copied from."""

        async def story(world: World) -> None:
            world.cluster_endpoint()
            tenant(world, HOSTILE, "shop")
            await world.operator.start()
            await world.until(EPOCH + 5)
            forge(world, HOSTILE, EPOCH - 60, EPOCH + 30)
            await world.until(EPOCH + 15)
            tenant(world, NAMESPACE, "shop")
            await world.until(EPOCH + 17)
            assert expiry(world, NAMESPACE) >= EPOCH + 598

        play(story, Policy(lifetime=600, lead=30), glance=1)


class TestHeldUp:
    """A neighbour's endpoint or client delays nobody else."""

    def test_a_client_that_is_asked_to_wait_pauses_nobody_else(self) -> None:
        """Another namespace's first token comes at once, and its renewals in time."""

        async def story(world: World) -> None:
            world.clients |= {"greedy": "its secret"}
            world.cluster_endpoint()
            world.fault(fault.retry_after(900), count=1)
            tenant(world, HOSTILE, "greedy", "its secret")
            await world.operator.start()
            await world.settle()
            tenant(world, NAMESPACE, "shop")
            await world.settle()
            assert world.ready == ("True", "TokenValid")

        play(story)

    def test_knowing_only_a_client_id_pauses_nobody(self) -> None:
        """The same client ID with another secret is another grant."""

        async def story(world: World) -> None:
            world.cluster_endpoint()
            tenant(world, NAMESPACE, "shop")
            await world.operator.start()
            await world.settle()
            world.fault(fault.retry_after(900), count=1)
            tenant(world, HOSTILE, "shop", "a guess")
            await world.settle()
            world.request_renewal("now")
            await world.settle()
            assert world.refreshed == ("True", "Refreshed")

        play(story)

    def test_endpoints_that_hang_in_many_namespaces_hold_up_nobody(self) -> None:
        """Sixty with ten resources each, for a minute: another namespace's first token still comes at once."""

        async def story(world: World) -> None:
            hang(world, "hanging")
            for number in range(60):
                namespace = f"team-{number}"
                world.endpoint("login", namespace, tokenURL=f"https://hanging-{number}.example/token")
                for name in range(10):
                    world.credentials(f"{number}-{name}", name=f"c-{name}", namespace=namespace)
                    world.integration(f"t-{name}", namespace, credentialsSecretRef={"name": f"c-{name}"})
            await world.operator.start()
            for minute in range(1, 7):
                await world.until(EPOCH + 10 * minute)
                world.clients["victim"] = SECRET
                world.endpoint()
                world.credentials("victim", name=f"credentials-{minute}")
                world.integration(f"victim-{minute}", credentialsSecretRef={"name": f"credentials-{minute}"})
                await world.until(EPOCH + 10 * minute + 1)
                assert world.condition_of(f"victim-{minute}") == ("True", "TokenValid")

        play(story)

    def test_resources_waiting_behind_a_deleted_endpoint_continue_when_its_requests_end(self) -> None:
        """The hanging endpoint is gone, and so is the reason to wait."""

        async def story(world: World) -> None:
            hang(world, "hanging")
            world.endpoint("hanging", tokenURL="https://hanging.example/token")
            for number in range(12):
                world.credentials(f"client-{number}", name=f"c-{number}")
                world.integration(
                    f"hung-{number}",
                    endpointRef={"name": "hanging"},
                    credentialsSecretRef={"name": f"c-{number}"},
                )
            await world.operator.start()
            await world.settle()
            world.endpoint()
            world.credentials()
            world.integration()
            await world.until(EPOCH + 5)
            world.cluster.remove("tokenendpoints", NAMESPACE, "hanging")
            await world.until(EPOCH + 35)
            assert world.ready == ("True", "TokenValid")

        play(story)

    def test_renewal_requests_of_a_failing_resource_are_followed_three_times_a_minute(self) -> None:
        """However often it is annotated."""

        async def story(world: World) -> None:
            world.clients["shop"] = "another secret"
            await world.begin()
            await world.until(EPOCH + 400)
            before = world.requests
            for number in range(24):
                world.request_renewal(f"wish {number}")
                await world.until(EPOCH + 400 + 5 * (number + 1))
            assert world.requests - before <= 2 * 3 + 1

        play(story)

    def test_renewal_requests_of_a_ready_resource_are_followed_three_times_a_minute(self) -> None:
        """The last of them is always followed, a little later."""

        async def story(world: World) -> None:
            await world.begin()
            await world.until(EPOCH + 100)
            for number in range(10):
                world.request_renewal(f"wish {number}")
                await world.settle()
            assert world.requests == 1 + 3
            await world.until(EPOCH + 163)
            assert world.requests == 1 + 4
            assert world.status()["lastHandledRenewRequest"] == "wish 9"

        play(story)

    def test_the_renewal_requests_of_a_failing_resource_come_after_renewals(self) -> None:
        """At two requests a minute, others' valid tokens are still renewed in time."""

        async def story(world: World) -> None:
            world.cluster_endpoint(rateLimit={"requestsPerMinute": 2})
            tenant(world, NAMESPACE, "shop")
            await world.operator.start()
            await world.settle()
            for number in range(5):
                world.credentials(f"wrong-{number}", "wrong", f"c-{number}", HOSTILE)
                world.integration(f"w-{number}", HOSTILE, credentialsSecretRef={"name": f"c-{number}"}, **CLUSTER)
            for step in range(1, 240):
                for number in range(5):
                    annotate(world, HOSTILE, f"w-{number}", f"wish {step}")
                await world.until(EPOCH + 5 * step)
                held = world.issuer.find(base64.b64decode(world.secret()["data"]["token"]).decode())
                assert held is not None
                assert held.expires > true_time(world.clock)

        play(story, Policy(lifetime=300, lead=30), glance=1)


class TestCopies:
    """Many resources that share a grant cost one request and few reads."""

    def test_one_failed_read_of_a_sharers_secret_costs_no_token(self) -> None:
        """It is read again a moment later."""

        async def story(world: World) -> None:
            await world.begin()
            get = world.cluster.get
            failed = list[str]()

            async def failing(collection: Any, namespace: str, name: str) -> Object | None:
                if name == "shop" and not failed and collection.plural == "secrets":
                    failed.append(name)
                    raise Unavailable("a moment")
                return await get(collection, namespace, name)

            world.cluster.get = failing  # type: ignore[method-assign]  # a moment's outage
            world.integration("till")
            await world.until(EPOCH + 10)
            assert failed
            assert world.token("till") == 1
            assert world.requests == 1

        play(story, Policy(cached=False))

    def test_a_renewal_of_many_sharers_reads_the_new_token_once_for_fifty_of_them(self) -> None:
        """None of them reads its credentials for it, and no token stays in memory."""

        async def story(world: World) -> None:
            world.endpoint()
            world.credentials()
            names = [f"shop-{number}" for number in range(200)]
            for name in names:
                world.integration(name)
            await world.operator.start()
            await world.until(EPOCH + 100)
            before = len(world.cluster.calls)
            world.issuer.roll_over()
            world.cluster.edit(INTEGRATION_TOKENS, NAMESPACE, names[0], lambda body: _wish(body, "now"))
            await world.until(EPOCH + 105)
            assert {world.token(name) for name in names} == {2}
            calls = [
                name for verb, plural, name in world.cluster.calls[before:] if (verb, plural) == ("get", "secrets")
            ]
            assert calls.count("shop-integration") == 1
            assert calls.count(names[0]) <= 1 + 200 / MOST_COPIES + 10
            assert world.operator._worker.reconciler._refresher._copier._readings == {}

        play(story)


def annotate(world: World, namespace: str, name: str, value: str) -> None:
    """A person requests a renewal."""
    world.cluster.edit(INTEGRATION_TOKENS, namespace, name, lambda body: _wish(body, value))


def _wish(body: Object, value: str) -> None:
    body["metadata"].setdefault("annotations", {})[RENEW_ANNOTATION] = value


def hang(world: World, host: str) -> None:
    """Makes every host whose name starts like this hang until the timeout."""
    carry = world.client._carry

    async def carried(request: TokenRequest, route: Route) -> Answer:
        if request.url.startswith(f"https://{host}"):
            await asyncio.sleep(route.timeout)
            raise Transient("Timeout", "no answer in time")
        return await carry(request, route)

    world.client._carry = carried  # type: ignore[method-assign]  # a line that is cut
