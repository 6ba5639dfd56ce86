"""A token is polled at fixed times: a few before it expires, then continuously."""

import math
import random
from itertools import pairwise

import pytest
from integration_token.api.integration import RenewBefore
from integration_token.renewal.plan import TokenPlan
from integration_token.renewal.rollover import SAFE_LEAD, Rollover
from integration_token.renewal.schedule import delayed, first_left, window
from integration_token.renewal.schedule import next_poll as next_poll_knowing

from tests.unit.virtual import EPOCH

HOUR = 3600.0
DAY = 24 * HOUR
FIFTH = RenewBefore(share=0.2, seconds=None)
EXPIRES = EPOCH + DAY
UIDS = [f"uid-{number}" for number in range(50)]
WINDOWS = [
    0.25,
    1,
    4.999,
    5,
    5.001,
    7.5,
    9.9,
    10,
    10.1,
    20,
    20.001,
    39,
    40,
    60,
    300,
    1000,
    HOUR,
    DAY / 5,
    DAY,
    30 * DAY,
]


def first_poll(uid: str, expires: float, seconds: float) -> float:
    """The wall time of the window's first poll."""
    return expires - delayed(uid, seconds)


def next_poll(now: float, expires: float, first: float) -> float:
    """The next poll if nothing is known about the rollover; `first` is a wall time."""
    return next_poll_knowing(now, expires, expires - first, Rollover(), 1, SAFE_LEAD)


def plan(first: float, expires: float, after_expiry: float = 0.0) -> list[float]:
    """All polls up to and including expiry, or up to some seconds after it."""
    polls = [next_poll(first - 1, expires, first)]
    while (following := next_poll(polls[-1], expires, first)) <= expires + after_expiry:
        polls.append(following)
    return polls


@pytest.mark.parametrize(
    ("lifetime", "renew_before", "seconds"),
    [
        pytest.param(DAY, FIFTH, 17280, id="a share is of the lifetime first seen"),
        pytest.param(DAY, RenewBefore(None, HOUR), HOUR, id="a duration is used unchanged"),
        pytest.param(DAY, RenewBefore(0.9, None), DAY / 2, id="a share of more than half counts as half"),
        pytest.param(60, RenewBefore(None, HOUR), 30, id="a duration of more than half of the lifetime counts as half"),
    ],
)
def test_the_window_is_what_the_user_asks_for_and_half_of_the_lifetime_at_most(
    lifetime: float, renew_before: RenewBefore, seconds: float
) -> None:
    """Whatever the spec says, a token isn't polled in the first half of its life."""
    assert window(lifetime, renew_before) == pytest.approx(seconds)


def test_in_the_window_the_time_left_halves_from_poll_to_poll_until_five_seconds_are_left_between_them() -> None:
    """A one-day token with the default window, polled from its opening."""
    left = [EXPIRES - poll for poll in plan(EXPIRES - DAY / 5, EXPIRES)]
    assert left == [17280, 8640, 4320, 2160, 1080, 540, 270, 135, 67.5, 33.75, 16.875, 8.4375, 3.4375, 0]


@pytest.mark.parametrize(
    ("lead", "polls"),
    [
        pytest.param(HOUR, 4, id="a lead of an hour, as at the real endpoint, costs 4 polls"),
        pytest.param(300, 7, id="a lead of 5 minutes costs 7"),
        pytest.param(DAY, 1, id="an endpoint without a cache costs 1"),
        pytest.param(0, 14, id="without a lead the last of 14 falls on expiry"),
    ],
)
def test_the_polls_of_a_days_token_until_its_rollover_are_few(lead: float, polls: int) -> None:
    """The first poll at or after the rollover returns the new token."""
    made = plan(EXPIRES - DAY / 5, EXPIRES)
    found = next(number for number, poll in enumerate(made, 1) if poll >= EXPIRES - lead)
    assert found == polls


@pytest.mark.parametrize("seconds", WINDOWS)
def test_polls_up_to_expiry_grow_only_with_the_logarithm_of_the_window(seconds: float) -> None:
    """At most 2 + max(0, ceil(log2(window / 5 s))) polls, for every delay that a UID may cause."""
    bound = 2 + max(0, math.ceil(math.log2(seconds / 5)))
    for uid in UIDS:
        assert len(plan(first_poll(uid, EXPIRES, seconds), EXPIRES)) <= bound


@pytest.mark.parametrize("seconds", WINDOWS)
def test_the_last_poll_of_a_valid_token_falls_on_its_expiry(seconds: float) -> None:
    """An endpoint without a lead rolls over at that moment."""
    for uid in UIDS:
        assert plan(first_poll(uid, EXPIRES, seconds), EXPIRES)[-1] == EXPIRES


@pytest.mark.parametrize("seconds", WINDOWS)
def test_polls_of_a_valid_token_are_five_seconds_apart_at_least_but_for_the_last(seconds: float) -> None:
    """Halving alone would poll ever faster."""
    for uid in UIDS:
        polls = plan(first_poll(uid, EXPIRES, seconds), EXPIRES)
        assert all(later - earlier >= 5 - 1e-6 for earlier, later in pairwise(polls[:-1]))


