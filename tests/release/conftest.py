"""One release of the current tree, signed with a temporary key. It has no image: tests/node builds that."""

import subprocess
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.cluster import tool
from tests.release.build import NO_IMAGE, Order, build
from tests.release.project import ROOT


@dataclass(frozen=True, slots=True)
class Key:
    """A pair of files."""

    private: str
    public: str


def make_key(directory: Path) -> Key:
    """A new pair without a password."""
    command = [str(tool.find("cosign")), "generate-key-pair"]
    subprocess.run(command, cwd=directory, env={"COSIGN_PASSWORD": ""}, capture_output=True, check=True)
    return Key(str(directory / "cosign.key"), str(directory / "cosign.pub"))


def tree_as_commit() -> str:
    """The last commit, or an unreferenced one that includes later changes."""
    author = ["-c", "user.name=test", "-c", "user.email=test@example.com"]
    command = ["git", "-C", str(ROOT), *author, "stash", "create"]
    return subprocess.run(command, capture_output=True, text=True, check=True).stdout.strip() or "HEAD"


@pytest.fixture(scope="session")
def key(tmp_path_factory: pytest.TempPathFactory) -> Key:
    """The key of the release."""
    return make_key(tmp_path_factory.mktemp("key"))


@pytest.fixture(scope="session")
def commit() -> str:
    """The commit of the release."""
    return tree_as_commit()


@pytest.fixture(scope="session")
def released(tmp_path_factory: pytest.TempPathFactory, key: Key, commit: str) -> Path:
    """Its directory. Tests that change it take a copy."""
    directory = tmp_path_factory.mktemp("released") / "dist"
    image = "registry.example.com/team/integration-token-operator"
    build(Order(directory, commit, key=key.private, architectures=[NO_IMAGE], image=image))
    return directory
