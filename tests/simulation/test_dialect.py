"""How token endpoints have been seen to respond, and how the operator handles that over several lifetimes.

By default they have 1 h tokens that roll over 10 min before expiry.
"""

from itertools import pairwise

import pytest

from tests.fakes import fault
from tests.fakes.fault import Fault
from tests.fakes.issuer import Policy
from tests.simulation import promise
from tests.simulation.chronicle import Chronicle
from tests.simulation.oracle import expired
from tests.simulation.stage import simulate
from tests.simulation.story import Kind, Story, Trouble

PLACE = ("store", "shop")
HOUR = 3600.0
POLICY = Policy(lifetime=HOUR, lead=600)
SECONDS = 10.5 * HOUR


def told(chronicle: Chronicle, kind: str) -> tuple[str, str]:
    """Status and reason of a condition at the end."""
    found = {each["type"]: (each["status"], each["reason"]) for each in chronicle.told[PLACE][-1][1]["conditions"]}
    return found[kind]


def never_expired(story: Story) -> Chronicle:
    """Plays a story during which the Secret always holds a valid token."""
    chronicle = simulate(story)
    promise.hold(story, chronicle)
    assert expired(story, chronicle, PLACE) == []
    assert told(chronicle, "Ready") == ("True", "TokenValid")
    return chronicle


@pytest.mark.parametrize(
    "dialect",
    [
        pytest.param(fault.EXPIRES_STRING, id="expires_in is a string, as at PayPal"),
        pytest.param(fault.EXPIRES_FLOAT, id="expires_in has decimals"),
        pytest.param(fault.TOKEN_TYPE_MISSING, id="token_type is missing though the RFC requires it"),
        pytest.param(fault.TOKEN_TYPE_NULL, id="token_type is null"),
    ],
)
def test_a_peculiar_answer_is_understood(dialect: Fault) -> None:
    """It costs what a usual one does: several polls of the first token, one for each later one."""
    chronicle = never_expired(Story(POLICY, seconds=SECONDS, dialect=dialect))
    assert sum(len(polls) for polls in chronicle.lifetimes(PLACE)[1:]) <= 2 * len(chronicle.lifetimes(PLACE)[1:])


@pytest.mark.parametrize(
    "missing",
    [fault.EXPIRES_MISSING, fault.EXPIRES_NULL, fault.EXPIRES_EMPTY, fault.EXPIRES_ON, fault.EXPIRES_TEXT],
    ids=["missing", "null", "empty", "another field", "text"],
)
def test_without_expires_in_the_token_is_asked_for_within_the_default_lifetime(missing: Fault) -> None:
    """As with Salesforce: a 10 h opaque token that rolls over 1 h early is renewed in time without a stated expiry."""
    chronicle = never_expired(Story(Policy(lifetime=10 * HOUR, lead=HOUR), seconds=45 * HOUR, dialect=missing))
    times = chronicle.times()
    assert max(after - before for before, after in pairwise(times)) <= HOUR


def test_without_expires_in_a_jwt_states_its_expiry() -> None:
    """It is renewed like any other, with one request per lifetime once the rollover is known."""
    chronicle = never_expired(
        Story(Policy(lifetime=HOUR, lead=600, jwt=True), seconds=SECONDS, dialect=fault.EXPIRES_MISSING)
    )
    assert len(chronicle.asked) <= 20


def test_a_frozen_expires_in_never_puts_the_expiry_off() -> None:
    """A proxy replays the first response (ruby-cloud-env#62): the token always seems to have its whole hour left."""
    never_expired(Story(Policy(lifetime=HOUR, lead=600, frozen=True), seconds=SECONDS))


def test_the_same_token_until_no_second_is_left_costs_a_second() -> None:
    """As WSO2 caches (wso2/api-manager#773): the new token comes within a second, and `RolloverTooLate` says why."""
    story = Story(Policy(lifetime=HOUR, lead=0), seconds=SECONDS)
    chronicle = simulate(story)
    promise.hold(story, chronicle)
    gaps = expired(story, chronicle, PLACE)
    assert all(gap.seconds <= 1 for gap in gaps)
    assert told(chronicle, "RolloverTooLate") == ("True", "RolloverTooLate")


