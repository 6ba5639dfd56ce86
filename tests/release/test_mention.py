"""The version and the address have one place, and every repetition matches it."""

import re
import shutil
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from tests.release import changelog, mention, project
from tests.release.fault import ReleaseError
from tests.release.project import ROOT, Project


def test_every_mention_agrees() -> None:
    """In the Dockerfile, the chart, the documents and the workflows."""
    assert mention.disagreements(ROOT, project.read()) == []


def _replace(file: str, pattern: str, new: str) -> Callable[[Path], None]:
    def change(tree: Path) -> None:
        text, count = re.subn(pattern, new, (tree / file).read_text(), count=1, flags=re.MULTILINE)
        assert count == 1
        (tree / file).write_text(text)

    return change


def _write(file: str, text: str) -> Callable[[Path], None]:
    def change(tree: Path) -> None:
        with (tree / file).open("a") as opened:
            opened.write(text)

    return change


CHANGES = {
    "charts/integration-token-operator/Chart.yaml": _replace(
        "charts/integration-token-operator/Chart.yaml", "^appVersion: .*", "appVersion: 9.9.9"
    ),
    "Dockerfile": _replace("Dockerfile", r'image\.version="[^"]*"', 'image.version="9.9.9"'),
    "README.md: names version 9.9.9": _write("README.md", "docker build -t integration-token-operator:9.9.9 .\n"),
    "operator/docs/page.md: names version 9.9.9": _write(
        "operator/docs/page.md", "- name: integration-token-operator\n  version: 9.9.9\n"
    ),
    "README.md: names the address": _write("README.md", "https://github.com/somebody/integration-token-operator\n"),
}


@pytest.mark.parametrize("message", CHANGES)
def test_another_mention_is_found(message: str, tmp_path: Path) -> None:
    """The line says where it is."""
    for place in ("charts", "operator/docs", ".github"):
        shutil.copytree(ROOT / place, tmp_path / place)
    for file in ("Dockerfile", "README.md", "pyproject.toml"):
        shutil.copy(ROOT / file, tmp_path / file)
    CHANGES[message](tmp_path)
    found = mention.disagreements(tmp_path, project.read(tmp_path))
    assert found
    assert all(line.startswith(message) for line in found)


@pytest.mark.parametrize(
    ("version", "semantic", "prerelease"),
    [("0.1.0", "0.1.0", False), ("0.2.0rc1", "0.2.0-rc.1", True), ("1.0.0b2", "1.0.0-beta.2", True)],
)
def test_versions_in_two_forms(version: str, semantic: str, prerelease: bool) -> None:
    """Python and Helm write pre-release versions differently."""
    found = replace(project.read(), version=version)
    assert (found.semantic_version, found.prerelease) == (semantic, prerelease)


def test_a_version_that_helm_has_no_form_for() -> None:
    """It is refused, with the allowed forms."""
    with pytest.raises(ReleaseError, match=r"version 1\.0 is not X\.Y\.Z"):
        _ = Project("operator", "1.0", "https://example.com").semantic_version


def test_the_newest_section(tmp_path: Path) -> None:
    """An entry is one line, and links become their text."""
    entries = "- One\n  [more](page.md#here).\n- Two.\n"
    text = f"# Changelog\n\n## 0.2.0 - 2026-01-02\n\nWords.\n\n{entries}\n## 0.1.0\n\n- Old.\n"
    (tmp_path / "CHANGELOG.md").write_text(text)
    section = changelog.Section("0.2.0 - 2026-01-02", ("One more.", "Two."), f"\nWords.\n\n{entries}\n")
    assert changelog.newest(tmp_path) == section


@pytest.mark.parametrize("text", ["# Changelog\n", "# Changelog\n\n## 0.2.0\n\nNothing.\n"])
def test_a_changelog_without_changes(text: str, tmp_path: Path) -> None:
    """There is nothing to release."""
    (tmp_path / "CHANGELOG.md").write_text(text)
    with pytest.raises(ReleaseError, match=r"CHANGELOG\.md"):
        changelog.newest(tmp_path)
