"""The contributing page only names existing files, tests and names."""

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
PAGE = (ROOT / "operator" / "docs" / "contributing.md").read_text()
NEW = {"operator/integration_token/oauth/authentication/client_secret_header.py"}
"""What its examples add."""
BASES = (ROOT, ROOT / "operator" / "integration_token", ROOT / "charts" / "integration-token-operator", ROOT / "tests")
QUOTED = [text for line in PAGE.split("```")[::2] for text in re.findall(r"`([^`\n]+)`", line)]


@pytest.mark.parametrize(
    "path", sorted({text for text in QUOTED if re.fullmatch(r"[\w./-]+\.(py|tpl|yaml|json|md)", text)} - NEW)
)
def test_a_file_exists(path: str) -> None:
    """Relative to the root, the operator's package, the chart or the tests."""
    assert any((base / path).exists() or list(base.glob(f"*/{path}")) for base in BASES)


@pytest.mark.parametrize(
    "folder", re.findall(r"^\| (`[\w`, ]+`) \|", PAGE.partition("## The tests")[2].partition("\n## ")[0], re.MULTILINE)
)
def test_a_folder_of_tests_exists(folder: str) -> None:
    """Each one in the first column."""
    assert all((ROOT / "tests" / name).is_dir() for name in re.findall(r"\w+", folder))


def test_every_folder_of_tests_is_explained() -> None:
    """Except for the demo, the harness and the site's own."""
    table = PAGE.partition("## The tests")[2].partition("\n## ")[0]
    folders = {path.name for path in (ROOT / "tests").iterdir() if (path / "__init__.py").exists()}
    assert folders - set(re.findall(r"`(\w+)`", table)) <= {"cluster", "demo", "release", "site"}


@pytest.mark.parametrize(
    "name", sorted({text for text in QUOTED if re.fullmatch(r"test_\w+|_[A-Z_]+|[A-Z_]{5,}", text)})
)
def test_a_name_exists(name: str) -> None:
    """A test, a table or a constant."""
    files = [*(ROOT / "operator" / "integration_token").rglob("*.py"), *(ROOT / "tests" / "unit").glob("*.py")]
    assert any(re.search(rf"\b{name}\b", path.read_text()) for path in files if path != Path(__file__))


def test_every_target_of_make_exists() -> None:
    """The pages don't name a removed command."""
    targets = set(re.findall(r"^([a-z-]+):", (ROOT / "Makefile").read_text(), re.MULTILINE))
    named = {name for text in QUOTED if text.startswith("make ") for name in text.split()[1:]}
    assert named <= targets
