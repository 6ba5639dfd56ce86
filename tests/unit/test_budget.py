"""What an endpoint and a grant may cost, and who is next."""

import random
from collections import Counter

import pytest
from integration_token.renewal.budget import IN_FLIGHT, MAX_PER_GRANT, MINUTE, Budget, Hold, Pace


def most_in_a_minute(times: list[float]) -> int:
    """The largest number of requests within any 60 s."""
    return max((sum(start <= time < start + MINUTE for time in times) for start in times), default=0)


def drain(budget: Budget[str], now: float) -> list[str]:
    """Answers each request at once until nobody else may begin: the keys in the order in which they began."""
    order = []
    while admitted := budget.admit(now):
        for key in admitted:
            order.append(key)
            budget.done(key, now)
    return order


def full(per_minute: int, now: float) -> Budget[str]:
    """A budget whose minute is used up."""
    budget = Budget[str](per_minute)
    for number in range(per_minute):
        assert budget.ask(f"early {number}", "early", 0, now) is None
        budget.done(f"early {number}", now)
    return budget


class TestPace:
    """One grant asks twelve times a minute at most, whatever goes wrong."""

    def test_twelve_requests_may_follow_each_other_at_once(self) -> None:
        """The thirteenth waits until the first is a minute old."""
        pace = Pace()
        for _ in range(MAX_PER_GRANT):
            assert pace.wait(100) == 0
            pace.note(100)
        assert pace.wait(130) == 30
        assert pace.wait(160) == 0

    def test_the_oldest_of_the_last_twelve_decides(self) -> None:
        """Requests every 4 s: the thirteenth, at 48 s, waits 12 s, and the next one 4 s more."""
        pace = Pace()
        for number in range(MAX_PER_GRANT):
            pace.note(4.0 * number)
        assert pace.wait(48) == 12
        pace.note(60)
        assert pace.wait(60) == 4

    @pytest.mark.parametrize("seed", range(5))
    def test_no_minute_sees_more_than_twelve(self, seed: int) -> None:
        """Whoever keeps to the wait keeps to the limit, wherever the minute begins."""
        chance = random.Random(seed)  # noqa: S311  # no secret
        pace, now, times = Pace(), 0.0, list[float]()
        while now < 600:
            now += chance.choice((0.0, 0.01, 0.5, 3.0, 20.0))
            if pace.wait(now) == 0:
                pace.note(now)
                times.append(now)
        assert most_in_a_minute(times) == MAX_PER_GRANT


