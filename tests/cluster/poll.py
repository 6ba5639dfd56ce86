"""Waiting for a condition instead of a fixed time: as fast as the machine is, with a reason if it never comes."""

import time
from collections.abc import Callable
from typing import TypeVar

T = TypeVar("T")

INTERVAL = 0.05
"""Seconds between two checks: people don't notice the delay, and 20 checks a second cost hardly any CPU."""


def poll(condition: Callable[[], T], what: str, seconds: float = 30) -> T:
    """The first truthy result of `condition`, or a TimeoutError that says `what` it waited for."""
    deadline = time.monotonic() + seconds
    while True:
        if answer := condition():
            return answer
        if time.monotonic() > deadline:
            raise TimeoutError(f"timed out after {seconds:.0f} s waiting for {what}")
        time.sleep(INTERVAL)
