"""The programs in operator/docs/consuming.md and the settings in programs.md are the ones that are tested."""

import re
from pathlib import Path

import pytest

from tests.consumers.controller import Controller
from tests.consumers.controllers import CONTROLLERS
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
"""Maximum lines of a snippet."""


def test_programs() -> None:
    """Each program appears in full as tested; where programs have a setting instead, the page shows that."""
    shown = set(_blocks(PAGE, r"(?!yaml)\w+")) - {kind.setting for kind in SETTINGS}
    assert shown == {source.read_text() for source in SOURCES.iterdir() if source.is_file()}


@pytest.mark.parametrize("kind", SETTINGS, ids=lambda kind: kind.name)
def test_settings(kind: type[Program]) -> None:
    """Each setting appears as tested, along with what it needs in the template."""
    shown = _blocks(PAGE if kind in SNIPPETS else SETTINGS_PAGE, r"\w+")
    assert {kind.setting, *kind.beside} <= set(shown)
    assert all(f"{key}: '{value}'" in SETTINGS_PAGE.read_text() for key, value in kind.template.items())


@pytest.mark.parametrize("kind", CONTROLLERS, ids=lambda kind: kind.name)
def test_settings_of_controllers(kind: type[Controller]) -> None:
    """The same holds for each controller's setting, whether on one line or several."""
    shown = {*_blocks(SETTINGS_PAGE, "yaml"), *re.findall(r"`([^`\n]+)`", SETTINGS_PAGE.read_text())}
    assert kind.setting in shown


@pytest.mark.parametrize("kind", SNIPPETS, ids=lambda kind: kind.name)
def test_snippets(kind: type[Program]) -> None:
    """A snippet to copy is short."""
    assert len(kind.setting.splitlines()) <= LONGEST


def _blocks(page: Path, language: str) -> list[str]:
    return re.findall(rf"^```{language}\n(.*?)^```", page.read_text(), re.MULTILINE | re.DOTALL)


def test_links() -> None:
    """Every link leads to an existing file and heading."""
    assert not broken_links(PAGE)
