"""What is requested and reported when somebody touches, changes or breaks the credentials."""

from collections.abc import Callable

import pytest
from integration_token.api.condition import Reason
from integration_token.errors import Denied, Transient
from integration_token.oauth.client import Route
from integration_token.oauth.request import TokenRequest
from integration_token.oauth.response import Answer

from tests.simulation.chronicle import burst
from tests.unit.sharing import sharing
from tests.unit.virtual import EPOCH
from tests.unit.world import NAMESPACE, SECRET, World, play

HOUR = 3600.0


def test_credentials_that_were_only_touched_cost_no_request() -> None:
    """Labels and annotations of the Secret are not part of any request, however many resources share it."""

    async def story(world: World) -> None:
        names = ["shop", *(f"till-{number}" for number in range(39))]
        await sharing(world, *names)
        world.cluster.edit(
            "secrets", NAMESPACE, "shop-integration", lambda body: body["metadata"].update(annotations={"a": "b"})
        )
        await world.settle()
        assert world.requests == 1
        assert {world.condition_of(name) for name in names} == {("True", "TokenValid")}
        assert set(world.cluster.reasons()) == {"Issued"}
        await world.restart()
        await world.until(EPOCH + HOUR)
        assert world.requests == 1

    play(story)


def test_a_renewal_request_is_followed_even_if_the_credentials_were_touched_with_it() -> None:
    """Keeping the token would not fulfil the request."""

    async def story(world: World) -> None:
        await world.begin()
        world.cluster.edit(
            "secrets", NAMESPACE, "shop-integration", lambda body: body["metadata"].update(annotations={"a": "b"})
        )
        world.request_renewal("now")
        await world.settle()
        assert world.requests == 2
        assert world.status()["lastHandledRenewRequest"] == "now"

    play(story)


def test_new_credentials_cost_one_request_for_all_that_share_them() -> None:
    """The endpoint answers from its cache, which each resource reports."""

    async def story(world: World) -> None:
        names = ["shop", *(f"till-{number}" for number in range(39))]
        await sharing(world, *names)
        world.clients["shop"] = "a-new-secret"
        world.credentials(secret="a-new-secret")
        await world.settle()
        assert world.requests == 2
        assert {world.condition_of(name) for name in names} == {("True", "TokenValid")}
        assert world.cluster.reasons().count("CredentialsNotVerified") == 40

    play(story)


def test_credentials_that_cannot_be_read_for_a_moment_are_no_news_while_nothing_is_due() -> None:
    """As long as tokens are valid, a restart writes nothing."""

    async def story(world: World) -> None:
        await world.begin()
        await world.until(EPOCH + HOUR)
        await world.operator.stop()
        world.cluster.before("get", "secrets", lambda: world.cluster.fail("get", "secrets", Denied("403", status=403)))
        world.operator = type(world.operator)(world)
        with world.counting() as writes:
            await world.operator.start()
            await world.settle()
        assert (writes, world.requests) == ([], 1)

    play(story)


def test_changed_credentials_that_the_cache_answers_are_reported_as_unverified() -> None:
    """Success proves nothing until the endpoint next issues a token."""

    async def story(world: World) -> None:
        await world.begin()
        world.clients["shop"] = "a-new-secret"
        world.credentials(secret="a-new-secret")
        await world.settle()
        assert world.ready == ("True", "TokenValid")
        assert world.cluster.reasons() == ["Issued", "CredentialsNotVerified"]

    play(story)


def test_twelve_a_minute_hold_for_credentials_that_come_and_go(monkeypatch: pytest.MonkeyPatch) -> None:
    """Each change is tried at once, but not the ones that have just used up the limit."""

    async def story(world: World) -> None:
        await world.begin()
        world.client.outage = Transient(Reason.ENDPOINT_UNREACHABLE, "could not connect to login.example")
        sent: list[float] = []
        send = world.client.send

        async def noting(request: TokenRequest, route: Route, *, ended: Callable[[], None]) -> Answer:
            if SECRET.encode() in request.body:
                sent.append(world.clock.now().boot)
            return await send(request, route, ended=ended)

        monkeypatch.setattr(world.client, "send", noting)
        for number in range(60):
            world.credentials(secret="another" if number % 2 == 0 else SECRET)
            await world.until(EPOCH + 2 * (number + 1))
        assert burst(sent) == 12

    play(story)


def test_credentials_changed_by_hand_act_at_once_and_a_grant_that_fails_is_not_ready() -> None:
    """The token in the Secret belongs to the old credentials; it stays until there is a better one."""

    async def story(world: World) -> None:
        await world.begin()
        world.credentials(secret="a new one, not known yet")
        await world.settle()
        assert world.ready == ("False", "AccessDenied")
        assert world.token() == 1
        world.clients["shop"] = "a new one, not known yet"
        await world.until(EPOCH + 301)
        assert world.ready == ("True", "TokenValid")
        assert world.requests == 3

    play(story)


def test_credentials_that_go_with_the_target_are_what_is_missed() -> None:
    """Not the Secret that depends on them; once they are back a token follows."""

    async def story(world: World) -> None:
        await world.begin()
        for name in ("shop-integration", "shop"):
            world.cluster.remove("secrets", NAMESPACE, name)
        await world.settle()
        assert world.ready == ("False", "CredentialsNotFound")
        world.credentials()
        await world.settle()
        assert world.ready == ("True", "TokenValid")

    play(story)
