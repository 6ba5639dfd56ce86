"""The operator learns when the endpoint rolls over, and leaves out polls that would be useless."""

import math
import random
from collections.abc import Callable

import pytest
from integration_token.renewal.rollover import SAFE_LEAD, Rollover
from integration_token.renewal.schedule import stated, turn

WINDOW = 17280.0
"""A day's lifetime."""


def lifetime(
    known: Rollover, lead: float, *, window: float = WINDOW, turn: int = 1, safe: float = SAFE_LEAD
) -> tuple[list[float], Rollover]:
    """When a token is polled, in seconds before expiry, until the next one arrives; and what is known then."""
    polls: list[float] = []
    while True:
        polls.append(known.next_left(window, turn, safe))
        if polls[-1] <= lead:
            return polls, known.new(polls[-1])
        known = known.old(polls[-1])


def lifetimes(
    leads: list[float], known: Rollover | None = None, *, window: float = WINDOW, safe: float = SAFE_LEAD
) -> list[list[float]]:
    """The polls of one token after another."""
    known, result = known or Rollover(), []
    for lead in leads:
        polls, known = lifetime(known, lead, window=window, safe=safe)
        result.append(polls)
    return result


LEARNED = Rollover(low=2160, high=4320)
"""Of an endpoint that rolls over an hour before expiry."""


@pytest.mark.parametrize(
    ("leads", "polls"),
    [
        pytest.param(
            [3600] * 3, [[17280, 8640, 4320, 2160], [2160], [2160]], id="once learned, one poll brings the next token"
        ),
        pytest.param([86400] * 2, [[17280], [17280]], id="without a cache it is the window's first"),
        pytest.param(
            [250] * 3,
            [[17280, 8640, 4320, 2160, 1080, 540, 270, 135], [240], [240]],
            id="a lead that may be 4 min is tried there, the minimum before expiry",
        ),
        pytest.param(
            [60] * 4,
            [[17280, 8640, 4320, 2160, 1080, 540, 270, 135, 67.5, 33.75], [50.625], [59.0625], [59.0625]],
            id="a lead below 4 min is narrowed down to 10 s, since all of it is needed",
        ),
        pytest.param(
            [0, -0.2, -0.7, -0.3],
            [
                [17280, 8640, 4320, 2160, 1080, 540, 270, 135, 67.5, 33.75, 16.875, 8.4375, 3.4375, 0],
                [0, -0.5],
                [0, -0.5, -1],
                [-0.5],
            ],
            id="at expiry it depends on how expires_in was rounded",
        ),
        pytest.param(
            [-10] * 3,
            [
                [
                    *(17280, 8640, 4320, 2160, 1080, 540, 270, 135, 67.5, 33.75, 16.875, 8.4375, 3.4375),
                    *(0, -0.5, -1, -2, -4, -8, -16),
                ],
                [0, -12],
                [0, -10],
            ],
            id="after expiry it is narrowed down to a second, and expiry itself is still polled",
        ),
    ],
)
def test_polls_before_the_learned_rollover_are_left_out(leads: list[float], polls: list[list[float]]) -> None:
    """One token after another, from an endpoint with a steady lead."""
    assert lifetimes(leads) == polls


@pytest.mark.parametrize(
    ("leads", "polls"),
    [
        pytest.param(
            [0, 3600, 3600],
            [[2160, 1080, 540, 270, 135, 67.5, 33.75, 16.875, 8.4375, 3.4375, 0], [2160], [2160]],
            id="one late rollover does not make the next renewal late",
        ),
        pytest.param(
            [120, 120, 120],
            [[2160, 1080, 540, 270, 135, 67.5], [2160, 1080, 540, 270, 135, 67.5], [101.25]],
            id="what is wrong twice is forgotten",
        ),
        pytest.param([600, 86400], [[2160, 1080, 540], [2160]], id="an earlier rollover costs nothing"),
    ],
)
def test_a_lead_that_proves_wrong_is_given_up_after_a_second_chance(
    leads: list[float], polls: list[list[float]]
) -> None:
    """An endpoint that has rolled over an hour before expiry until now."""
    assert lifetimes(leads, LEARNED) == polls


