"""The operator with a CPU sampler: run in place of `integration_token`, otherwise unchanged.

On SIGUSR1 it prints the number of samples by purpose, as a line of JSON. It takes a sample every 5 ms of CPU time. The
event loop's work in C is attributed to what it calls next, so its own share is a lower bound.
"""

import json
import signal
import sys
from collections import Counter
from types import FrameType
from typing import Final

INTERVAL: Final = 0.005
"""Seconds of CPU time."""

PURPOSES: Final = (
    ("imports at the start", "importlib._bootstrap", ""),
    ("kopf: the watch of our kinds", "/kopf/", ""),
    ("token requests: httpx", "/oauth/client.py", ""),
    ("API: credentials read", "/controller/references.py", "read_credentials"),
    ("API: target read", "/controller/target.py", "_owned"),
    ("API: target written", "/controller/target.py", "_write"),
    ("API: status written", "/gateway.py", "patch_status"),
    ("API: events posted", "/cluster/event.py", "run"),
    ("the watch of Secrets", "/cluster/secret.py", ""),
    ("logs", "/logs.py", ""),
    ("decisions, and everything else in the operator", "/integration_token/", ""),
    ("API: answers received", "/aiohttp/", ""),
)
"""Purposes, with a file and a function in the stacks that serve them: the first match counts."""
REST: Final = "event loop, and everything else"

samples: Counter[str] = Counter()


def purpose(stack: list[tuple[str, str]]) -> str:
    """The purpose of a stack of files and functions."""
    for name, file, function in PURPOSES:
        if any(file in where and function in {"", what} for where, what in stack):
            return name
    return REST


def _sample(_: int, frame: FrameType | None) -> None:
    stack = []
    while frame is not None:
        stack.append((frame.f_code.co_filename, frame.f_code.co_name))
        frame = frame.f_back
    # The command itself is at the bottom of every stack.
    samples[purpose([place for place in stack if not place[0].endswith("__main__.py")])] += 1


def _tell(_: int, __: FrameType | None) -> None:
    print(json.dumps(samples), flush=True)


if __name__ == "__main__":
    signal.signal(signal.SIGPROF, _sample)
    signal.signal(signal.SIGUSR1, _tell)
    signal.setitimer(signal.ITIMER_PROF, INTERVAL, INTERVAL)
    from integration_token.__main__ import main

    code = main()
    signal.setitimer(signal.ITIMER_PROF, 0)  # a sample while Python ends would kill it
    sys.exit(code)
