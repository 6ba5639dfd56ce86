"""From watch event to Secret and status: what a user sees of an operator that runs for days."""

from dataclasses import replace
from itertools import pairwise

import pytest
from integration_token.api.names import INTEGRATION_TOKENS

from tests.fakes import fault
from tests.fakes.issuer import Policy
from tests.unit.virtual import EPOCH
from tests.unit.world import NAMESPACE, World, play

DAY = 86400.0
HOUR = 3600.0


def test_a_first_token_costs_one_request_and_two_writes() -> None:
    """The Secret is created, then the status reports it."""

    async def story(world: World) -> None:
        with world.counting() as writes:
            await world.begin()
        assert writes == [
            ("patch status", "tokenendpoints", "login"),
            ("create", "secrets", "shop"),
            ("patch status", "integrationtokens", "shop"),
        ]
        assert world.requests == 1
        assert world.ready == ("True", "TokenValid")
        assert world.refreshed == ("True", "Refreshed")
        assert world.stalled == ("False", "Progressing")
        assert world.cluster.reasons() == ["Issued"]
        await world.settle()
        assert world.requests == 1

    play(story)


def test_a_token_of_a_day_is_renewed_in_the_hour_before_its_expiry() -> None:
    """Five requests in the first lifetime: polls returning the same token write nothing, the renewal writes twice."""

    async def story(world: World) -> None:
        await world.begin()
        with world.counting() as polls:
            await world.until(EPOCH + DAY - HOUR - 60)
        assert polls == []
        with world.counting() as writes:
            await world.until(EPOCH + DAY)
        assert [verb for verb, _, _ in writes] == ["replace", "patch status"]
        assert world.token() == 2
        left = [round(DAY - time) for time in world.times]
        assert left[0] == 86400
        assert len(left) == 5
        assert all(earlier / later > 1.9 for earlier, later in pairwise(left[1:]))
        assert world.cluster.reasons() == ["Issued", "Renewed"]

    play(story)


def test_polls_halve_the_time_left_from_the_opening_of_the_window() -> None:
    """With a window of a fifth of a day, and the real endpoint's one-hour lead."""

    async def story(world: World) -> None:
        await world.begin()
        await world.until(EPOCH + DAY)
        left = [DAY - time for time in world.times[1:]]
        assert 0.95 * DAY / 5 <= left[0] <= DAY / 5
        assert [round(left[0] / each, 1) for each in left] == [1, 2, 4, 8]

    play(story)


def test_a_second_operator_reads_what_the_first_one_wrote() -> None:
    """As long as tokens are valid, a restart requests and writes nothing."""

    async def story(world: World) -> None:
        await world.begin()
        for moment in (HOUR, DAY * 0.85, DAY * 0.9):
            await world.until(EPOCH + moment)
            requests = world.requests
            with world.counting() as writes:
                await world.restart()
            assert (world.requests, writes) == (requests, [])
        await world.until(EPOCH + DAY)
        assert world.token() == 2
        assert world.requests == 5

    play(story)


def test_a_restart_after_expiry_asks_at_once() -> None:
    """The operator was away for a day."""

    async def story(world: World) -> None:
        await world.begin()
        await world.operator.stop()
        world.clock.advance(DAY + HOUR)
        world.operator = type(world.operator)(world)
        await world.operator.start()
        await world.settle()
        assert world.token() == 2
        assert world.ready == ("True", "TokenValid")

    play(story)


def test_an_operator_killed_between_answer_and_write_asks_once_more() -> None:
    """The token is lost with the process, and the endpoint returns it again."""

    async def story(world: World) -> None:
        await world.begin()
        world.client.latency = 1.0
        await world.until(EPOCH + DAY - 4000)
        world.issuer.roll_over()
        world.request_renewal("now")
        await world.settle()
        await world.restart(kill=True)
        await world.until(EPOCH + DAY)
        assert [world.requests, world.token()] == [6, 2]
        assert world.ready == ("True", "TokenValid")

    play(story)


def test_an_expired_token_is_polled_faster_and_then_every_half_minute() -> None:
    """With an endpoint two minutes late: at most twelve requests a minute, and Ready gives the reason."""

    async def story(world: World) -> None:
        await world.begin()
        await world.until(EPOCH + 3600 + 1)
        assert world.ready == ("False", "TokenExpired")
        await world.until(EPOCH + 3600 + 125)
        waits = [round(later - earlier, 1) for earlier, later in pairwise(world.times[-9:])]
        assert waits == [1.0, 2.0, 4.0, 8.0, 16.0, 30.0, 30.0, 30.0]
        assert world.ready == ("True", "TokenValid")

    play(story, Policy(lifetime=3600, lead=-120))


def test_never_more_than_twelve_requests_a_minute_for_a_grant() -> None:
    """Lifetimes of 4 s would take more, but the limit wins."""

    async def story(world: World) -> None:
        await world.begin()
        await world.until(EPOCH + 300)
        times = world.times
        assert len(times) > 50
        assert all(later - earlier >= 60 for earlier, later in zip(times, times[12:], strict=False))

    play(story, Policy(lifetime=4, lead=0))


