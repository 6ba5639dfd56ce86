"""A resource and what it refers to may be created in any order: what arrives soon causes no warning."""

import logging
from collections.abc import Callable

import pytest
from integration_token.api.names import CREDENTIALS_LABEL, INTEGRATION_TOKENS
from integration_token.cluster.collection import Object
from integration_token.errors import Denied

from tests.unit.virtual import EPOCH
from tests.unit.world import NAMESPACE, World, play

GRACE = 11.0
"""Ten seconds, plus one because creation times are rounded."""


def without_endpoint(world: World) -> None:
    """The endpoint is created last."""
    world.cluster.remove("tokenendpoints", NAMESPACE, "login")


def without_credentials(world: World) -> None:
    """The credentials come from elsewhere."""
    world.cluster.remove("secrets", NAMESPACE, "shop-integration")


def without_label(world: World) -> None:
    """A person sets the label by hand."""
    world.cluster.edit("secrets", NAMESPACE, "shop-integration", lambda body: body["metadata"].update(labels={}))


def without_key(world: World) -> None:
    """The Secret isn't complete yet."""
    world.cluster.edit("secrets", NAMESPACE, "shop-integration", lambda body: body["data"].pop("client_secret"))


def without_consent(world: World) -> None:
    """The Secret is still for another host."""
    annotations = {"integrationtoken.dev/allowed-hosts": "other.example"}
    world.cluster.edit(
        "secrets", NAMESPACE, "shop-integration", lambda body: body["metadata"].update(annotations=annotations)
    )


def without_permission(world: World) -> None:
    """The operator isn't permitted to read the Secret yet."""
    world.cluster.fail("get", "secrets", Denied("403 secrets is forbidden", status=403), 99)


LACKS: dict[str, tuple[Callable[[World], None], str]] = {
    "the endpoint": (without_endpoint, "EndpointNotFound"),
    "the credentials": (without_credentials, "CredentialsNotFound"),
    "their label": (without_label, "CredentialsNotLabelled"),
    "a key of them": (without_key, "CredentialsInvalid"),
    "their owner's consent": (without_consent, "HostNotAllowed"),
    "a permission": (without_permission, "Forbidden"),
}


def bring(world: World) -> None:
    """Adds everything that may have been missing."""
    world.cluster.fail_no_more()
    world.endpoint()
    world.credentials()
    labels, annotations = {CREDENTIALS_LABEL: "true"}, dict[str, str]()
    world.cluster.edit(
        "secrets",
        NAMESPACE,
        "shop-integration",
        lambda body: body["metadata"].update(labels=labels, annotations=annotations),
    )


async def begin_without(world: World, take: Callable[[World], None]) -> None:
    """Starts the operator, and creates a resource that lacks something."""
    world.endpoint()
    world.credentials()
    take(world)
    await world.operator.start()
    await world.settle()
    world.integration()
    await world.settle()


def warnings(caplog: pytest.LogCaptureFixture) -> list[str]:
    """The warnings in the log."""
    return [record.message for record in caplog.records if record.levelno >= logging.WARNING]


lacking = pytest.mark.parametrize(("take", "reason"), LACKS.values(), ids=LACKS)


@lacking
def test_what_comes_within_ten_seconds_is_reported_only_by_the_condition(
    take: Callable[[World], None], reason: str, caplog: pytest.LogCaptureFixture
) -> None:
    """It appears at once; neither its start nor its end causes an event or a log line."""

    async def story(world: World) -> None:
        await begin_without(world, take)
        assert (world.ready, world.stalled) == (("False", reason), ("False", "Progressing"))
        await world.until(EPOCH + 9.9)
        bring(world)
        await world.until(EPOCH + 120)
        assert world.ready == ("True", "TokenValid")
        assert world.cluster.reasons() == ["Issued"]
        assert warnings(caplog) == []

    play(story)


