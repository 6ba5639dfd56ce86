"""Waiting for a condition instead of for a time: as fast as the machine is, and with a reason when it never comes."""

import time
from collections.abc import Callable
from typing import TypeVar

T = TypeVar("T")

INTERVAL = 0.05
"""Seconds between two looks: below what a person notices, and 20 looks a second cost no CPU to speak of."""


def poll(condition: Callable[[], T], what: str, seconds: float = 30) -> T:
    """The first truthy answer of `condition`, or a TimeoutError that names `what` was waited for."""
    deadline = time.monotonic() + seconds
    while True:
        if answer := condition():
            return answer
        if time.monotonic() > deadline:
            raise TimeoutError(f"waited {seconds:.0f} s in vain for {what}")
        time.sleep(INTERVAL)
