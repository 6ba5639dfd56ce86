"""What a user sees when something is missing, wrong or unavailable, and when it is fixed."""

import gc
import logging
import re
from collections.abc import Callable
from dataclasses import replace
from itertools import pairwise

import pytest
from integration_token.api.condition import ConditionType, Reason, condition_of
from integration_token.api.names import (
    CREDENTIALS_LABEL,
)
from integration_token.api.value import format_time, parse_time
from integration_token.errors import Denied, Failure, Transient
from integration_token.workqueue.key import token_key

from tests.fakes import fault
from tests.fakes.fault import Fault
from tests.fakes.issuer import Policy
from tests.unit.scrape import scraped
from tests.unit.virtual import EPOCH
from tests.unit.world import NAMESPACE, SECRET, World, encoded, play

DAY = 86400.0
HOUR = 3600.0


def unlabelled(world: World) -> None:
    """Removes the label from the credentials."""
    world.cluster.edit("secrets", NAMESPACE, "shop-integration", lambda body: body["metadata"].update(labels={}))


def holding(key: str, value: str) -> Callable[[World], None]:
    """Puts another value into the credentials."""

    def spoil(world: World) -> None:
        world.cluster.edit("secrets", NAMESPACE, "shop-integration", lambda body: body["data"].update({key: value}))

    return spoil


SPOILED: dict[str, tuple[Callable[[World], object], str]] = {
    "the credentials Secret is missing": (
        lambda world: world.cluster.remove("secrets", NAMESPACE, "shop-integration"),
        "CredentialsNotFound",
    ),
    "the credentials Secret is not labelled": (unlabelled, "CredentialsNotLabelled"),
    "the client secret is empty": (holding("client_secret", ""), "CredentialsInvalid"),
    "the client secret is not UTF-8": (holding("client_secret", "/w=="), "CredentialsInvalid"),
    "the client ID ends with a line break": (holding("client_id", encoded("shop\n")), "CredentialsInvalid"),
    "the client secret is wrong": (holding("client_secret", encoded("wrong")), "AccessDenied"),
    "the endpoint is missing": (
        lambda world: world.cluster.remove("tokenendpoints", NAMESPACE, "login"),
        "EndpointNotFound",
    ),
    "the token URL is http": (lambda world: world.endpoint(tokenURL="http://login.example/t"), "InsecureURL"),
    "the token URL isn't a URL": (lambda world: world.endpoint(tokenURL="https://[login]/t"), "InvalidSpec"),
    "the CA bundle holds no certificate": (lambda world: world.endpoint(caBundle="x"), "InvalidCABundle"),
    "the target's name is taken": (
        lambda world: world.cluster.apply(
            "secrets", {"kind": "Secret", "metadata": {"namespace": NAMESPACE, "name": "shop"}, "type": "Opaque"}
        ),
        "SecretNotOwned",
    ),
}


UNWRITTEN: dict[str, Callable[[World], object]] = {
    "the endpoint fails": lambda world: world.fault(fault.status(500)),
    "the Secret cannot be written": lambda world: world.cluster.fail(
        "create", "secrets", Denied("403", status=403), 99
    ),
}


async def begin_spoiled(world: World, spoil: Callable[[World], object]) -> None:
    """Starts the operator with something wrong from the beginning."""
    world.endpoint()
    world.credentials()
    spoil(world)
    world.integration()
    await world.operator.start()
    await world.settle()


@pytest.mark.parametrize("spoil", [*(spoil for spoil, _ in SPOILED.values()), *UNWRITTEN.values()],
                         ids=[*SPOILED, *UNWRITTEN])  # fmt: skip
def test_what_a_failure_came_through_is_not_remembered(spoil: Callable[[World], object]) -> None:
    """The exception's frames held credentials, token and Secret; none of them stays in memory until the next pass."""

    async def story(world: World) -> None:
        await begin_spoiled(world, spoil)
        await world.until(EPOCH + 12)
        assert world.ready[0] == "False"
        kept = [each for each in gc.get_objects() if isinstance(each, Failure)]
        assert kept
        assert not [each for each in kept if each.__traceback__ or each.__context__ or each.__cause__]

    gc.collect()
    play(story)


