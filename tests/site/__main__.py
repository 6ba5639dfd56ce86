"""`make docs`: builds the site into dist/site; fails with a list of problems in the documents."""

import shutil
import sys
from typing import Final

from tests.site.build import build
from tests.site.pages import ROOT

SITE: Final = ROOT / "dist" / "site"


def main() -> int:
    """Returns the exit code."""
    shutil.rmtree(SITE, ignore_errors=True)
    SITE.mkdir(parents=True)
    if wrong := build(SITE):
        print(*wrong, sep="\n", file=sys.stderr)
        return 1
    print(SITE / "index.html")
    return 0


if __name__ == "__main__":
    sys.exit(main())