class TestRate:
    """An endpoint's rate limit holds for all its tokens together."""

    def test_requests_begin_at_once_while_the_minute_has_room(self) -> None:
        """The one too many waits for the rate limit, and is told so."""
        budget = full(3, 10)
        assert budget.ask("late", "store", 0, 11) is Hold.RATE

    def test_who_waits_is_admitted_when_the_oldest_request_is_a_minute_old(self) -> None:
        """Not earlier, and the budget tells how long that is."""
        budget = full(3, 10)
        budget.ask("late", "store", 0, 11)
        assert budget.wait(11) == 59
        assert budget.admit(69.999) == []
        assert budget.admit(70) == ["late"]

    def test_an_admitted_request_may_begin_and_needs_no_second_turn(self) -> None:
        """The work that was woken asks again, and goes on."""
        budget = full(1, 0)
        budget.ask("late", "store", 0, 0)
        assert budget.admit(60) == ["late"]
        assert budget.ask("late", "store", 0, 60) is None
        assert budget.wait(60) is None

    def test_nobody_overtakes_who_waits(self) -> None:
        """A newcomer lines up although the minute has room again."""
        budget = full(1, 0)
        budget.ask("late", "store", 0, 1)
        assert budget.ask("newcomer", "store", 0, 61) is Hold.TURN
        assert budget.admit(61) == ["late"]

    def test_a_limit_that_was_raised_counts_at_once(self) -> None:
        """Who waits need not wait for the minute's end."""
        budget = full(2, 0)
        budget.ask("late", "store", 0, 1)
        budget.per_minute = 3
        assert budget.wait(1) == 0
        assert budget.admit(1) == ["late"]

    def test_a_request_that_was_not_sent_costs_nothing(self) -> None:
        """Its place in the minute and among those in flight is free again."""
        budget = Budget[str](1)
        assert budget.ask("first", "store", 0, 0) is None
        budget.done("first", None)
        assert budget.ask("second", "store", 0, 0) is None
        budget.done("second", 0)
        assert budget.ask("third", "store", 0, 0) is Hold.RATE

    @pytest.mark.parametrize("seed", range(10))
    def test_no_minute_sees_more_than_the_limit_and_no_moment_more_in_flight_than_the_bound(self, seed: int) -> None:
        """Whatever is asked, admitted, answered, not sent after all and forgotten, in any order."""
        chance = random.Random(seed)  # noqa: S311  # no secret
        limit = chance.choice((1, 5, 12, 20))
        budget, now, sent, in_flight = Budget[str](limit), 0.0, list[float](), dict[str, float]()
        most, waited = 0, False
        for _ in range(1500):
            now += chance.choice((0.0, 0.0, 0.01, 0.1, 1.0, 5.0))
            key = f"key {chance.randrange(60)}"
            begun = list[str]()
            match chance.randrange(8):
                case 0 | 1 | 2 | 3 if key not in in_flight:
                    hold = budget.ask(key, f"namespace {chance.randrange(5)}", chance.choice((0, 100, 200)), now)
                    waited |= hold is Hold.RATE
                    begun = [key] if hold is None else []
                case 4:
                    begun = budget.admit(now)
                case 5 | 6 if in_flight:
                    answered = chance.choice(list(in_flight))
                    began = in_flight.pop(answered)
                    was_sent = chance.random() < 0.8
                    budget.done(answered, now if was_sent else None)
                    if was_sent:
                        # The endpoint sees it at some moment between.
                        sent.append(chance.uniform(began, now))
                case 7:
                    budget.forget(key)
            for each in begun:
                in_flight[each] = now
            most = max(most, len(in_flight))
        assert waited
        assert most_in_a_minute(sent) <= limit
        assert most <= IN_FLIGHT


class TestFlight:
    """Few requests at once go to one endpoint."""

    def test_the_ninth_request_waits_for_a_moment(self) -> None:
        """Not for the rate limit, and not for any length of time, so no moment can be told."""
        budget = Budget[str](60)
        asked = [budget.ask(f"key {number}", "store", 0, 0) for number in range(IN_FLIGHT + 1)]
        assert asked == [None] * IN_FLIGHT + [Hold.TURN]
        assert budget.wait(0) is None
        assert budget.admit(30) == []

    def test_an_answer_lets_the_next_one_begin(self) -> None:
        """One for one."""
        budget = Budget[str](60)
        for number in range(IN_FLIGHT + 2):
            budget.ask(f"key {number}", "store", 0, 0)
        budget.done("key 3", 0)
        assert budget.admit(0) == [f"key {IN_FLIGHT}"]

    def test_a_request_that_takes_the_endpoint_two_seconds_makes_it_slow(self) -> None:
        """It is known to whoever shares what is in flight, as long as it lasts."""
        budget = Budget[str](1000)
        other = Budget[str](1000, flight=budget.flight)
        budget.ask("a", "store", 0, 0)
        budget.sent("a", 0)
        assert not other.slow(1.9)
        assert other.slow(2)
        budget.answered("a", 2)
        assert not other.slow(9)

    def test_an_endpoint_stays_slow_until_the_next_request_could_have_shown_it(self) -> None:
        """Else whoever looks each time when a new one has just begun would never find out."""
        budget = Budget[str](1000)
        budget.ask("a", "store", 0, 0)
        budget.sent("a", 0)
        budget.answered("a", 10)
        assert budget.slow(11.9)
        assert not budget.slow(12)

    def test_what_comes_before_and_after_a_request_makes_no_endpoint_slow(self) -> None:
        """It may be the API server that takes long."""
        budget = Budget[str](1000)
        budget.ask("a", "store", 0, 0)
        assert not budget.slow(10)
        budget.sent("a", 10)
        budget.answered("a", 11)
        assert not budget.slow(20)
        budget.done("a", 20)
        assert not budget.slow(20)