@pytest.mark.parametrize(("spoil", "reason"), SPOILED.values(), ids=SPOILED)
def test_a_resource_says_why_it_has_no_token_and_gets_one_as_soon_as_that_is_fixed(
    spoil: Callable[[World], object], reason: str
) -> None:
    """One event, no loop, no secret in the message, Stalled only if nothing else helps; Ready within two seconds."""

    async def story(world: World) -> None:
        await begin_spoiled(world, spoil)
        assert world.ready == ("False", reason)
        assert world.refreshed == ("False", reason)
        # What the resource refers to may still be created, or fixed there.
        stalls = reason in {"AccessDenied", "SecretNotOwned"}
        assert world.stalled == (("True", reason) if stalls else ("False", "Progressing"))
        looks = world.operator.looks
        await world.until(EPOCH + HOUR)
        assert world.cluster.reasons() == [reason]
        # Objects that aren't ours are not watched but checked once a minute. Refused clients are retried a few more
        # times at first.
        most = {"CredentialsNotFound": 90, "SecretNotOwned": 90, "AccessDenied": 15}
        assert world.operator.looks - looks <= most.get(reason, 13)
        if world.cluster.find("secrets", NAMESPACE, "shop"):
            world.cluster.remove("secrets", NAMESPACE, "shop")
            await world.until(EPOCH + HOUR + 61)
        else:
            world.endpoint(caBundle="")
            world.credentials()
            await world.until(EPOCH + HOUR + 2)
        assert world.ready == ("True", "TokenValid")
        assert world.stalled[0] == "False"
        assert world.cluster.reasons() == [reason, "Issued", "Recovered"]

    play(story)


@pytest.mark.parametrize(
    ("spoiled", "reason", "stalled"),
    [
        (fault.status(401, "invalid_client"), "InvalidClient", "True"),
        (fault.status(403, "access_denied"), "AccessDenied", "True"),
        (fault.status(400, "invalid_scope"), "InvalidScope", "True"),
        (fault.status(404), "RequestRejected", "True"),
        (fault.redirect(307, "https://elsewhere.example/"), "RequestRejected", "True"),
        (fault.status(503), "EndpointError", "False"),
        (fault.retry_after(7), "RateLimited", "False"),
        (fault.HTML, "InvalidResponse", "False"),
        (fault.EXPIRED, "InvalidResponse", "False"),
    ],
    ids=lambda value: value.name if isinstance(value, Fault) else None,
)
def test_a_failing_refresh_keeps_the_good_token_and_ends_with_the_fault(
    spoiled: Fault, reason: str, stalled: str
) -> None:
    """Ready stays True and Stalled False until the token expires, then with a reason; a fix takes effect in minutes."""

    async def story(world: World) -> None:
        await world.begin()
        world.fault(spoiled)
        await world.until(EPOCH + DAY * 0.9)
        assert world.ready == ("True", "TokenValid")
        assert world.refreshed == ("False", reason)
        assert world.stalled == ("False", "Progressing")
        await world.until(EPOCH + DAY + 1)
        assert world.ready[0] == "False"
        assert world.stalled[0] == stalled
        assert world.cluster.reasons() == ["Issued", reason]
        await world.until(EPOCH + DAY + HOUR)
        assert world.ready == ("False", reason)
        assert world.stalled[0] == stalled
        world.mend()
        await world.until(EPOCH + DAY + HOUR + 301)
        assert world.ready == ("True", "TokenValid")
        assert world.refreshed == ("True", "Refreshed")
        assert world.cluster.reasons() == ["Issued", reason, "Renewed", "Recovered"]

    play(story)


def test_a_refusal_that_a_fault_follows_stalls_only_while_it_is_the_last_answer() -> None:
    """During an outage waiting is the right advice; each change is one write."""

    async def story(world: World) -> None:
        world.fault(fault.status(401, "invalid_client"))
        await world.begin()
        assert (world.ready, world.stalled) == (("False", "InvalidClient"), ("True", "InvalidClient"))
        world.mend()
        world.fault(fault.status(503))
        await world.until(EPOCH + 6)
        assert (world.ready, world.stalled) == (("False", "EndpointError"), ("False", "Progressing"))
        world.mend()
        world.fault(fault.status(401, "invalid_client"))
        await world.until(EPOCH + 90)
        assert (world.ready, world.stalled) == (("False", "InvalidClient"), ("True", "InvalidClient"))
        with world.counting() as writes:
            await world.until(EPOCH + HOUR)
        assert writes == []

    play(story)


