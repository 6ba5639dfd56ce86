"""How a controller is judged."""

from dataclasses import replace

import pytest

from tests.consumers.controller import LIMIT, Delay, table
from tests.consumers.result import ROLLOVERS

FINE = Delay("source-controller", "1", (0.5,) * ROLLOVERS, calls=99, rejected=0)


@pytest.mark.parametrize("wrong", [replace(FINE, seconds=(0.5, LIMIT + 0.1, 0.5)), replace(FINE, rejected=1)])
def test_faults(wrong: Delay) -> None:
    """One that uses a new token late, or sends a refused one, is reported."""
    assert not FINE.faults()
    assert len(wrong.faults()) == 1


def test_table() -> None:
    """The longest time counts; a controller that calls nobody shows no calls."""
    rows = table([replace(FINE, seconds=(0.5, 1.25, 0.75)), replace(FINE, calls=None)]).splitlines()
    assert rows[2] == "| source-controller | 1 | 3 | 99 | 0 | 1.25 s |"
    assert rows[3] == "| source-controller | 1 | 3 | – | – | 0.50 s |"
