"""The programs of operator/docs/consuming.md, held against those that run in pods."""

import re
from pathlib import Path

ROOT = Path(__file__).parents[2]
PAGE = (ROOT / "operator" / "docs" / "consuming.md").read_text()
SOURCES = ROOT / "tests" / "node" / "consumers"


def test_programs() -> None:
    """The page shows every program, whole and as it is tested, and no other."""
    shown = re.findall(r"^```(?!yaml)\w+\n(.*?)^```", PAGE, re.MULTILINE | re.DOTALL)
    assert sorted(shown) == sorted(source.read_text() for source in SOURCES.iterdir() if source.is_file())


def test_links() -> None:
    """Every link leads to a file that is there."""
    targets = [link.partition("#")[0] for link in re.findall(r"\]\(([^)]+)\)", PAGE)]
    assert targets
    assert all((ROOT / "operator" / "docs" / target).resolve().is_file() for target in targets)
