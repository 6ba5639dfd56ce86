"""How many requests an endpoint may get, and which is next."""

import random
from collections import Counter

import pytest
from integration_token.workqueue.endpoint_queue import STARVED, EndpointQueue, Rank, Urgency, WaitReason
from integration_token.workqueue.grant_rate import MINUTE

from tests.unit.test_grant_rate import most_in_a_minute

NONE = Rank(Urgency.NONE, 0.0)


def valid(expires: float) -> Rank:
    """The rank of a renewal."""
    return Rank(Urgency.VALID, expires)


def admit(queue: EndpointQueue[str], now: float, most: int = 1000) -> list[str]:
    """The requests that begin now, as far as there is room."""
    begun = list[str]()
    while len(begun) < most and (key := queue.candidate(now)) is not None:
        queue.begin(key, now)
        begun.append(key)
    return begun


def drain(queue: EndpointQueue[str], now: float) -> list[str]:
    """Answers each request at once until none may begin: the keys, in the order in which they began."""
    order = []
    while admitted := admit(queue, now):
        for key in admitted:
            order.append(key)
            queue.finish(key, now)
    return order


def full(per_minute: int, now: float) -> EndpointQueue[str]:
    """A queue whose minute is used up."""
    queue = EndpointQueue[str](per_minute)
    for number in range(per_minute):
        queue.put(f"early {number}", "early", NONE, now)
    assert len(drain(queue, now)) == per_minute
    return queue


class TestRate:
    """An endpoint's rate limit applies to all its tokens together."""

    def test_requests_begin_at_once_while_the_minute_has_room(self) -> None:
        """The next one waits, with the rate limit as its reason."""
        queue = full(3, 10)
        queue.put("late", "store", NONE, 11)
        assert queue.candidate(11) is None
        assert queue.wait_reason(11) is WaitReason.RATE

    def test_waiting_requests_are_admitted_when_the_oldest_request_is_a_minute_old(self) -> None:
        """Not earlier; the queue says how long that takes."""
        queue = full(3, 10)
        queue.put("late", "store", NONE, 11)
        assert queue.delay(11) == 59
        assert admit(queue, 69.999) == []
        assert admit(queue, 70) == ["late"]

    def test_a_request_that_has_begun_needs_no_second_turn(self) -> None:
        """The woken worker asks again and continues."""
        queue = full(1, 0)
        queue.put("late", "store", NONE, 0)
        assert admit(queue, 60) == ["late"]
        queue.put("late", "store", NONE, 60)
        assert queue.has_begun("late")
        assert "late" not in queue.waiting_keys()
        assert queue.delay(60) is None

    def test_waiting_resources_are_not_overtaken(self) -> None:
        """A newcomer in the same namespace queues even if the minute has room again."""
        queue = full(1, 0)
        queue.put("late", "store", NONE, 1)
        queue.put("newcomer", "store", NONE, 61)
        assert admit(queue, 61) == ["late"]

    def test_a_limit_that_was_raised_counts_at_once(self) -> None:
        """Waiting requests don't wait for the end of the minute."""
        queue = full(2, 0)
        queue.put("late", "store", NONE, 1)
        queue.per_minute = 3
        assert admit(queue, 1) == ["late"]

    def test_a_request_that_was_not_sent_costs_nothing(self) -> None:
        """Its slot in the minute is free again."""
        queue = EndpointQueue[str](1)
        for key, over in (("first", None), ("second", 0.0)):
            queue.put(key, "store", NONE, 0)
            assert admit(queue, 0) == [key]
            queue.finish(key, over)
        queue.put("third", "store", NONE, 0)
        assert queue.wait_reason(0) is WaitReason.RATE

    @pytest.mark.parametrize("seed", range(10))
    def test_no_minute_sees_more_than_the_limit(self, seed: int) -> None:
        """In any order of requests, admissions, answers, withdrawals and removals."""
        chance = random.Random(seed)  # noqa: S311  # no secret
        limit = chance.choice((1, 5, 12, 20))
        queue, now, sent, in_flight = EndpointQueue[str](limit), 0.0, list[float](), dict[str, float]()
        waited = False
        for _ in range(1500):
            now += chance.choice((0.0, 0.0, 0.01, 0.1, 1.0, 5.0))
            key = f"key {chance.randrange(60)}"
            match chance.randrange(8):
                case 0 | 1 | 2 | 3 if key not in in_flight:
                    rank = Rank(chance.choice(list(Urgency)), chance.choice((0, 100, 200)))
                    queue.put(key, f"namespace {int(key[4:]) % 5}", rank, now)
                    waited |= queue.wait_reason(now) is WaitReason.RATE
                case 4:
                    in_flight |= dict.fromkeys(admit(queue, now, chance.randrange(5)), now)
                case 5 | 6 if in_flight:
                    answered = chance.choice(list(in_flight))
                    began = in_flight.pop(answered)
                    was_sent = chance.random() < 0.8
                    queue.finish(answered, now if was_sent else None)
                    if was_sent:
                        # The endpoint sees the request at some moment in between.
                        sent.append(chance.uniform(began, now))
                case 7:
                    queue.forget(key)
        assert waited
        assert most_in_a_minute(sent) <= limit


