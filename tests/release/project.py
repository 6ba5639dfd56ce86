"""What the project says of itself. pyproject.toml is the one place of its version and its address."""

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
    """The project as one tree has it."""

    name: str
    version: str
    """As Python writes it: 0.2.0 or 0.2.0rc1."""
    address: str
    """Of the repository, without a slash at the end."""

    @property
    def semantic_version(self) -> str:
        """As Helm and image tags write it: 0.2.0 or 0.2.0-rc.1. Raises ReleaseError."""
        return semantic(self.version)

    @property
    def prerelease(self) -> bool:
        """Whether the version says that it is one."""
        return "-" in self.semantic_version

    @property
    def module(self) -> str:
        """The name as wheels have it."""
        return self.name.replace("-", "_")


def semantic(version: str) -> str:
    """A version of Python's as Helm writes it. Raises ReleaseError."""
    match = _VERSION.fullmatch(version)
    if match is None:
        raise ReleaseError(f"version {version} is not X.Y.Z, X.Y.ZaN, X.Y.ZbN or X.Y.ZrcN")
    release, stage, number = match.groups()
    return f"{release}-{_STAGES[stage]}.{number}" if stage else release


def read(tree: Path = ROOT) -> Project:
    """The project of a tree."""
    project = tomllib.loads((tree / "pyproject.toml").read_text())["project"]
    return Project(project["name"], project["version"], project["urls"]["Repository"])
