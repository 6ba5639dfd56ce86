"""How hypothesis runs here: the same stories at each run where CI=true, new ones elsewhere."""

import os

from hypothesis import HealthCheck, settings

SIMULATION = settings(
    deadline=None,  # a story takes what it takes: some have many requests
    database=None,  # nothing is left in the tree; a failure's own line replays it
    derandomize=os.environ.get("CI") == "true",
    print_blob=True,
    suppress_health_check=list(HealthCheck),
)


def examples(number: int) -> settings:
    """That many stories."""
    return settings(SIMULATION, max_examples=number)