def test_a_token_that_expires_while_it_is_refused_stalls_after_a_restart_too() -> None:
    """The new process sends no request first, and so hasn't been refused itself."""

    async def story(world: World) -> None:
        await world.begin()
        world.fault(fault.status(401, "invalid_client"))
        await world.until(EPOCH + DAY * 0.9)
        await world.restart()
        assert (world.ready, world.stalled) == (("True", "TokenValid"), ("False", "Progressing"))
        await world.until(EPOCH + DAY + 1)
        assert (world.ready, world.stalled) == (("False", "InvalidClient"), ("True", "InvalidClient"))

    play(story)


def test_a_spec_that_brings_a_refused_client_in_order_is_stalled_no_more() -> None:
    """The same holds for a suspended resource; each status is for its own generation."""

    async def story(world: World) -> None:
        world.clients["shop"] = "another secret"
        await world.begin()
        assert world.stalled == ("True", "AccessDenied")
        world.integration(suspend=True)
        await world.settle()
        assert (world.ready, world.stalled) == (("False", "Suspended"), ("False", "Progressing"))
        assert world.status()["observedGeneration"] == 2
        world.clients["other"] = SECRET
        world.credentials("other", name="other-integration")
        world.integration(credentialsSecretRef={"name": "other-integration"})
        await world.settle()
        assert (world.ready, world.stalled) == (("True", "TokenValid"), ("False", "Progressing"))
        assert world.status()["observedGeneration"] == 3

    play(story)


def test_a_client_that_is_refused_is_asked_for_soon_and_then_every_five_minutes() -> None:
    """A new client takes a moment to reach the whole endpoint; later fixes there are not announced to the operator."""

    async def story(world: World) -> None:
        world.clients["shop"] = "another secret"
        await world.begin()
        await world.until(EPOCH + HOUR)
        waits = [round(later - earlier) for earlier, later in pairwise(world.times)]
        assert waits == [5, 15, 60, *(300 for _ in waits[3:])]
        assert len(waits) >= 12

    play(story)


def test_new_credentials_that_are_refused_as_well_start_over() -> None:
    """They may be as new at the endpoint as they are here."""

    async def story(world: World) -> None:
        world.clients["shop"] = "another secret"
        await world.begin()
        await world.until(EPOCH + HOUR)
        asked = world.requests
        world.credentials(secret="wrong again")
        await world.until(EPOCH + HOUR + 81)
        assert world.requests == asked + 4

    play(story)


def test_a_refused_renewal_of_a_good_token_is_asked_for_as_time_allows() -> None:
    """It isn't urgent: the delay is half of the time left, at most five minutes."""

    async def story(world: World) -> None:
        await world.begin()
        world.clients["shop"] = "another secret"
        await world.until(EPOCH + DAY - 2 * HOUR)
        assert len(world.times) > 3
        assert {round(later - earlier) for earlier, later in pairwise(world.times[1:])} == {300}

    play(story)


def test_a_passing_fault_is_waited_out_ever_longer_without_a_token_a_minute_at_most() -> None:
    """The first attempt comes within a second or two, whatever was in the way before."""

    async def story(world: World) -> None:
        world.endpoint()
        world.integration()
        await world.operator.start()
        await world.until(EPOCH + HOUR)
        assert world.ready == ("False", "CredentialsNotFound")
        world.fault(fault.status(500))
        world.credentials()
        await world.until(EPOCH + HOUR + 300)
        waits = [later - earlier for earlier, later in pairwise(world.times)]
        assert 1 <= waits[0] <= 2
        assert all(earlier <= later <= 60 for earlier, later in pairwise(waits))
        assert waits[-1] >= 30

    play(story)


