"""The operator with each Python allocation attributed to its file: run in place of `integration_token`.

On SIGUSR1 it prints the bytes held by each file, as a line of JSON.
"""

import gc
import json
import signal
import sys
import tracemalloc
from types import FrameType


def _tell(_: int, __: FrameType | None) -> None:
    gc.collect()
    held = tracemalloc.take_snapshot().statistics("filename")
    print(json.dumps({each.traceback[0].filename: each.size for each in held}), flush=True)


if __name__ == "__main__":
    signal.signal(signal.SIGUSR1, _tell)
    tracemalloc.start()
    from integration_token.__main__ import main

    sys.exit(main())