class TestPause:
    """An endpoint that wants to be left alone is."""

    def test_no_request_begins_before_the_pause_is_over(self) -> None:
        """Who asks in it waits, and the budget tells how long."""
        budget = Budget[str](60)
        budget.pause(100)
        assert budget.ask("key", "store", 0, 40) is Hold.RATE
        assert budget.wait(40) == 60
        assert budget.admit(99.9) == []
        assert budget.admit(100) == ["key"]

    def test_a_shorter_pause_does_not_end_a_longer_one(self) -> None:
        """Two answers may disagree."""
        budget = Budget[str](60)
        budget.pause(100)
        budget.pause(50)
        assert budget.ask("key", "store", 0, 60) is Hold.RATE


class TestQueue:
    """The earliest expiry is served first; namespaces take turns."""

    def test_the_earliest_expiry_is_served_first(self) -> None:
        """Those without a valid token, whose expiry counts as 0, before all others."""
        budget = full(10, 0)
        for key, expires in (("tomorrow", 900), ("soon", 100), ("none", 0), ("later", 500)):
            budget.ask(key, "store", expires, 0)
        assert drain(budget, 60) == ["none", "soon", "later", "tomorrow"]

    def test_of_the_same_expiry_namespaces_take_turns(self) -> None:
        """One with three tokens doesn't hold up one with two that came later, nor one with a single one."""
        budget = full(10, 0)
        for key in ("a1", "a2", "a3", "b1", "b2", "c1"):
            budget.ask(key, key[0], 0, 0)
        assert drain(budget, 60) == ["a1", "b1", "c1", "a2", "b2", "a3"]

    def test_a_namespace_that_comes_late_gets_its_turn_at_once(self) -> None:
        """It neither waits behind a long queue nor makes up for the rounds before it came."""
        budget = full(2, 0)
        for number in range(6):
            budget.ask(f"a{number}", "a", 0, 0)
        began = drain(budget, 60)
        for number in range(4):
            budget.ask(f"b{number}", "b", 0, 60)
        for now in (120, 180, 240, 300):
            began += drain(budget, now)
        assert began == ["a0", "a1", "b0", "a2", "b1", "a3", "b2", "a4", "b3", "a5"]

    def test_asking_again_keeps_the_place(self) -> None:
        """A look at a resource while it waits costs it nothing and brings it nothing."""
        budget = full(5, 0)
        for key in ("first", "second", "first", "first"):
            budget.ask(key, "store", 0, 0)
        assert drain(budget, 60) == ["first", "second"]

    def test_another_expiry_is_another_place(self) -> None:
        """A token that has expired while it waited goes to the front, once."""
        budget = full(5, 0)
        budget.ask("first", "store", 100, 0)
        budget.ask("second", "store", 200, 0)
        budget.ask("second", "store", 0, 0)
        assert drain(budget, 60) == ["second", "first"]

    def test_who_is_forgotten_is_not_admitted(self) -> None:
        """And nobody waits for it."""
        budget = full(5, 0)
        budget.ask("gone", "store", 0, 0)
        budget.ask("there", "store", 0, 0)
        budget.forget("gone")
        assert drain(budget, 60) == ["there"]
        assert budget.wait(60) is None

    @pytest.mark.parametrize("seed", range(5))
    def test_everybody_is_served_in_the_end_and_once(self, seed: int) -> None:
        """Two hundred tokens of ten namespaces, eight at a time."""
        chance = random.Random(seed)  # noqa: S311  # no secret
        budget = full(8, 0)
        keys = [f"key {number}" for number in range(200)]
        for key in keys:
            budget.ask(key, f"namespace {chance.randrange(10)}", chance.choice((0, 100)), 0)
        served, now = list[str](), 0.0
        while (wait := budget.wait(now)) is not None:
            now += wait
            served += drain(budget, now)
        assert Counter(served) == Counter(keys)
        assert now == 60 * 200 / 8