@lacking
def test_what_is_still_missing_then_is_reported_once(
    take: Callable[[World], None], reason: str, caplog: pytest.LogCaptureFixture
) -> None:
    """By an event and in the log, without a status write; its end likewise."""

    async def story(world: World) -> None:
        await begin_without(world, take)
        await world.until(EPOCH + GRACE - 0.2)
        assert (world.cluster.reasons(), warnings(caplog)) == ([], [])
        with world.counting() as writes:
            await world.until(EPOCH + GRACE + 0.2)
        assert world.cluster.reasons() == [reason]
        assert warnings(caplog).count("no valid token") == 1
        assert writes == []
        await world.until(EPOCH + 1800)
        assert world.cluster.reasons() == [reason]
        assert warnings(caplog).count("no valid token") == 1
        bring(world)
        await world.until(EPOCH + 3600)
        assert world.cluster.reasons() == [reason, "Issued", "Recovered"]

    play(story)


@lacking
def test_what_goes_missing_later_is_reported_at_once(take: Callable[[World], None], reason: str) -> None:
    """It existed before: nobody is about to create it."""

    async def story(world: World) -> None:
        await world.begin()
        await world.until(EPOCH + GRACE)
        take(world)
        world.request_renewal("now")
        await world.settle()
        assert world.refreshed == ("False", reason)
        assert world.cluster.reasons() == ["Issued", reason]

    play(story)


def test_a_namespace_that_is_selected_in_time_is_nothing_to_warn_of() -> None:
    """Labels may come with the platform's next release."""

    async def story(world: World) -> None:
        world.namespace(NAMESPACE)
        world.cluster_endpoint(namespaceSelector={"matchLabels": {"tier": "one"}})
        await world.begin(endpointRef={"kind": "ClusterTokenEndpoint", "name": "login"})
        assert world.ready == ("False", "NotAllowed")
        await world.until(EPOCH + 5)
        world.namespace(NAMESPACE, tier="one")
        await world.until(EPOCH + 60)
        assert world.ready == ("True", "TokenValid")
        assert world.cluster.reasons() == ["Issued"]

    play(story)


def test_a_refusal_is_reported_at_once() -> None:
    """Everything was there for the request: nothing is missing."""

    async def story(world: World) -> None:
        world.clients["shop"] = "another secret"
        await world.begin()
        assert world.stalled == ("True", "AccessDenied")
        assert world.cluster.reasons() == ["AccessDenied"]

    play(story)


def test_only_what_is_still_missing_is_reported() -> None:
    """The endpoint came, then the credentials, but without their label."""

    async def story(world: World) -> None:
        world.integration()
        await world.operator.start()
        await world.settle()
        assert world.ready == ("False", "EndpointNotFound")
        await world.until(EPOCH + 2)
        world.endpoint()
        await world.settle()
        assert world.ready == ("False", "CredentialsNotFound")
        await world.until(EPOCH + 4)
        world.credentials()
        without_label(world)
        await world.until(EPOCH + 8)
        world.integration(renewBefore="1h")
        await world.until(EPOCH + GRACE + 0.2)
        assert world.ready == ("False", "CredentialsNotLabelled")
        assert world.cluster.reasons() == ["CredentialsNotLabelled"]

    play(story)


def test_a_resource_that_is_deleted_before_is_not_reported() -> None:
    """A later resource with its name isn't warned about early either."""

    async def story(world: World) -> None:
        await begin_without(world, without_endpoint)
        await world.until(EPOCH + 6)
        world.cluster.remove(INTEGRATION_TOKENS, NAMESPACE, "shop")
        world.integration()
        await world.until(EPOCH + 6 + GRACE - 0.2)
        assert world.cluster.reasons() == []
        await world.until(EPOCH + 6 + GRACE + 0.2)
        assert world.cluster.reasons() == ["EndpointNotFound"]

    play(story)


def test_a_suspended_resource_is_treated_alike() -> None:
    """Its status has its generation, and it isn't warned about early."""

    async def story(world: World) -> None:
        world.integration(suspend=True)
        await world.operator.start()
        await world.settle()
        assert (world.ready, world.stalled) == (("False", "EndpointNotFound"), ("False", "Progressing"))
        assert world.status()["observedGeneration"] == 1
        world.endpoint()
        world.credentials()
        await world.until(EPOCH + 60)
        assert world.ready == ("False", "Suspended")
        assert world.cluster.reasons() == []

    play(story)