def test_a_renewal_asked_for_by_annotation_polls_once() -> None:
    """Each new value triggers one poll."""

    async def story(world: World) -> None:
        await world.begin()
        for number, value in enumerate(("now", "now", "again"), start=0):
            world.request_renewal(value)
            await world.settle()
            assert world.requests == 2 + (number > 1)
            assert world.status()["lastHandledRenewRequest"] == value
        requests = world.requests
        await world.restart()
        assert world.requests == requests

    play(story)


@pytest.mark.parametrize("size", [1, 20_000], ids=["small", "too large to be kept"])
def test_a_renewal_asked_for_during_a_pass_is_made_after_it(size: int) -> None:
    """However large the resource is: that pass hasn't seen the request."""

    async def story(world: World) -> None:
        await world.begin(target={"template": {"data": {"note": "x" * size}}})
        world.issuer.roll_over()
        world.cluster.before("get", "secrets", lambda: world.request_renewal("now"))
        world.cluster.edit("secrets", NAMESPACE, "shop", lambda body: body["metadata"]["labels"].update(a="b"))
        await world.settle()
        assert world.token() == 2
        assert world.status()["lastHandledRenewRequest"] == "now"

    play(story)


def test_a_renewal_asked_for_while_the_status_cannot_be_written_polls_once() -> None:
    """Somebody else changes the resource at that moment."""

    async def story(world: World) -> None:
        await world.begin()
        world.cluster.before("patch status", INTEGRATION_TOKENS, lambda: world.label("team", "shop"))
        world.request_renewal("now")
        await world.settle()
        assert world.status()["lastHandledRenewRequest"] == "now"
        assert world.requests == 2

    play(story)


def test_a_renewal_asked_for_is_not_given_up_with_its_first_failure() -> None:
    """The poll is repeated when the fault is over; until then nothing is reported as recovered."""

    async def story(world: World) -> None:
        await world.begin()
        world.fault(fault.status(503))
        world.request_renewal("now")
        await world.settle()
        await world.until(EPOCH + 60)
        assert world.refreshed == ("False", "EndpointError")
        assert "Recovered" not in world.cluster.reasons()
        world.mend()
        await world.until(EPOCH + HOUR)
        assert world.refreshed == ("True", "Refreshed")
        assert world.cluster.reasons() == ["Issued", "EndpointError", "Recovered"]

    play(story)


def test_fewer_scopes_are_taken_and_reported_until_the_next_token() -> None:
    """There is an event, and the reason stays."""

    async def story(world: World) -> None:
        await world.begin()
        world.fault(fault.FEWER_SCOPES, count=1)
        world.issuer.roll_over()
        world.request_renewal("now")
        await world.settle()
        assert world.refreshed == ("True", "ScopesReduced")
        assert world.status()["scope"] == ["font:list"]
        assert world.cluster.reasons() == ["Issued", "Renewed", "ScopesReduced"]
        world.request_renewal("again")
        await world.settle()
        assert world.refreshed == ("True", "ScopesReduced")
        world.issuer.roll_over()
        world.request_renewal("for the last time")
        await world.settle()
        assert world.refreshed == ("True", "Refreshed")

    play(story)


def test_scopes_that_are_not_stated_are_neither_shown_nor_called_reduced() -> None:
    """Some servers silently drop unknown scopes: what was requested is not what was granted."""

    async def story(world: World) -> None:
        silent = fault.Fault("no scope", lambda reply, _: replace(reply, fields={**reply.fields, "scope": None}))
        await world.begin(scopes=["font:list", "media:read"], target={"template": {"data": {"scope": "${scope}"}}})
        assert world.status()["scope"] == ["font:list", "media:read"]
        world.fault(silent)
        world.issuer.roll_over()
        world.request_renewal("now")
        await world.settle()
        assert world.token() == 2
        assert world.status()["scope"] == []
        assert world.secret()["data"]["scope"] == ""
        assert world.refreshed == ("True", "Refreshed")
        with world.counting() as writes:
            await world.restart()
            world.integration("other", scopes=["font:list", "media:read"])
            await world.settle()
        assert ("replace", "secrets", "shop") not in writes
        assert world.status("other")["scope"] == []
        assert "ScopesReduced" not in world.cluster.reasons()

    play(story)


@pytest.mark.parametrize("spoiled", [fault.SHORTER_LIVED, fault.EXPIRED, fault.TOKEN_TYPE_WRONG, fault.HTML])
def test_a_worse_answer_never_replaces_a_better_token(spoiled: fault.Fault) -> None:
    """A token that is shorter-lived, expired on arrival or of another type leaves the Secret unchanged."""

    async def story(world: World) -> None:
        await world.begin()
        before = world.secret()
        world.fault(spoiled, count=1)
        world.request_renewal("now")
        await world.settle()
        assert world.secret() == before
        assert world.ready == ("True", "TokenValid")
        assert world.requests == 2

    play(story)


def test_a_token_that_turned_out_to_expire_sooner_is_replaced_once_it_has() -> None:
    """The new token outlives the current one as corrected, but not as first written."""

    async def story(world: World) -> None:
        await world.begin()
        world.fault(fault.EXPIRES_NEGATIVE, count=1)
        world.request_renewal("now")
        await world.settle()
        assert world.ready[0] == "False"
        world.fault(fault.SHORTER_LIVED)
        await world.until(EPOCH + 40)
        assert world.ready == ("True", "TokenValid")
        assert world.token() == 2

    play(story)
