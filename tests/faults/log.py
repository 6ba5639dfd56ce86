"""What no operator's log may contain."""

import random
import re
from collections.abc import Iterable
from pathlib import Path
from typing import Final

from tests.apiserver.canary import Canary
from tests.apiserver.ledger import Ledger

NOISE: Final = re.compile(r"Traceback|Unhandled|never retrieved|was never awaited|ERROR +asyncio")
"""Signs of unexpected exceptions."""

SAMPLE: Final = 500
"""How many tokens are searched for: all forms and pieces of many thousands would not fit into memory.

Code that logs tokens logs all of them.
"""


def noise(logs: Iterable[Path]) -> list[str]:
    """The lines that show unexpected exceptions."""
    found = []
    for log in logs:
        with log.open(errors="replace") as lines:
            found += [f"{log.name}: {line.strip()}" for line in lines if NOISE.search(line)]
    return found


def leaks(ledger: Ledger) -> list[str]:
    """Where a client secret, or a piece of one of its forms or of a token's, appears in a log."""
    tokens = sorted(ledger.tokens())
    sample = random.Random(0).sample(tokens, min(SAMPLE, len(tokens)))  # noqa: S311  # of what is looked for
    canary = Canary({*ledger.secrets, *sample})
    return canary.leaks({log.name: log.read_text(errors="replace") for log in ledger.logs})
