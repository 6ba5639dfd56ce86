"""The commit that a release is built from: nothing uncommitted gets into it."""

import io
import subprocess
import tarfile
from dataclasses import dataclass
from pathlib import Path

from tests.release.fault import ReleaseError
from tests.release.project import ROOT


@dataclass(frozen=True, slots=True)
class Commit:
    """One commit of this repository."""

    digest: str
    time: int
    """Seconds since 1970: SOURCE_DATE_EPOCH, the time of every file in the release instead of its build time."""

    def export(self, directory: Path) -> None:
        """Writes its tree into an existing directory. Files get the commit's time."""
        archive = subprocess.run(
            ["git", "-C", str(ROOT), "archive", self.digest], capture_output=True, check=True
        ).stdout
        with tarfile.open(fileobj=io.BytesIO(archive)) as tar:
            tar.extractall(directory, filter="data")


def find(name: str) -> Commit:
    """The commit with that name. Raises ReleaseError."""
    try:
        digest = _git("rev-parse", "--verify", "--quiet", "--end-of-options", f"{name}^{{commit}}")
        return Commit(digest, int(_git("log", "-1", "--format=%ct", digest)))
    except subprocess.CalledProcessError:
        raise ReleaseError(f"COMMIT={name}: there is no such commit") from None


def tagged(tag: str) -> Commit:
    """The commit of a tag. Raises ReleaseError."""
    try:
        return find(f"refs/tags/{tag}")
    except ReleaseError:
        raise ReleaseError(f"TAG={tag}: there is no such tag") from None


def dirty() -> bool:
    """Whether tracked files in the work tree have uncommitted changes."""
    return bool(_git("status", "--porcelain", "--untracked-files=no"))


def _git(*arguments: str) -> str:
    command = ["git", "-C", str(ROOT), *arguments]
    return subprocess.run(command, capture_output=True, text=True, check=True).stdout.strip()