def test_one_very_late_rollover_does_not_make_the_next_ones_late() -> None:
    """Not even if they usually come after expiry."""
    known, late = Rollover(low=-1, high=1), []
    for lead in (-800, -1, -1, -1):
        polls, known = lifetime(known, lead)
        late.append(polls[-1])
    assert min(late[1:]) >= -2


def test_a_probe_finds_an_earlier_rollover_and_otherwise_costs_one_poll() -> None:
    """At twice the lead, or at 4 min; the result is relied on once it is confirmed."""
    assert lifetime(LEARNED, 3600, turn=0) == ([4320, 2160], LEARNED)
    polls, known = lifetime(Rollover(low=50, high=60), 3600, turn=0)
    assert polls == [240]
    assert lifetimes([3600] * 4, known) == [[240], [480], [960], [1920]]


def test_a_rollover_that_is_less_late_than_it_was_is_found_within_a_few_tokens() -> None:
    """Consumers fail until then: every other token is also polled at half the known delay."""
    known, polls = Rollover(low=-300, high=-299), [0.0]
    for number in range(12):
        polls, known = lifetime(known, -10, turn=number)
    assert polls[-1] >= -12
    known = Rollover(low=-300, high=-299)
    for number in range(12):
        polls, known = lifetime(known, 3600, turn=number)
    assert polls[-1] >= 240


def test_one_token_in_sixteen_is_probed_and_the_same_ones_after_a_restart() -> None:
    """Only its issue time decides."""
    turns = [turn(1_800_000_000.0 + 86400 * day) for day in range(1600)]
    assert all(70 <= turns.count(number) <= 130 for number in range(16))


@pytest.mark.parametrize("lead", [60, 300])
def test_a_stated_lead_that_is_too_short_to_be_good_is_not_believed_without_a_poll(lead: float) -> None:
    """It may be a typo, and would cost four minutes of safety at each renewal."""
    assert lifetimes([3600, 3600], stated("uid", lead))[-1][-1] >= 240
    _, known = lifetime(stated("uid", lead), lead)
    assert known.too_late(86400, SAFE_LEAD) is (lead < 240)


@pytest.mark.parametrize("lead", [3600, 600])
def test_learning_starts_from_a_stated_lead(lead: float) -> None:
    """The first poll is at three quarters of it, plus some percent that differ for each resource."""
    (first, *more), known = lifetime(stated("uid", lead), lead)
    assert more == []
    assert 0.7 * lead <= first <= 0.75 * lead
    assert lifetimes([lead, lead], known) == [[first], [first]]


def test_a_window_that_is_smaller_than_the_lead_is_not_opened_earlier() -> None:
    """Knowledge leaves polls out and never adds one."""
    assert lifetimes([3600, 0], LEARNED, window=1000)[0] == [1000]


@pytest.mark.parametrize(
    ("known", "left"),
    [
        pytest.param(LEARNED, -5000, id="an operator that was down over expiry"),
        pytest.param(LEARNED, 100, id="a poll that was queued"),
    ],
)
def test_a_late_poll_teaches_nothing(known: Rollover, left: float) -> None:
    """The rollover had already happened."""
    assert known.new(left) == known


def test_a_rollover_during_an_outage_teaches_nothing() -> None:
    """The last response before it came at half an hour, the next one a day after expiry."""
    assert Rollover().old(1800).new(-86400) == Rollover()
    assert Rollover().new(-86400) == Rollover()


def test_what_is_remembered_after_a_restart_costs_no_poll() -> None:
    """Whole seconds of the lead are enough."""
    assert LEARNED.lead == 2160
    assert lifetimes([3600], Rollover.remembered(2160, too_late=False)) == [[2160]]
    assert lifetimes([60], Rollover.remembered(59, too_late=True)) == [[59]]


