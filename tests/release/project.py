"""What the project says about itself. pyproject.toml is the only place of its version and address."""

import re
import tomllib
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from tests.release.fault import ReleaseError

ROOT: Final = Path(__file__).parents[2]

_VERSION: Final = re.compile(r"(\d+\.\d+\.\d+)(?:(a|b|rc)(\d+))?")
_STAGES: Final = {"a": "alpha", "b": "beta", "rc": "rc"}


@dataclass(frozen=True, slots=True)
class Project:
    """The project in one tree."""

    name: str
    version: str
    """In Python's form: 0.2.0 or 0.2.0rc1."""
    address: str
    """The repository's, without a trailing slash."""

    @property
    def semantic_version(self) -> str:
        """In the form of Helm and image tags: 0.2.0 or 0.2.0-rc.1. Raises ReleaseError."""
        return semantic(self.version)

    @property
    def prerelease(self) -> bool:
        """Whether the version is a pre-release."""
        return "-" in self.semantic_version

    @property
    def module(self) -> str:
        """The name as in wheels."""
        return self.name.replace("-", "_")


def semantic(version: str) -> str:
    """A Python version in Helm's form. Raises ReleaseError."""
    match = _VERSION.fullmatch(version)
    if match is None:
        raise ReleaseError(f"version {version} is not X.Y.Z, X.Y.ZaN, X.Y.ZbN or X.Y.ZrcN")
    release, stage, number = match.groups()
    return f"{release}-{_STAGES[stage]}.{number}" if stage else release


def read(tree: Path = ROOT) -> Project:
    """The project in a tree."""
    project = tomllib.loads((tree / "pyproject.toml").read_text())["project"]
    return Project(project["name"], project["version"], project["urls"]["Repository"])
