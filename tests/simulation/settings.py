"""How hypothesis runs here: with CI=true the same stories in each run, otherwise new ones."""

import os
from typing import Final

from hypothesis import HealthCheck, Phase, settings

ONE_IN: Final = "SIMULATION_ONE_IN"
"""Set by the mutation check, which needs only a fraction of the stories of each kind, and no shrinking."""

_ONE_IN = int(os.environ.get(ONE_IN, "1"))

SIMULATION = settings(
    deadline=None,  # a story takes as long as it takes: some have many requests
    database=None,  # nothing is left in the tree; a failure's own line replays it
    derandomize=os.environ.get("CI") == "true",
    print_blob=True,
    suppress_health_check=list(HealthCheck),
    phases=list(Phase) if _ONE_IN == 1 else [Phase.explicit, Phase.generate],
)


def examples(number: int) -> settings:
    """This many stories."""
    return settings(SIMULATION, max_examples=max(1, number // _ONE_IN))