def test_a_grant_that_is_asked_to_wait_is_left_alone_and_no_other() -> None:
    """Retry-After may be one client's fault; a user's renewal request doesn't override it either."""

    async def story(world: World) -> None:
        await world.begin()
        world.fault(fault.retry_after(100), count=1)
        world.request_renewal("now")
        await world.settle()
        client(world, "other")
        await world.until(EPOCH + 5)
        assert world.condition_of("other") == ("True", "TokenValid")
        world.request_renewal("please")
        await world.until(EPOCH + 90)
        assert world.requests == 3
        assert world.refreshed == ("False", "RateLimited")
        await world.until(EPOCH + 110)
        assert world.requests == 4
        assert world.refreshed == ("True", "Refreshed")

    play(story)


def test_an_endpoint_that_asks_two_to_wait_is_left_alone_by_everybody() -> None:
    """For the shorter of both times, even if the endpoint was deleted and recreated meanwhile."""

    async def story(world: World) -> None:
        await world.begin()
        world.fault(fault.retry_after(100), count=1)
        world.request_renewal("now")
        await world.settle()
        world.fault(fault.retry_after(500), count=1)
        client(world, "second")
        await world.settle()
        world.cluster.remove("tokenendpoints", NAMESPACE, "login")
        await world.settle()
        world.endpoint()
        client(world, "third")
        await world.until(EPOCH + 95)
        assert world.requests == 3
        assert world.condition_of("third") == ("False", "RateLimited")
        assert message(world, ConditionType.READY, "third") == (
            f"the request waits for the end of the pause that login.example:443 asked for, {format_time(EPOCH + 100)}"
        )
        await world.until(EPOCH + 110)
        assert world.condition_of("third") == ("True", "TokenValid")

    play(story)


def client(world: World, name: str) -> None:
    """A resource with its own client."""
    world.clients[name] = "its secret"
    world.credentials(name, "its secret", f"{name}-integration")
    world.integration(name, credentialsSecretRef={"name": f"{name}-integration"})


def message(world: World, kind: ConditionType, name: str = "shop") -> str:
    """A condition's message."""
    return str(condition_of(world.status(name), kind)["message"])


@pytest.mark.parametrize(
    ("spoiled", "without", "beside"),
    [
        (fault.status(500), "login.example:443 answered 500; the next attempt is due within 1 min", "10 min"),
        (fault.busy(20), "login.example:443 answered 503; the next attempt is due within 1 min", "10 min"),
        (fault.status(400, "invalid_scope"),
         "the endpoint answered 400 invalid_scope; check spec.scopes; the next attempt is due within 5 min", "5 min"),
    ],
    ids=lambda value: value.name if isinstance(value, Fault) else "",
)  # fmt: skip
def test_what_keeps_failing_alike_is_written_once_and_says_when_it_is_tried_again(
    spoiled: Fault, without: str, beside: str, caplog: pytest.LogCaptureFixture
) -> None:
    """The message gives an upper bound for every attempt and, if the token is valid, how long there is no harm."""

    async def story(world: World) -> None:
        world.fault(spoiled)
        await world.begin()
        assert message(world, ConditionType.READY) == message(world, ConditionType.REFRESHED) == without
        with world.counting() as writes:
            await world.until(EPOCH + HOUR)
        assert writes == []
        bound = 60 if "1 min" in without else 300
        assert all(later - earlier <= bound for earlier, later in pairwise(world.times))
        world.mend()
        await world.until(EPOCH + HOUR + 301)
        expires = world.status()["expirationTime"]
        world.fault(spoiled)
        world.request_renewal("now")
        await world.settle()
        said = without.replace("1 min", beside) + f"; the current token is valid until {expires}"
        assert message(world, ConditionType.REFRESHED) == world.cluster.events[-1]["message"] == said
        assert message(world, ConditionType.READY) == f"the token is valid until {expires}"
        with world.counting() as writes:
            await world.until(parse_time(expires) - 60)
        assert writes == []

    with caplog.at_level(logging.WARNING):
        play(story)
    assert [record.message for record in caplog.records if record.name.endswith("reporter")] == [
        "no valid token",
        "token not refreshed, the current one is still valid",
    ]


