"""What the sizing page recommends, from the measured curve."""

import pytest

from tests.bench import sizing
from tests.bench.test_growth import colds_of


def test_memory_is_given_with_room_above_the_peak() -> None:
    """The request just above it, the limit with a quarter to spare; both rounded."""
    assert (sizing.request(137), sizing.limit(137)) == (144, 192)
    assert (sizing.request(144), sizing.limit(144)) == (144, 192)


def test_the_cost_of_one_more_resource_excludes_the_start_of_the_process() -> None:
    """From a thousand resources on, or from the fewest if only the largest run has as many."""
    colds = colds_of(100, 1000, 20_000)
    line = sizing.slope(colds)
    assert (line.first, line.last) == (1000, 20_000)
    assert line.cpu == pytest.approx(0.005)
    assert line.mebibytes == pytest.approx(1 / 200)
    assert (sizing.slope(colds_of(100, 1000)).first, sizing.slope(colds_of(300, 100)).first) == (100, 100)


def test_renewals_take_the_more_cpu_the_shorter_tokens_live() -> None:
    """Each is renewed when the last fifth of its lifetime begins."""
    assert sizing.renewals(10_000, 3600, 0.005) == pytest.approx(50 / 2880)
    assert sizing.renewals(10_000, 24 * 3600, 0.005) == pytest.approx(50 / 2880 / 24)


def test_a_limit_is_enough_for_as_many_as_leave_a_quarter_of_it() -> None:
    """In full thousands."""
    assert sizing.capacity(colds_of(100, 1000, 20_000), 256) == 22_000
    assert sizing.capacity(colds_of(100, 1000, 20_000), 255) == 22_000
    assert sizing.capacity(colds_of(100, 1000, 20_000), 254) == 22_000


def test_the_page_says_what_to_give_and_what_limits_the_throughput() -> None:
    """Two writes for each token, and which processes use the cores."""
    text = sizing.text(colds_of(100, 1000, 20_000), 256)
    assert "| 20,000 | 192Mi | 256Mi | 35m | 2m | 200 |" in text
    assert "limit of 256Mi is enough, with a quarter to spare, for 22,000 resources" in text
    assert "the API server took 200 writes of Secrets and status a\nsecond" in text
    assert "The operator used 0.50 of a core meanwhile, etcd and the API\nserver 1.25." in text
    assert "lets the operator issue\n200 a second" in text
