"""A grant sends no more requests per minute than it may."""

import random

import pytest
from integration_token.workqueue.grant_rate import MAX_PER_GRANT, MAX_WISHES, MINUTE, GrantRate


def most_in_a_minute(times: list[float]) -> int:
    """The largest number of requests within any 60 s."""
    return max((sum(start <= time < start + MINUTE for time in times) for start in times), default=0)


class TestGrantRate:
    """A grant sends at most twelve requests a minute, whatever goes wrong."""

    def test_twelve_requests_may_follow_each_other_at_once(self) -> None:
        """The thirteenth waits until the first is a minute old."""
        rate = GrantRate()
        for _ in range(MAX_PER_GRANT):
            assert rate.delay(100) == 0
            rate.note(100)
        assert rate.delay(130) == 30
        assert rate.delay(160) == 0

    def test_the_oldest_of_the_last_twelve_decides(self) -> None:
        """With a request every 4 s, the thirteenth, at 48 s, waits 12 s, and the next one 4 s more."""
        rate = GrantRate()
        for number in range(MAX_PER_GRANT):
            rate.note(4.0 * number)
        assert rate.delay(48) == 12
        rate.note(60)
        assert rate.delay(60) == 4

    def test_three_renewal_requests_a_minute_are_followed(self) -> None:
        """The fourth waits until the first is a minute old."""
        wishes = GrantRate(MAX_WISHES)
        for at in (0.0, 10.0, 20.0):
            assert wishes.delay(at) == 0
            wishes.note(at)
        assert wishes.delay(21) == 39

    @pytest.mark.parametrize("seed", range(5))
    def test_no_minute_sees_more_than_twelve(self, seed: int) -> None:
        """A caller that keeps to the wait keeps to the limit, wherever the minute begins."""
        chance = random.Random(seed)  # noqa: S311  # no secret
        rate, now, times = GrantRate(), 0.0, list[float]()
        while now < 600:
            now += chance.choice((0.0, 0.01, 0.5, 3.0, 20.0))
            if rate.delay(now) == 0:
                rate.note(now)
                times.append(now)
        assert most_in_a_minute(times) == MAX_PER_GRANT