def test_the_end_of_a_pause_that_the_endpoint_asked_for_is_reported() -> None:
    """The endpoint fixes it. A short pause isn't worth a write for each."""

    async def story(world: World) -> None:
        world.fault(fault.retry_after(200))
        await world.begin()
        said = "login.example:443 answered 429; the endpoint asked for a pause until "
        assert message(world, ConditionType.READY) == said + format_time(EPOCH + 200)
        with world.counting() as writes:
            await world.until(EPOCH + 199)
        assert writes == []
        await world.until(EPOCH + 201)
        assert message(world, ConditionType.READY) == said + format_time(EPOCH + 400)
        world.mend()
        world.fault(fault.retry_after(20))
        await world.until(EPOCH + 402)
        assert message(world, ConditionType.READY).endswith("answered 429; the next attempt is due within 1 min")
        with world.counting() as writes:
            await world.until(EPOCH + HOUR)
        assert writes == []

    play(story)


def test_a_message_names_the_endpoint_whose_field_is_to_be_set() -> None:
    """A reader of the IntegrationToken's message knows where to look."""

    async def story(world: World) -> None:
        world.fault(fault.status(400, "unsupported_grant_type"))
        await world.begin()
        assert "; set spec.requestEncoding of TokenEndpoint login to Form, " in message(world, ConditionType.READY)
        world.mend()
        jwt = Fault("JWT", lambda reply, _: replace(reply, fields={**reply.fields, "token_type": "JWT"}))
        world.fault(jwt)
        await world.until(EPOCH + 301)
        assert "set spec.response.tokenType of TokenEndpoint login to that name" in message(world, ConditionType.READY)
        world.endpoint(response={"tokenType": "JWT"})
        await world.settle()
        assert world.ready == ("True", "TokenValid")
        world.endpoint(response={"tokenType": "dpop"})
        world.integration(audience="https://other.example")
        await world.settle()
        assert world.ready == ("False", "InvalidSpec")

    play(story)


def test_a_renewal_request_beyond_the_limit_says_that_it_waits() -> None:
    """After a fourth annotation within a minute the user sees why nothing happens, until it does."""

    async def story(world: World) -> None:
        await world.begin()
        for number in range(5):
            world.request_renewal(f"wish {number}")
            await world.settle()
        assert "at most 3 renewals a minute" in message(world, ConditionType.REFRESHED)
        assert world.refreshed == ("True", "Refreshed")
        await world.until(EPOCH + 65)
        assert world.status()["lastHandledRenewRequest"] == "wish 4"
        assert message(world, ConditionType.REFRESHED) == ""

    play(story)


def test_a_grants_own_limit_is_reported_as_such() -> None:
    """Not as another resource's request: there is none."""

    async def story(world: World) -> None:
        await world.begin()
        said = set()
        for second in range(1, 90):
            await world.until(EPOCH + second)
            if world.ready == ("False", "RateLimited"):
                said.add(message(world, ConditionType.READY))
        assert len(said) == 1
        assert "waits for the operator's own limit of 12 requests a minute for the same token" in said.pop()

    play(story, Policy(lifetime=4, lead=0))


def test_a_fault_that_is_only_waited_out_is_not_reported_as_recovered() -> None:
    """A pause caused by another resource's response comes between two attempts."""

    async def story(world: World) -> None:
        world.clients["shop"] = "another secret"
        await world.begin()
        world.credentials("other", "whatever", "other-integration")
        world.fault(fault.retry_after(800), count=1)
        world.integration("other", credentialsSecretRef={"name": "other-integration"})
        await world.until(EPOCH + 700)
        assert "Recovered" not in world.cluster.reasons()
        assert world.ready[0] == "False"

    play(story)


def test_an_endpoint_out_of_reach_is_a_passing_fault() -> None:
    """Like a failed connection."""

    async def story(world: World) -> None:
        await world.begin()
        world.client.outage = Transient(Reason.ENDPOINT_UNREACHABLE, "could not connect to login.example")
        world.request_renewal("now")
        await world.settle()
        assert world.refreshed == ("False", "EndpointUnreachable")
        assert world.stalled == ("False", "Progressing")
        world.mend()
        await world.until(EPOCH + 600)
        assert world.refreshed == ("True", "Refreshed")

    play(story)


