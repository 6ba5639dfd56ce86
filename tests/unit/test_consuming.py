"""The programs of operator/docs/consuming.md, held against those that run in pods."""

import re
from pathlib import Path

from tests.unit.document import broken_links

ROOT = Path(__file__).parents[2]
PAGE = ROOT / "operator" / "docs" / "consuming.md"
SOURCES = ROOT / "tests" / "node" / "consumers"


def test_programs() -> None:
    """The page shows every program, whole and as it is tested, and no other."""
    shown = re.findall(r"^```(?!yaml)\w+\n(.*?)^```", PAGE.read_text(), re.MULTILINE | re.DOTALL)
    assert sorted(shown) == sorted(source.read_text() for source in SOURCES.iterdir() if source.is_file())


def test_links() -> None:
    """Every link leads to a file that is there, and to a heading of it."""
    assert not broken_links(PAGE)