def test_what_was_doubted_once_is_remembered_over_a_restart() -> None:
    """A restart between a late rollover and the next one doesn't delay a token that came in time."""
    _, doubted = lifetime(LEARNED, 0)
    assert doubted.lead == 2160
    assert doubted.too_late(86400, SAFE_LEAD) is None


@pytest.mark.parametrize(
    ("known", "lifetime", "late"),
    [
        pytest.param(Rollover(), 86400, None, id="nothing is known"),
        pytest.param(Rollover(240, 480), 86400, False, id="4 min are enough"),
        pytest.param(Rollover(200, 240), 86400, True, id="less than 4 min are not"),
        pytest.param(Rollover(200, 300), 86400, None, id="it may be 4 min or not"),
        pytest.param(Rollover(6, 12), 30, True, id="the old half-minute token was returned 12 s before its end"),
        pytest.param(Rollover(15), 30, False, id="it is in time if half of that is left"),
        pytest.param(Rollover(10), 30, None, id="its lifetime alone proves nothing"),
        pytest.param(Rollover(143), 300, False, id="half of 5 min is as early as it can be requested"),
        pytest.param(Rollover(100), 300, None, id="it was requested late: that proves nothing either way"),
        pytest.param(Rollover(100, 150), 300, True, id="the old 5 min token was returned at half of them"),
    ],
)
def test_a_rollover_is_too_late_for_mounted_files_under_four_minutes(
    known: Rollover, lifetime: float, late: bool | None
) -> None:
    """The kubelet needs up to 90 s, and an outage should fit in as well."""
    assert known.too_late(lifetime, SAFE_LEAD) is late


MINUTES = 600.0
"""Seconds for which consumers keep using an old token, at most."""


@pytest.mark.parametrize(
    ("leads", "polls"),
    [
        pytest.param(
            [3600] * 2, [[17280, 8640, 4320, 2160], [2160]], id="a lead that is long enough costs nothing more"
        ),
        pytest.param(
            [850] * 3,
            [[17280, 8640, 4320, 2160, 1080, 720], [840], [840]],
            id="half of it would be found too late, so the last possible moment is polled",
        ),
        pytest.param(
            [840 - 0.3] * 3,
            [[17280, 8640, 4320, 2160, 1080, 720], [840, 720], [780]],
            id="just below 14 min it is narrowed down, and still in time",
        ),
        pytest.param(
            [300] * 4,
            [[17280, 8640, 4320, 2160, 1080, 720, 360, 180], [270], [315, 270], [292.5]],
            id="a lead that is too short is narrowed down, since all of it is needed",
        ),
    ],
)
def test_consumers_that_keep_an_old_token_for_ten_minutes_need_ten_minutes_more(
    leads: list[float], polls: list[list[float]]
) -> None:
    """One token after another, from an endpoint with a steady lead."""
    assert lifetimes(leads, safe=SAFE_LEAD + MINUTES) == polls


@pytest.mark.parametrize("delay", [30.0, 60.0, MINUTES])
def test_a_lead_that_covers_consumers_and_kubelet_is_met_in_time_from_the_first_token_on(delay: float) -> None:
    """For any lead of at least four minutes plus the consumers' delay, wherever the window opens."""
    chance = random.Random(9)  # noqa: S311  # no secret
    safe = SAFE_LEAD + delay
    for _ in range(2000):
        lead, window, known = safe + chance.expovariate(1 / 600), chance.uniform(safe, 20000), Rollover()
        for number in range(4):
            polls, known = lifetime(known, lead, window=window, turn=number, safe=safe)
            assert polls[-1] >= delay + 120
        assert known.too_late(86400, safe) is not True


