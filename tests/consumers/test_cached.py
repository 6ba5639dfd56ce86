"""How the effect of consumerDelay is judged."""

from dataclasses import replace

import pytest

from tests.consumers.cached import CLIENTS, Rollover, table

WITHOUT = Rollover(
    delay=0, clients=CLIENTS, current=CLIENTS, renewals=1, left=124, followed=90.2, calls=9876, rejected=31, gap=6.25
)
WITH = replace(WITHOUT, delay=50, followed=0.3, rejected=0, gap=0.0)


def test_as_it_should_be() -> None:
    """Without it there is a gap, and with it there is none."""
    assert not WITHOUT.faults()
    assert not WITH.faults()


@pytest.mark.parametrize(
    "wrong",
    [
        pytest.param(replace(WITH, rejected=1), id="a gap with it"),
        pytest.param(replace(WITHOUT, rejected=0, gap=0.0), id="none without it"),
        pytest.param(replace(WITHOUT, rejected=1, gap=0.0), id="calls that were rejected for another reason"),
        pytest.param(replace(WITH, current=CLIENTS - 1), id="a client that stays with the old token"),
        pytest.param(replace(WITH, left=120), id="a renewal that refreshes pods anyway"),
        pytest.param(replace(WITH, left=170), id="a client that needs no help"),
        pytest.param(replace(WITH, renewals=0, rejected=9, current=0), id="no renewal"),
    ],
)
def test_faults(wrong: Rollover) -> None:
    """A run that shows nothing, or the opposite, is reported."""
    assert len(wrong.faults()) == 1


def test_table() -> None:
    """A token without it has no figure for it."""
    rows = table([WITHOUT, WITH]).splitlines()
    assert rows[2] == "| – | 5 | 1 | 124.0 s | 90.2 s | 9,876 | 31 | 6.2 s |"
    assert rows[3] == "| 50 s | 5 | 1 | 124.0 s | 0.3 s | 9,876 | 0 | 0.0 s |"
