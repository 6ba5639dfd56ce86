"""CA certificates that a ClusterTokenEndpoint takes from a ConfigMap in the operator's namespace."""

from collections.abc import Callable
from typing import Any

import pytest
import trustme
from integration_token.api.condition import Reason
from integration_token.api.endpoint import ConfigMapKey, EndpointKind, parse_endpoint
from integration_token.controller import ca_bundle as module
from integration_token.errors import Denied, Transient, Unavailable, UserActionRequired

from tests.unit.test_reconcile_large import routes_of
from tests.unit.virtual import EPOCH
from tests.unit.world import OPERATORS, World, encoded, play

FIRST, SECOND = (f"# {name}\n{trustme.CA().cert_pem.bytes().decode()}" for name in ("first", "second"))
REF = {"name": "authorities", "key": "ca.crt"}
CLUSTER_ENDPOINT = {"kind": "ClusterTokenEndpoint", "name": "login"}
HOUR = 3600.0


async def begin(world: World, **data: str) -> None:
    """A resource whose endpoint takes its CA certificates from a ConfigMap, with this data if any."""
    if data:
        world.config_map("authorities", {key.replace("_", "."): value for key, value in data.items()})
    world.cluster_endpoint(caBundleRef=REF)
    world.credentials()
    world.integration(endpointRef=CLUSTER_ENDPOINT)
    await world.operator.start()
    await world.settle()


def told(world: World, name: str = "login") -> tuple[str, str, str]:
    """Status, reason and message of the endpoint's Ready condition."""
    ready = world.cluster.object("clustertokenendpoints", "", name)["status"]["conditions"][0]
    return ready["status"], ready["reason"], ready["message"]


def looks(world: World) -> int:
    """How often the API server was asked for a ConfigMap."""
    return sum(call[1] == "configmaps" for call in world.cluster.calls)


def test_authorities_come_from_the_configmap() -> None:
    """Requests trust only these."""

    async def story(world: World) -> None:
        routes = routes_of(world)
        await begin(world, ca_crt=FIRST)
        assert told(world) == ("True", "Valid", "")
        assert world.ready == ("True", "TokenValid")
        assert [route.ca_bundle for route in routes] == [FIRST]

    play(story)


FAULTS: dict[str, tuple[Callable[[World], object], str, str]] = {
    # For each case: what is done to the world, the reason, and what the message says.
    "the ConfigMap is missing": (
        lambda world: None,
        "CABundleNotFound",
        "ConfigMap authorities in the operator's namespace operators does not exist; create it or fix",
    ),
    "the key is missing": (
        lambda world: world.config_map("authorities", {"ca.pem": FIRST}),
        "CABundleNotFound",
        "has no key ca.crt; add the CA bundle there or fix spec.caBundleRef",
    ),
    "the key is empty, which must not mean the system's roots": (
        lambda world: world.config_map("authorities", {"ca.crt": "\n"}),
        "CABundleNotFound",
        "has an empty key ca.crt",
    ),
    "the operator may not read it": (
        lambda world: world.cluster.fail("get", "configmaps", Denied("403 forbidden", status=403), 1_000_000),
        "CABundleNotFound",
        "the operator is not allowed to read ConfigMap authorities in the operator's namespace operators; add its name",
    ),
    "it holds no certificate": (
        lambda world: world.config_map("authorities", {"ca.crt": "certificates come here"}),
        "InvalidCABundle",
        "key ca.crt of ConfigMap authorities in the operator's namespace operators contains no valid PEM certificate",
    ),
    "it is larger than an endpoint's own bundle may be": (
        lambda world: world.config_map("authorities", {"ca.crt": FIRST.ljust(524289)}),
        "InvalidCABundle",
        "is larger than 512 KiB; remove the authorities that the endpoint does not need",
    ),
}


@pytest.mark.parametrize(("spoil", "reason", "message"), FAULTS.values(), ids=FAULTS)
def test_endpoint_says_why_there_are_no_authorities_and_works_as_soon_as_there_are(
    spoil: Callable[[World], object], reason: str, message: str
) -> None:
    """No token is requested until then, for hours if need be; six seconds later there is a token."""

    async def story(world: World) -> None:
        spoil(world)
        await begin(world)
        status, why, said = told(world)
        assert (status, why) == ("False", reason)
        assert message in said
        assert world.ready == ("False", reason)
        assert world.stalled == ("False", "Progressing")
        await world.until(EPOCH + 12)
        with world.counting() as writes:
            await world.until(EPOCH + HOUR)
        assert (world.requests, writes) == (0, [])
        world.cluster.fail_no_more()
        world.config_map("authorities", {"ca.crt": FIRST})
        await world.until(EPOCH + HOUR + 6)
        assert told(world)[0] == "True"
        assert world.ready == ("True", "TokenValid")
        assert world.requests == 1

    play(story)