def test_after_expiry_polls_follow_each_other_fast_at_first_and_then_every_half_minute() -> None:
    """Consumers are failing: twice half a second, then doubling up to 30 s."""
    polls = [poll for poll in plan(EXPIRES - 60, EXPIRES, after_expiry=200) if poll >= EXPIRES]
    assert [later - earlier for earlier, later in pairwise(polls)] == [0.5, 0.5, 1, 2, 4, 8, 16, 30, 30, 30, 30, 30]


@pytest.mark.parametrize("seconds", WINDOWS)
def test_the_uid_delays_the_first_poll_by_a_twentieth_of_the_window_at_most(seconds: float) -> None:
    """Never before the window opens, and differently for each resource."""
    delays = [first_poll(uid, EXPIRES, seconds) - (EXPIRES - seconds) for uid in UIDS]
    assert all(-1e-6 <= delay <= 0.05 * seconds + 1e-6 for delay in delays)


@pytest.mark.parametrize("seconds", WINDOWS)
def test_the_uid_takes_nothing_of_what_consumers_need(seconds: float) -> None:
    """If consumers need the whole window there is no delay; without a consumer delay nothing changes."""
    for uid in UIDS:
        left = first_left(uid, seconds, 60)
        assert 0.95 * seconds <= left <= seconds
        assert left >= min(60, seconds)
        assert first_left(uid, seconds, 0) == delayed(uid, seconds)


def test_tokens_that_were_issued_together_are_spread_over_that_twentieth() -> None:
    """With a thousand UIDs no tenth of it is empty or crowded."""
    span = 0.05 * DAY / 5
    opening = EXPIRES - DAY / 5
    tenths = [int((first_poll(f"uid {number}", EXPIRES, DAY / 5) - opening) / span * 10) for number in range(1000)]
    assert all(60 <= tenths.count(tenth) <= 140 for tenth in range(10))


def test_the_delay_of_a_resource_is_the_same_after_every_restart() -> None:
    """It depends only on the UID, not on a process's seed."""
    left = EXPIRES - first_poll("4f5b5b0a-6c5e-4d8e-9f0e-2f8a3c1d7e55", EXPIRES, 1000)
    assert left == pytest.approx(970.190905)


def test_a_restart_at_any_instant_goes_on_with_the_plan_and_polls_nothing_earlier() -> None:
    """The next poll after any moment is the plan's first one after it."""
    chance = random.Random(7)  # noqa: S311  # no secret
    for seconds in WINDOWS:
        first = first_poll("some uid", EXPIRES, seconds)
        polls = plan(first, EXPIRES, after_expiry=300)
        for _ in range(50):
            now = chance.uniform(first - seconds, EXPIRES + 250)
            assert next_poll(now, EXPIRES, first) == next(poll for poll in polls if poll > now)


def test_polls_strictly_follow_each_other_whatever_the_times() -> None:
    """Rounding of large times never makes a poll its own successor, which would be an endless loop."""
    chance = random.Random(11)  # noqa: S311  # no secret
    for _ in range(100):
        expires = EPOCH + chance.uniform(0, 10 * 365 * DAY)
        first = expires - chance.uniform(0, 2 * DAY)
        polls = plan(first, expires, after_expiry=600)
        assert all(earlier < later for earlier, later in pairwise(polls))


@pytest.mark.parametrize(
    ("known", "expected"),
    [
        pytest.param(Rollover(), EXPIRES - DAY / 5, id="nothing is known: when the window opens"),
        pytest.param(Rollover(HOUR, HOUR + 60), EXPIRES - HOUR, id="an hour before expiry"),
        pytest.param(Rollover(DAY / 2, DAY), EXPIRES - DAY / 5, id="never before the window opens"),
        pytest.param(Rollover(-0.5, 0.0), EXPIRES + 0.5, id="half a second after expiry"),
    ],
)
def test_the_next_token_is_expected_when_the_endpoint_is_known_to_roll_over(known: Rollover, expected: float) -> None:
    """As `kubectl get` shows it in the RENEWS column."""
    assert TokenPlan(expires=EXPIRES, renews=EXPIRES - DAY / 5).expected(known) == expected


def test_before_the_window_nothing_is_polled() -> None:
    """From the first moment of a token's life, its next poll is the window's first one."""
    first = first_poll("some uid", EXPIRES, DAY / 5)
    assert next_poll(EPOCH, EXPIRES, first) == first


@pytest.mark.parametrize("lifetime", [30, 45, 60, 90, 120, 600])
@pytest.mark.parametrize("share", [0.01, 0.2, 0.5])
def test_the_plan_of_a_token_that_never_rolls_over_asks_twelve_times_a_minute_at_most(
    lifetime: float, share: float
) -> None:
    """For lifetimes of 30 s or more the grant's limit never has to step in."""
    expires = EPOCH + lifetime
    first = first_poll("some uid", expires, window(lifetime, RenewBefore(share, None)))
    polls = [EPOCH, *plan(first, expires, after_expiry=300)]
    assert max(sum(poll <= other < poll + 60 for other in polls) for poll in polls) <= 12