def test_it_costs_one_poll_more_at_most() -> None:
    """For a token whose rollover is unknown."""
    chance = random.Random(13)  # noqa: S311  # no secret
    for _ in range(2000):
        window, safe = chance.uniform(1, 90000), SAFE_LEAD + chance.uniform(0, MINUTES)
        polls, _ = lifetime(Rollover(), 0, window=window, safe=safe)
        usual, _ = lifetime(Rollover(), 0, window=window)
        assert len(polls) <= len(usual) + 1


def test_what_was_enough_is_no_bound_for_resources_that_need_more() -> None:
    """After a restart a lead of at least 5 min is known, and consumers need 14: it may be that long."""
    known = Rollover.remembered(300, too_late=False)
    assert known.too_late(86400, SAFE_LEAD) is False
    assert known.too_late(86400, SAFE_LEAD + MINUTES) is None
    polls, learned = lifetime(known, 3600, safe=SAFE_LEAD + MINUTES)
    assert polls == [840]
    polls, learned = lifetime(known, 310, safe=SAFE_LEAD + MINUTES)
    assert polls == [840, 300]
    assert learned.too_late(86400, SAFE_LEAD + MINUTES) is True
    assert lifetimes([310] * 2, learned, safe=SAFE_LEAD + MINUTES) == [[570, 300], [435, 300]]


def test_one_resource_of_a_grant_may_need_more_than_another() -> None:
    """Each resource judges for itself what the grant has learned."""
    assert LEARNED.too_late(86400, SAFE_LEAD + MINUTES) is False
    short = Rollover(300, 600)
    assert (short.too_late(86400, SAFE_LEAD), short.too_late(86400, SAFE_LEAD + MINUTES)) == (False, True)
    assert short.too_late(600, SAFE_LEAD + MINUTES) is False  # as early as it can be requested


def _steady(lead: float) -> Callable[[random.Random], float]:
    return lambda chance: lead - chance.random()  # expires_in is rounded down to whole seconds


@pytest.mark.parametrize(
    ("lead", "most"),
    [
        *((_steady(lead), 1.2) for lead in (86400, 3600, 601, 480, 302)),
        *((_steady(lead), 3.0) for lead in (300, 240, 200, 60, 11, 5, 1, 0, -1, -10, -100, -600)),
        (lambda chance: chance.uniform(1800, 5400), 1.5),
        (lambda chance: chance.uniform(0, 600), 3.0),
        (lambda chance: chance.uniform(-20, 20), 5.5),
    ],
)
def test_a_year_of_tokens_costs_few_polls(lead: Callable[[random.Random], float], most: float) -> None:
    """On average, without the first token: 1.2 for leads over 5 min, 3 below, more if the lead varies."""
    chance = random.Random(5)  # noqa: S311  # no secret
    _, known = lifetime(Rollover(), lead(chance))
    total = 0
    for day in range(365):
        polls, known = lifetime(known, lead(chance), turn=turn(86400.0 * day))
        total += len(polls)
    assert total / 365 <= most


def test_whatever_is_answered_the_next_poll_comes_later() -> None:
    """No knowledge makes a poll its own successor, or passes expiry by more than half a second."""
    chance = random.Random(3)  # noqa: S311  # no secret
    for _ in range(1000):
        known = Rollover()
        for _ in range(8):
            lead, window = (
                chance.choice((chance.uniform(-900, 900), chance.uniform(0, 90000))),
                chance.uniform(1, 90000),
            )
            number, safe = chance.randrange(16), SAFE_LEAD + chance.choice((0.0, chance.uniform(0, 600)))
            left = math.inf
            while True:
                following = known.next_left(window, number, safe)
                assert following < left
                assert following >= -0.5 or left <= 0
                left = following
                if left <= lead:
                    known = known.new(left - chance.choice((0, 0.1, 100)))
                    break
                if chance.random() < 0.8:  # otherwise the request fails, and another is made later
                    known = known.old(left)
                else:
                    left -= chance.uniform(0, 50)
                    known = known.old(left)
