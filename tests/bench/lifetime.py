"""Token requests per lifetime at an endpoint like the first user's, for a year in virtual time."""

import logging
from dataclasses import replace

from tests.bench.row import Row
from tests.cluster.progress import say
from tests.simulation import stage
from tests.simulation.figure import PLACE
from tests.simulation.model import LIFETIMES, MODELS
from tests.simulation.story import DAY

FIRST, LATER = 6, 2
"""Requests from a token to its successor. Later one is usual; two if an earlier rollover was probed."""


def measure() -> list[Row]:
    """Two rows."""
    say("a year of tokens of 24 h with a rollover lead of 1 h, in virtual time: about 5 s")
    logging.disable(logging.CRITICAL)  # the operator runs in this process
    try:
        chronicle = stage.simulate(replace(MODELS["lead 1 h"][1], seconds=LIFETIMES * DAY))
    finally:
        logging.disable(logging.NOTSET)
    first, *later = (len(polls) for polls in chronicle.lifetimes(PLACE))
    what = "lifetime, 24 h with a lead of 1 h, in virtual time"
    return [
        # The request for the first token counts with its lifetime.
        Row(f"token requests, first {what}", (first + 1,), FIRST),
        Row(f"token requests, later {what}", tuple(later), LATER),
    ]