class TestPause:
    """An endpoint that asks to be left alone is left alone."""

    def test_no_request_begins_before_a_pause_requested_twice_is_over(self) -> None:
        """Requests during the pause wait, and the queue says how long."""
        queue = EndpointQueue[str](60)
        queue.pause("bank", 100)
        queue.pause("store", 100)
        queue.put("key", "store", NONE, 40)
        assert queue.wait_reason(40) is WaitReason.RATE
        assert queue.delay(40) == 60
        assert admit(queue, 99.9) == []
        assert admit(queue, 100) == ["key"]

    def test_one_alone_pauses_nobody_else(self) -> None:
        """However often and however long it was asked to wait: it may be its own fault."""
        queue = EndpointQueue[str](60)
        for until in (100, 500, 900):
            queue.pause("bank", until)
        queue.put("key", "store", NONE, 40)
        assert admit(queue, 40) == ["key"]

    def test_all_are_paused_for_the_shorter_of_two_requested_pauses(self) -> None:
        """With more than two, for the longest pause that two of them agree on."""
        queue = EndpointQueue[str](60)
        queue.pause("bank", 900)
        queue.pause("store", 100)
        assert queue.paused_until == 100
        queue.pause("mill", 300)
        assert queue.paused_until == 300

    def test_a_shorter_pause_does_not_end_a_longer_one(self) -> None:
        """Two answers may disagree."""
        queue = EndpointQueue[str](60)
        for until in (100, 50):
            queue.pause("bank", until)
            queue.pause("store", until)
        assert queue.paused_until == 100

    def test_what_matters_is_remembered_for_as_long_as_it_does(self) -> None:
        """That is the used-up minute, and the pauses the endpoint asked for."""
        queue = full(1, 0)
        assert queue.seconds_to_remember(10) == 50
        queue.pause("bank", 600)
        assert queue.seconds_to_remember(10) == 590
        assert queue.seconds_to_remember(600) == 0