def test_an_early_request_that_revokes_the_old_token_costs_nobody_one() -> None:
    """As in WSO2 by default: each request revokes the previous token, so the Secret has the newest."""
    chronicle = never_expired(Story(Policy(lifetime=HOUR, cached=False), seconds=SECONDS))
    assert [write.token.serial for write in chronicle.written[PLACE]] == [each.serial for each in chronicle.asked]
    assert all(write.at - asked.at < 1 for write, asked in zip(chronicle.written[PLACE], chronicle.asked, strict=True))


def test_caches_that_alternate_never_bring_the_old_token_back() -> None:
    """Two replicas of the endpoint return the old and the new one in turn."""
    never_expired(Story(Policy(lifetime=HOUR, lead=600, alternating=True), seconds=SECONDS))


@pytest.mark.parametrize("left", [100.0, 1.0], ids=["100 s left", "1 s left"])
def test_a_cache_filled_long_before_answers_an_old_token_first(left: float) -> None:
    """Its window is a share of the time left when it is first seen; the next token has its whole life."""
    story = Story(Policy(lifetime=HOUR, lead=0), seconds=SECONDS, warmed=HOUR - left)
    promise.hold(story, simulate(story))


def test_a_token_that_states_that_it_has_expired_is_never_written() -> None:
    """The cache returns a token that expired a minute ago, until it rolls over 5 min after its expiry."""
    story = Story(Policy(lifetime=HOUR, lead=-300, jwt=True), seconds=2 * HOUR, warmed=HOUR + 60)
    chronicle = simulate(story)
    promise.hold(story, chronicle)
    assert 240 <= chronicle.written[PLACE][0].at <= 240 + 61


def test_an_expired_token_with_no_time_left_gives_way_as_soon_as_it_can() -> None:
    """The same if only an `expires_in` of 0 says so, which can also mean that it never expires."""
    story = Story(Policy(lifetime=HOUR, lead=-300), seconds=2 * HOUR, warmed=HOUR + 60)
    chronicle = simulate(story)
    promise.hold(story, chronicle)
    assert [write.assumed for write in chronicle.written[PLACE]][:2] == [True, False]
    assert 240 <= chronicle.written[PLACE][1].at <= 257


@pytest.mark.parametrize(
    ("dialect", "reason"),
    [
        pytest.param(fault.OK_ERROR, "InvalidClient", id="HTTP 200 with an error"),
        pytest.param(fault.FORM_ENCODED, "InvalidResponse", id="a form-encoded response"),
        pytest.param(fault.TOKEN_TYPE_WRONG, "InvalidResponse", id="a token of another type"),
        pytest.param(fault.EXPIRED_JWT, "InvalidResponse", id="an expired JWT, with an expires_in that contradicts"),
    ],
)
def test_an_answer_without_a_token_is_reported_and_retried_without_a_hurry(dialect: Fault, reason: str) -> None:
    """No Secret, a reason, and hardly more than a request a minute."""
    story = Story(POLICY, seconds=HOUR, dialect=dialect)
    chronicle = simulate(story)
    assert chronicle.written == {}
    assert told(chronicle, "Ready") == ("False", reason)
    times = chronicle.times()
    assert 12 <= len(times) <= 90
    promise.never_a_burst(story, chronicle)


@pytest.mark.parametrize("kind", Kind)
def test_trouble_before_expiry_costs_nothing_once_it_has_ended(kind: Kind) -> None:
    """A fault of half an hour ends five minutes before the token expires, which is enough for a renewal."""
    trouble = Trouble(start=HOUR - 2100, end=HOUR - 300, kind=kind, pause=60)
    never_expired(Story(POLICY, seconds=2.5 * HOUR, troubles=(trouble,)))


def test_endpoints_that_ask_to_stay_away_are_left_alone_for_as_long() -> None:
    """Neither Retry-After nor `x-ratelimit-reset` is cut short, up to a quarter of an hour."""
    for kind in (Kind.LIMITED, Kind.LIMITED_RESET):
        trouble = Trouble(start=HOUR - 700, end=HOUR - 500, kind=kind, pause=120)
        chronicle = never_expired(Story(POLICY, seconds=2.5 * HOUR, troubles=(trouble,)))
        for pause in chronicle.pauses:
            assert not [at for at in chronicle.times() if pause.start < at < pause.end - 1]