def test_authorities_that_arrive_a_moment_later_are_waited_for_without_a_word() -> None:
    """Helm and Flux create objects in any order: nothing fails, and there is no event or warning."""

    async def story(world: World) -> None:
        await begin(world)
        conditions = world.cluster.object("clustertokenendpoints", "", "login")["status"]["conditions"]
        assert {one["type"]: one["status"] for one in conditions} == {"Ready": "False", "Stalled": "False"}
        world.config_map("authorities", {"ca.crt": FIRST})
        await world.until(EPOCH + 6)
        assert world.ready == ("True", "TokenValid")
        assert world.cluster.reasons() == ["Issued"]

    play(story)


def test_rotation_asks_for_nothing_and_writes_nothing() -> None:
    """A valid token stays; the next request, whenever it is due, trusts what the ConfigMap holds by then."""

    async def story(world: World) -> None:
        routes = routes_of(world)
        await begin(world, ca_crt=FIRST)
        await world.until(EPOCH + 60)
        passes = world.operator.looks
        with world.counting() as writes:
            world.config_map("authorities", {"ca.crt": FIRST + SECOND})
            await world.until(EPOCH + 60 + 6)
            world.config_map("authorities", {"ca.crt": SECOND})
            await world.until(EPOCH + 60 + 12)
        assert (world.requests, writes) == (1, [])
        assert world.operator.looks == passes + 2, "the endpoint alone was judged anew, once for each change"
        world.request_renewal("now")
        await world.settle()
        assert [route.ca_bundle for route in routes] == [FIRST, SECOND]
        assert world.refreshed == ("True", "Refreshed")

    play(story)


def test_request_that_failed_for_old_authorities_is_sent_again_with_the_new_ones() -> None:
    """Within seconds of the change, regardless of when the retry was due."""

    async def story(world: World) -> None:
        await begin(world, ca_crt=FIRST)
        world.client.outage = Transient(Reason.TLS_FAILED, "its certificate is not trusted")
        world.request_renewal("now")
        await world.until(EPOCH + HOUR)
        assert world.refreshed == ("False", "TLSFailed")
        world.client.outage = None
        sent = world.requests
        world.config_map("authorities", {"ca.crt": SECOND})
        await world.until(EPOCH + HOUR + 6)
        assert world.refreshed == ("True", "Refreshed")
        assert world.requests == sent + 1

    play(story)


def test_one_read_serves_all_endpoints_that_name_the_same_configmap() -> None:
    """A thousand endpoints cost twelve small calls a minute, and none once they are gone."""

    async def story(world: World) -> None:
        world.config_map("authorities", {"ca.crt": FIRST})
        for number in range(1000):
            world.cluster_endpoint(f"login-{number}", caBundleRef=REF)
        await world.operator.start()
        await world.until(EPOCH + 4)
        assert {told(world, f"login-{number}") for number in range(1000)} == {("True", "Valid", "")}
        assert looks(world) == 1
        await world.until(EPOCH + 604)
        assert looks(world) <= 1 + 12 * 10
        for number in range(1000):
            world.cluster.remove("clustertokenendpoints", "", f"login-{number}")
        await world.until(EPOCH + 640)
        before = looks(world)
        await world.until(EPOCH + HOUR)
        assert looks(world) == before

    play(story)


def test_authorities_that_are_taken_away_are_trusted_no_more() -> None:
    """Deleting the ConfigMap revokes trust in what it held; the current token stays valid."""

    async def story(world: World) -> None:
        await begin(world, ca_crt=FIRST)
        world.cluster.remove("configmaps", OPERATORS, "authorities")
        await world.until(EPOCH + 6)
        assert told(world)[:2] == ("False", "CABundleNotFound")
        world.request_renewal("now")
        await world.settle()
        assert world.refreshed == ("False", "CABundleNotFound")
        assert (world.ready, world.requests) == (("True", "TokenValid"), 1)

    play(story)


def test_what_was_read_holds_as_long_as_the_api_server_is_away() -> None:
    """An outage doesn't take away what worked a moment ago; changes are noticed again afterwards."""

    async def story(world: World) -> None:
        routes = routes_of(world)
        await begin(world, ca_crt=FIRST)
        world.cluster.fail("get", "configmaps", Unavailable("the API server cannot be reached"), 1_000_000)
        await world.until(EPOCH + 120)
        world.request_renewal("now")
        await world.settle()
        assert told(world)[0] == "True"
        assert (world.refreshed, world.requests) == (("True", "Refreshed"), 2)
        world.cluster.fail_no_more()
        world.config_map("authorities", {"ca.crt": SECOND})
        await world.until(EPOCH + 130)
        world.request_renewal("again")
        await world.settle()
        assert [route.ca_bundle for route in routes] == [FIRST, FIRST, SECOND]

    play(story)


