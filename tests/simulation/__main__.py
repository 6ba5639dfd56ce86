"""`python -m tests.simulation`: what a year costs at each model of an endpoint.

Exit codes: 0, 2 for a wrong command line, 130 after Ctrl-C.
"""

import sys
from collections.abc import Sequence
from typing import Final

from tests.cluster.parser import Parser
from tests.simulation import document, figure
from tests.simulation.model import MODELS

FOOTER: Final = """\
tokens: lifetimes that ended within 365 days of 24 h tokens, or 365 lifetimes of shorter ones, by the operator. first,
later: requests from a token to its successor, errors included, for the first token and on average for all others.
expired s: seconds in which the Secret held an expired token, or none; unavoidable: those in which no request could have
brought a better one. burst: the most requests in 60 s. writes: of Secret and status. Beside it two simple clients: one
asks every hour, the other whenever two thirds of the last `expires_in` are over, 5 s at least; after an error both ask
again in 60 s."""


def main(arguments: Sequence[str] | None = None) -> int:
    """Prints the table."""
    parser = Parser(prog="python -m tests.simulation", description="What a year costs at each model of an endpoint.")
    parser.add_argument("--document", action="store_true", help="also write table and plots into operator/docs")
    chosen = parser.parse_args(arguments)
    try:
        table = figure.table(figure.rows())
        print(table)
        print()
        for name, (sentence, _) in MODELS.items():
            print(f"{name}: {sentence}")
        print(f"\n{FOOTER}")
        if chosen.document:
            document.write(table)
    except KeyboardInterrupt:
        print("interrupted", file=sys.stderr)
        return 130
    return 0


if __name__ == "__main__":
    sys.exit(main())