@pytest.mark.parametrize(
    ("ahead", "warned"),
    [
        pytest.param(3600.0, GRACE, id="an hour ahead"),
        pytest.param(4.0, GRACE, id="a little ahead"),
        pytest.param(-4.0, GRACE - 4, id="a little behind"),
        pytest.param(-3600.0, 0.0, id="an hour behind"),
    ],
)
def test_an_api_server_with_another_time_delays_no_warning_indefinitely(ahead: float, warned: float) -> None:
    """That clock sets the creation time, so the grace period starts at the latest when the operator first sees it."""

    async def story(world: World) -> None:
        right = world.cluster.now
        world.cluster.now = lambda: right() + ahead
        await begin_without(world, without_endpoint)
        await world.until(EPOCH + max(0.0, warned - 0.2))
        assert world.cluster.reasons() == ([] if warned else ["EndpointNotFound"])
        await world.until(EPOCH + warned + 0.2)
        assert world.cluster.reasons() == ["EndpointNotFound"]
        await world.until(EPOCH + 7200)
        assert world.cluster.reasons() == ["EndpointNotFound"]

    play(story)


@pytest.mark.parametrize("step", [3600.0, -3600.0], ids=["forward", "back"])
def test_a_clock_that_is_set_meanwhile_loses_no_warning(step: float) -> None:
    """It comes in time, or early."""

    async def story(world: World) -> None:
        await begin_without(world, without_endpoint)
        await world.until(EPOCH + 5)
        world.clock.step(step)
        await world.until(EPOCH + GRACE + 1)
        assert world.cluster.reasons() == ["EndpointNotFound"]

    play(story)


@pytest.mark.parametrize(
    ("stopped", "away"),
    [
        pytest.param(5.0, 0.0, id="before the warning is due"),
        pytest.param(5.0, 20.0, id="from before it is due until after that"),
        pytest.param(20.0, 0.0, id="after it was given"),
        pytest.param(20.0, 3600.0, id="long after it was given"),
    ],
)
def test_another_process_warns_once_as_well(stopped: float, away: float) -> None:
    """However the previous process ended."""

    async def story(world: World) -> None:
        await begin_without(world, without_endpoint)
        await world.until(EPOCH + stopped)
        await world.operator.stop(kill=True)
        await world.until(EPOCH + stopped + away)
        await world.restart(kill=True)
        await world.until(EPOCH + stopped + away + GRACE)
        assert world.cluster.reasons() == ["EndpointNotFound"]
        bring(world)
        await world.until(EPOCH + 7200)
        assert world.cluster.reasons() == ["EndpointNotFound", "Issued", "Recovered"]

    play(story)


def test_what_an_earlier_version_has_warned_of_is_not_reported_again() -> None:
    """The earlier version did so at once, and set Stalled for what may still arrive."""

    async def story(world: World) -> None:
        await begin_without(world, without_endpoint)
        await world.operator.stop()

        def as_told_before(body: Object) -> None:
            conditions = {condition["type"]: condition for condition in body["status"]["conditions"]}
            conditions["Stalled"] |= {"status": "True", "reason": "EndpointNotFound"}

        world.cluster.edit(INTEGRATION_TOKENS, NAMESPACE, "shop", as_told_before)
        await world.restart()
        assert world.stalled == ("False", "Progressing")
        await world.until(EPOCH + 600)
        assert world.cluster.reasons() == []
        bring(world)
        await world.until(EPOCH + 1200)
        assert world.cluster.reasons() == ["Issued", "Recovered"]

    play(story)


def test_another_process_reports_no_end_of_what_was_never_reported() -> None:
    """What came in time came in time, whichever process noticed."""

    async def story(world: World) -> None:
        await begin_without(world, without_endpoint)
        await world.until(EPOCH + 5)
        await world.restart(kill=True)
        bring(world)
        await world.until(EPOCH + 60)
        assert world.cluster.reasons() == ["Issued"]

    play(story)