def test_outage_at_the_start_is_waited_for() -> None:
    """Nothing that is merely not known yet is reported."""

    async def story(world: World) -> None:
        world.cluster.fail("get", "configmaps", Unavailable("the API server cannot be reached"), 5)
        await begin(world, ca_crt=FIRST)
        await world.until(EPOCH + 30)
        assert told(world)[0] == "True"
        assert world.ready == ("True", "TokenValid")
        assert world.cluster.reasons() == ["Issued"]

    play(story)


def test_restart_with_good_tokens_reads_the_authorities_and_no_more() -> None:
    """It requests no token and writes nothing."""

    async def story(world: World) -> None:
        await begin(world, ca_crt=FIRST)
        with world.counting() as writes:
            await world.restart()
            await world.until(EPOCH + 60)
        assert (world.requests, writes) == (1, [])

    play(story)


def test_another_configmap_counts_at_once() -> None:
    """The previous ConfigMap is no longer read."""

    async def story(world: World) -> None:
        routes = routes_of(world)
        world.config_map("others", {"ca.crt": SECOND})
        await begin(world, ca_crt=FIRST)
        world.cluster_endpoint(caBundleRef={"name": "others"})
        world.request_renewal("now")
        await world.settle()
        assert [route.ca_bundle for route in routes] == [FIRST, SECOND]
        await world.until(EPOCH + 40)
        world.cluster.calls.clear()
        await world.until(EPOCH + 140)
        assert {call[2] for call in world.cluster.calls if call[1] == "configmaps"} == {"others"}

    play(story)


def test_more_text_than_is_kept_is_read_for_each_use(monkeypatch: pytest.MonkeyPatch) -> None:
    """However many ConfigMaps are named, memory stays bounded, and each endpoint gets its own."""
    monkeypatch.setattr(module, "MAX_KEPT", len(FIRST) + 10)

    async def story(world: World) -> None:
        routes = routes_of(world)
        world.config_map("others", {"ca.crt": SECOND})
        world.cluster_endpoint("other", caBundleRef={"name": "others"})
        world.integration("other", endpointRef={"kind": "ClusterTokenEndpoint", "name": "other"})
        await begin(world, ca_crt=FIRST)
        for wish in ("a", "b"):
            world.request_renewal(wish)
            await world.settle()
        assert [route.ca_bundle for route in routes].count(SECOND) == 1
        assert [route.ca_bundle for route in routes].count(FIRST) == 3
        assert world.condition_of("other") == world.ready == ("True", "TokenValid")
        texts = [source.bundle and source.bundle.text for source in world.operator.bundles._sources.values()]
        assert texts == [None, FIRST]

    play(story)


def test_bundle_with_names_in_another_encoding_is_read() -> None:
    """kubectl puts anything that isn't UTF-8 into binaryData."""

    async def story(world: World) -> None:
        text = f"# Autorità\n{FIRST}"
        world.config_map("authorities", {})
        world.cluster.edit(
            "configmaps", OPERATORS, "authorities",
            lambda body: body.update(binaryData={"ca.crt": encoded(text)}),
        )  # fmt: skip
        await begin(world)
        assert world.ready == ("True", "TokenValid")

    play(story)


def parsed(kind: EndpointKind, **spec: Any) -> object:
    """Where an endpoint's spec says to find its CA certificates."""
    body = {"metadata": {"name": "login", "uid": "uid"}, "spec": {"tokenURL": "https://login.example/t", **spec}}
    return parse_endpoint(kind, body).ca_bundle_ref


def test_key_is_ca_crt_unless_it_is_named() -> None:
    """As cert-manager and trust-manager name it."""
    assert parsed(EndpointKind.CLUSTER, caBundleRef={"name": "authorities"}) == ConfigMapKey(**REF)


@pytest.mark.parametrize(
    ("kind", "spec", "message"),
    [
        (EndpointKind.NAMESPACED, {}, "caBundleRef may only be set in a ClusterTokenEndpoint"),
        (EndpointKind.CLUSTER, {"caBundle": FIRST}, "caBundle and caBundleRef are mutually exclusive"),
    ],
)
def test_what_the_schema_refuses_is_refused(kind: EndpointKind, spec: dict[str, Any], message: str) -> None:
    """Objects from an older schema may hold such values: the system's roots are never trusted instead."""
    with pytest.raises(UserActionRequired, match=message):
        parsed(kind, caBundleRef=REF, **spec)


def test_operator_without_a_namespace_says_so() -> None:
    """Outside a pod it has none unless one is configured."""

    async def story(world: World) -> None:
        world.operator.bundles._namespace = None
        await begin(world, ca_crt=FIRST)
        assert told(world)[:2] == ("False", "CABundleNotFound")
        assert "set --lease-namespace" in told(world)[2]

    play(story)
