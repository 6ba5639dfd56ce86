"""Where the project's version and address are repeated: each mention must match pyproject.toml."""

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Final

from tests.release.project import Project

CHART: Final = Path("charts/integration-token-operator")

_NUMBER: Final = r"v?(\d+\.\d+\.\d+(?:-(?:alpha|beta|rc)\.\d+)?)"
_NAME: Final = "integration-token-operator"
_VERSIONS: Final = {
    "Dockerfile": (rf'image\.version="{_NUMBER}"',),
    str(CHART / "Chart.yaml"): (rf"^version: {_NUMBER}$", rf"^appVersion: {_NUMBER}$"),
}
"""Files that must name the version, once for each pattern."""
_ANYWHERE: Final = (
    rf"{_NAME}[:-]{_NUMBER}",
    rf"name: {_NAME}\n\s+version: {_NUMBER}",
    rf"{_NAME} --version {_NUMBER}",
)
"""How a text names it: an image, a release file, a chart dependency, an installation."""
_PYTHON: Final = r"integration_token_operator-(\d+\.\d+\.\d+(?:(?:a|b|rc)\d+)?)"
"""How it names a Python package."""
_ADDRESS: Final = re.compile(r"https://[\w.]+/[\w-]+/integration-token-operator(?![\w-])")
_TEXTS: Final = ("*.md", "*.py", "*.yaml", "*.yml", "*.toml", "*.txt", "*.json", "Dockerfile")
_PLACES: Final = (".", ".github", "charts", "operator/docs")
_HISTORY: Final = ("CHANGELOG.md",)
"""Files that name old versions on purpose."""


def disagreements(tree: Path, project: Project) -> list[str]:
    """A line for each mention of another version or address, and for each missing one."""
    return [*_versions(tree, project), *_addresses(tree, project)]


def _versions(tree: Path, project: Project) -> Iterator[str]:
    wanted = project.semantic_version
    for name, patterns in _VERSIONS.items():
        for pattern in patterns:
            found = re.findall(pattern, (tree / name).read_text(), re.MULTILINE)
            if found != [wanted]:
                yield f"{name}: has version {', '.join(found) or 'none'}, and pyproject.toml has {wanted}"
    forms = dict.fromkeys(_ANYWHERE, wanted) | {_PYTHON: project.version}
    for path, text in _texts(tree):
        for pattern, form in forms.items():
            for named in re.findall(pattern, text):
                if named != form:
                    yield f"{path}: names version {named}, and pyproject.toml has {form}"


def _addresses(tree: Path, project: Project) -> Iterator[str]:
    raw = project.address.replace("https://github.com/", "https://raw.githubusercontent.com/")
    for path, text in _texts(tree):
        for found in _ADDRESS.findall(text):
            if found not in {project.address, raw}:
                yield f"{path}: names the address {found}, and pyproject.toml has {project.address}"


def _texts(tree: Path) -> Iterator[tuple[Path, str]]:
    for place in _PLACES:
        for pattern in _TEXTS:
            found = (tree / place).glob(pattern) if place == "." else (tree / place).rglob(pattern)
            for path in sorted(found):
                if path.name not in _HISTORY:
                    yield path.relative_to(tree), path.read_text()
