"""Lines that say what a long step is doing, on stderr: stdout is kept for what a command answers."""

import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager


def say(line: str) -> None:
    """Print one line of progress."""
    print(f"==> {line}", file=sys.stderr, flush=True)


@contextmanager
def step(what: str, usual: str) -> Iterator[None]:
    """Announce a step with the time it usually takes, and how long it took when it is done."""
    say(f"{what} ({usual})")
    start = time.monotonic()
    yield
    say(f"done in {time.monotonic() - start:.0f} s")
