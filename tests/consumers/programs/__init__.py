"""The programs, each a class of its own."""

from typing import Final

from tests.consumers.program import Program
from tests.consumers.programs.curl import Curl
from tests.consumers.programs.snippet import HTTPX, Node, Requests

PROGRAMS: Final[tuple[type[Program], ...]] = (Curl, HTTPX, Requests, Node)

QUICK_ONES: Final[tuple[type[Program], ...]] = (Curl, HTTPX, Requests, Node)
"""Those of `make test`: none has to be built."""
