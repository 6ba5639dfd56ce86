"""The programs of operator/docs/consuming.md and the settings of programs.md, held against those that are run."""

import re
from pathlib import Path

import pytest

from tests.consumers import controller
from tests.consumers.program import Program
from tests.consumers.programs import PROGRAMS
from tests.consumers.programs.curl import Curl
from tests.consumers.programs.snippet import HTTPX, Go, Java, Node, Requests
from tests.unit.document import broken_links

ROOT = Path(__file__).parents[2]
DOCUMENTS = ROOT / "operator" / "docs"
PAGE = DOCUMENTS / "consuming.md"
SETTINGS_PAGE = DOCUMENTS / "programs.md"
SOURCES = ROOT / "tests" / "node" / "consumers"
SETTINGS = [kind for kind in PROGRAMS if kind is not Curl]
SNIPPETS = (HTTPX, Requests, Node, Go, Java)
LONGEST = 15
"""Lines of a snippet."""


def test_programs() -> None:
    """The page shows every program, whole and as it is tested, and else what others have as their setting."""
    shown = set(_blocks(PAGE, r"(?!yaml)\w+")) - {kind.setting for kind in SETTINGS}
    assert shown == {source.read_text() for source in SOURCES.iterdir() if source.is_file()}


@pytest.mark.parametrize("kind", SETTINGS, ids=lambda kind: kind.name)
def test_settings(kind: type[Program]) -> None:
    """The page shows each setting as it is run, and what it needs of the template."""
    shown = _blocks(PAGE if kind in SNIPPETS else SETTINGS_PAGE, r"\w+")
    assert {kind.setting, *kind.beside} <= set(shown)
    assert all(f"{key}: '{value}'" in SETTINGS_PAGE.read_text() for key, value in kind.template.items())


def test_setting_of_the_controller() -> None:
    """So is that of the controller."""
    assert f"`{controller.SETTING}`" in SETTINGS_PAGE.read_text()


@pytest.mark.parametrize("kind", SNIPPETS, ids=lambda kind: kind.name)
def test_snippets(kind: type[Program]) -> None:
    """What is to be copied is short."""
    assert len(kind.setting.splitlines()) <= LONGEST


def _blocks(page: Path, language: str) -> list[str]:
    return re.findall(rf"^```{language}\n(.*?)^```", page.read_text(), re.MULTILINE | re.DOTALL)


def test_links() -> None:
    """Every link leads to a file that is there, and to a heading of it."""
    assert not broken_links(PAGE)