class TestQueue:
    """Valid tokens come first; namespaces take turns; within a namespace the earliest expiry is served first."""

    def test_valid_tokens_come_before_those_that_are_missing_and_probes_come_last(self) -> None:
        """Regardless of arrival order; among valid tokens the earliest expiry comes first."""
        queue = full(10, 0)
        ranks = {
            "probe": Rank(Urgency.PROBE, 0.0),
            "none": NONE,
            "tomorrow": valid(900),
            "soon": valid(100),
            "later": valid(500),
        }
        for key, rank in ranks.items():
            queue.put(key, "store", rank, 0)
        assert drain(queue, 60) == ["soon", "later", "tomorrow", "none", "probe"]

    def test_valid_tokens_of_another_namespace_come_first_too(self) -> None:
        """A first token can wait; a token in use must not expire."""
        queue = full(10, 0)
        for number in range(3):
            queue.put(f"a{number}", "a", NONE, 0)
            queue.put(f"b{number}", "b", valid(100 - number), 0)
        assert drain(queue, 60) == ["b2", "b1", "b0", "a0", "a1", "a2"]

    @pytest.mark.parametrize("rank", [NONE, valid(100)], ids=["first tokens", "renewals"])
    def test_namespaces_take_turns(self, rank: Rank) -> None:
        """A namespace with three tokens doesn't delay one that came later with two, or one with a single token."""
        queue = full(10, 0)
        for key in ("a1", "a2", "a3", "b1", "b2", "c1"):
            queue.put(key, key[0], rank, 0)
        assert drain(queue, 60) == ["a1", "b1", "c1", "a2", "b2", "a3"]

    def test_a_namespace_with_thousands_of_tokens_that_expire_first_takes_no_more_than_its_share(self) -> None:
        """Tokens that another namespace's own share could save are saved."""
        queue = full(60, 0)
        for number in range(5000):
            queue.put(f"a{number}", "a", valid(number), 0)
        for number in range(30):
            queue.put(f"b{number}", "b", valid(10_000 + number), 0)
        served = Counter(key[0] for key in drain(queue, 60))
        assert served == {"a": 30, "b": 30}

    def test_a_namespace_that_comes_late_gets_its_turn_at_once(self) -> None:
        """It neither waits behind a long queue nor catches up on the rounds it missed."""
        queue = full(2, 0)
        for number in range(6):
            queue.put(f"a{number}", "a", NONE, 0)
        began = drain(queue, 60)
        for number in range(4):
            queue.put(f"b{number}", "b", NONE, 60)
        for now in (120, 180, 240, 300):
            began += drain(queue, now)
        assert began == ["a0", "a1", "b0", "a2", "b1", "a3", "b2", "a4", "b3", "a5"]

    def test_requests_one_after_the_other_get_no_more_turns_than_others(self) -> None:
        """A namespace whose queue runs empty doesn't start over with a clean record."""
        queue = full(1, 0)
        for number in range(10):
            queue.put(f"a{number}", "a", NONE, 0)
        order = []
        for number in range(8):
            queue.put(f"b{number}", "b", NONE, 60.0 * number)
            order += drain(queue, 60.0 * (number + 1))
        assert abs(sum(key[0] == "a" for key in order) - 4) <= 1

    def test_endless_renewals_keep_nobody_from_a_first_token(self) -> None:
        """A namespace that has waited five minutes gets its turn; valid tokens get three turns in four."""
        queue = full(4, 0)
        queue.put("first", "small", NONE, 0)
        begun = dict[str, int]()
        for minute in range(1, 10):
            for number in range(10):
                queue.put(f"renewal {minute} {number}", "large", valid(1000 * minute + number), 60 * minute - 1)
            begun |= dict.fromkeys(drain(queue, 60 * minute), minute)
        assert begun["first"] == STARVED / MINUTE
        assert Counter(begun.values()) == dict.fromkeys(range(1, 10), 4)

    def test_asking_again_keeps_the_place(self) -> None:
        """Observing a waiting resource neither costs nor gains it anything."""
        queue = full(5, 0)
        for key in ("first", "second", "first", "first"):
            queue.put(key, "store", NONE, 0)
        assert drain(queue, 60) == ["first", "second"]

    def test_another_rank_is_another_place(self) -> None:
        """A token that expires while waiting moves behind those that can still be saved."""
        queue = full(5, 0)
        for key, rank in (("first", valid(100)), ("second", valid(200)), ("first", NONE)):
            queue.put(key, "store", rank, 0)
        assert drain(queue, 60) == ["second", "first"]

    def test_a_forgotten_resource_is_not_admitted(self) -> None:
        """Nothing waits for it."""
        queue = full(5, 0)
        queue.put("gone", "store", NONE, 0)
        queue.put("there", "store", NONE, 0)
        queue.forget("gone")
        assert drain(queue, 60) == ["there"]
        assert queue.delay(60) is None

    def test_a_namespace_that_is_parked_lets_others_go_before_it(self) -> None:
        """It takes its turn again once it is unparked."""
        queue = full(5, 0)
        for key in ("a1", "a2", "b1"):
            queue.put(key, key[0], NONE, 0)
        queue.park("a")
        assert drain(queue, 60) == ["b1"]
        queue.put("a0", "a", NONE, 61)
        assert drain(queue, 61) == []
        queue.unpark("a")
        assert drain(queue, 61) == ["a1", "a2", "a0"]

    @pytest.mark.parametrize("seed", range(5))
    def test_everybody_is_served_in_the_end_and_once(self, seed: int) -> None:
        """Two hundred tokens in ten namespaces, eight at a time."""
        chance = random.Random(seed)  # noqa: S311  # no secret
        queue = full(8, 0)
        keys = [f"key {number}" for number in range(200)]
        for key in keys:
            rank = Rank(chance.choice(list(Urgency)), chance.choice((0, 100)))
            queue.put(key, f"namespace {chance.randrange(10)}", rank, 0)
        served, now = list[str](), 0.0
        while (wait := queue.delay(now)) is not None:
            now += wait
            served += drain(queue, now)
        assert Counter(served) == Counter(keys)
        assert now == 60 * 200 / 8

    @pytest.mark.parametrize("seed", range(5))
    def test_what_waits_is_remembered_once_however_often_it_changes(self, seed: int) -> None:
        """Memory follows what waits now, not what has waited before."""
        chance = random.Random(seed)  # noqa: S311  # no secret
        queue = full(1, 0)
        for number in range(5000):
            rank = Rank(chance.choice(list(Urgency)), number)
            queue.put(f"key {number % 10}", f"namespace {number % 5}", rank, 1)
        assert len(queue._heap) < 200
        assert sum(len(each.heap) for each in queue._queues.values()) < 600
        assert sorted(drain_all(queue)) == sorted({f"key {number}" for number in range(10)})


def drain_all(queue: EndpointQueue[str]) -> list[str]:
    """Admits everything, minute after minute."""
    order = list[str]()
    now = 1.0
    while (wait := queue.delay(now)) is not None:
        now += wait
        order += drain(queue, now)
    return order
