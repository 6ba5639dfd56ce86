"""`python -m tests.simulation.subset`: some stories, the same at each run, for trying whether a fault would be noticed.

Exit codes: 0 where all promises hold, 1 where one is broken.
"""

import logging
import sys
from collections.abc import Callable
from typing import Any, Final

from hypothesis import Phase, given, settings
from hypothesis.strategies import SearchStrategy

from tests.simulation import strategy
from tests.simulation.settings import SIMULATION
from tests.simulation.test_learned import (
    test_a_restart_costs_one_request_at_most,
    test_from_the_second_lifetime_on_requests_are_few,
)
from tests.simulation.test_promise import check
from tests.simulation.test_sharing import test_sharing

Check = Callable[[Any], None]


def _inner(test: Any) -> Check:
    """What a property test does with one story."""
    check: Check = test.hypothesis.inner_test
    return check


STORIES: Final[tuple[tuple[Check, SearchStrategy[Any], int], ...]] = (
    (check, strategy.quiet(), 40),
    (_inner(test_sharing), strategy.shared(), 12),
    (_inner(test_from_the_second_lifetime_on_requests_are_few), strategy.steady(), 2),
    (check, strategy.changing(), 30),
    (check, strategy.troubled(), 40),
    (_inner(test_a_restart_costs_one_request_at_most), strategy.interrupted(), 10),
)
"""What is checked, of which stories, and of how many."""


def play(hold: Check, stories: SearchStrategy[Any], number: int) -> None:
    """Generated only: which story breaks a promise, and the least one that does, are of no interest here."""

    @settings(SIMULATION, max_examples=number, derandomize=True, phases=(Phase.generate,))
    @given(stories)
    def check(story: Any) -> None:
        hold(story)

    check()


def main() -> int:
    """Play them."""
    logging.disable(logging.CRITICAL)
    try:
        for hold, stories, number in STORIES:
            play(hold, stories, number)
    except AssertionError as error:
        print(str(error).split("\n", 1)[0])
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