def test_a_failing_refresh_is_still_failing_after_a_restart() -> None:
    """Nothing is reported as recovered before a request has succeeded."""

    async def story(world: World) -> None:
        await world.begin()
        world.fault(fault.status(401, "invalid_client"))
        world.request_renewal("now")
        await world.settle()
        before = world.status()
        await world.restart()
        assert world.status() == before
        assert world.cluster.reasons() == ["Issued", "InvalidClient"]
        world.mend()
        await world.until(EPOCH + DAY)
        assert world.refreshed == ("True", "Refreshed")

    play(story)


def test_an_endpoint_that_can_no_longer_be_read_is_not_called_ready() -> None:
    """It is stored under another schema: its old Ready no longer holds, and returns once it is readable."""

    async def story(world: World) -> None:
        await world.begin()
        for timeout, ready in (("ten", "False"), ("10s", "True")):
            world.endpoint(timeout=timeout)
            await world.settle()
            status = world.cluster.object("tokenendpoints", NAMESPACE, "login")["status"]
            assert status["conditions"][0]["status"] == ready
            assert (
                status["observedGeneration"]
                == world.cluster.object("tokenendpoints", NAMESPACE, "login")["metadata"]["generation"]
            )
        assert world.ready == ("True", "TokenValid")

    play(story)


@pytest.mark.parametrize(
    ("spoil", "counted"),
    [
        (lambda world: world.fault(fault.EXPIRED), {"InvalidResponse": 1.0}),
        (lambda world: world.fault(fault.status(500)), {"EndpointError": 1.0}),
        (lambda world: _outage(world, sent=True), {"Timeout": 1.0}),
        (lambda world: _outage(world, sent=False), {}),
    ],
    ids=["expired on arrival", "an error", "without an answer", "never sent"],
)
def test_requests_are_counted_that_reached_the_endpoint(
    spoil: Callable[[World], object], counted: dict[str, float]
) -> None:
    """By result; a request that was never sent doesn't count."""

    async def story(world: World) -> None:
        await begin_spoiled(world, spoil)
        text = scraped(world.operator.metrics)
        found = re.findall(r'^integration_token_requests_total\{.*outcome="(\w+)".*\} (.*)$', text, re.MULTILINE)
        assert {outcome: float(count) for outcome, count in found} == counted

    play(story)


def _outage(world: World, *, sent: bool) -> None:
    world.client.outage = Transient(Reason.TIMEOUT, "no answer in time")
    world.client.outage.sent = sent


def test_an_outage_up_to_expiry_leaves_requests_for_when_it_is_over() -> None:
    """An endpoint that is down doesn't use up all 12 requests of a minute."""

    async def story(world: World) -> None:
        await world.begin()
        await world.until(EPOCH + 3575)
        world.client.outage = Transient("EndpointUnreachable", "no connection")
        await world.until(EPOCH + 3597.6)
        world.mend()
        await world.until(EPOCH + 3600 + 2)
        assert world.token() == 2

    play(story, Policy(lifetime=3600, lead=5))


def test_a_look_that_asks_nothing_puts_off_no_attempt() -> None:
    """A resource alone with its grant retries when it said it would, whatever passes happen meanwhile."""

    async def story(world: World) -> None:
        await world.begin()
        await world.until(EPOCH + DAY - 4 * HOUR)
        world.fault(fault.status(500))
        world.request_renewal("now")
        await world.settle()
        planned = world.operator.inventory.resources[token_key(NAMESPACE, "shop")].remembered.failing.retry
        world.cluster.edit("secrets", NAMESPACE, "shop", lambda body: body["metadata"].update(labels={}))
        await world.settle()
        assert planned is not None
        assert world.operator.inventory.resources[token_key(NAMESPACE, "shop")].remembered.failing.retry == planned

    play(story)


def test_credentials_without_the_label_are_sent_nowhere_even_if_they_lose_it_while_in_use() -> None:
    """The owner has withdrawn consent: the credentials aren't used any more."""

    async def story(world: World) -> None:
        await world.begin()
        unlabelled(world)
        await world.settle()
        assert world.ready == ("False", "CredentialsNotLabelled")
        world.request_renewal("now")
        await world.settle()
        assert world.requests == 1
        assert CREDENTIALS_LABEL in world.status()["conditions"][0]["message"]

    play(story)
