"""After a failure the next attempt comes soon enough that a fixed fault doesn't cost a valid token."""

import pytest
from integration_token.renewal.backoff import transient_wait, user_action_wait

DAY = 86400.0
ALMOST_ONE = 1 - 2**-53


@pytest.mark.parametrize(
    ("left", "wait"),
    [
        pytest.param(0, 300, id="without a valid token it is probed every five minutes"),
        pytest.param(-DAY, 300, id="an expired token isn't valid"),
        pytest.param(DAY, 300, id="with a day left it is probed every five minutes"),
        pytest.param(600, 300, id="below ten minutes half of the time left decides"),
        pytest.param(400, 200, id="the delay is half of the time left"),
        pytest.param(60, 30, id="half a minute is the minimum"),
        pytest.param(1, 30, id="and stays the minimum to the end"),
    ],
)
def test_what_only_a_change_can_fix_is_still_retried(left: float, wait: float) -> None:
    """The fix may be made at the endpoint, which doesn't notify the operator."""
    assert user_action_wait(left) == wait


@pytest.mark.parametrize(
    ("failures", "left", "least", "most"),
    [
        pytest.param(1, DAY, 1, 2, id="the first attempt comes after one to two seconds"),
        pytest.param(2, DAY, 2, 4, id="each further delay doubles"),
        pytest.param(6, DAY, 32, 64, id="so the sixth is half a minute to a minute"),
        pytest.param(10, DAY, 300, 600, id="with a day left the maximum is ten minutes"),
        pytest.param(10_000, DAY, 300, 600, id="and stays so after any number of failures"),
        pytest.param(10, 400, 50, 100, id="the maximum is a quarter of the time left"),
        pytest.param(10, 4, 1, 1, id="the minimum is a second when time runs out"),
        pytest.param(10, 0.001, 1, 1, id="and stays the minimum to the end"),
        pytest.param(10, 0, 30, 60, id="without a valid token the maximum is a minute"),
        pytest.param(10, -DAY, 30, 60, id="an expired token isn't valid"),
        pytest.param(1, 0, 1, 2, id="the first failure without a token is retried soon"),
    ],
)
def test_a_passing_fault_is_tried_again_after_an_exponential_time_with_equal_jitter(
    failures: int, left: float, least: float, most: float
) -> None:
    """Half of the delay is fixed, the other half is random."""
    assert transient_wait(failures, left, 0.0) == pytest.approx(least)
    assert transient_wait(failures, left, 0.5) == pytest.approx(max(1, (least + most) / 2))
    assert transient_wait(failures, left, ALMOST_ONE) == pytest.approx(most)
