"""`python -m tests.gitops`: builds these tests' programs. Exit codes: 0, or 2 if they can't be built."""

import sys

from tests.cluster.toolchain import ToolError
from tests.gitops import program


def main() -> int:
    """Builds both, once."""
    try:
        program.waiter()
        program.lua()
    except ToolError as error:
        print(f"error: {error}", file=sys.stderr)
        return 2
    return 0


if __name__ == "__main__":
    sys.exit(main())
