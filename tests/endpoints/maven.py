"""Pinned files from Maven Central, fetched the way this machine's Maven is configured."""

import hashlib
import shutil
import subprocess
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from tests.cluster import debian
from tests.cluster.toolchain import ToolError

_COPY: Final = "org.apache.maven.plugins:maven-dependency-plugin:3.8.1:copy"
TAIL: Final = 5
"""Lines of Maven's output that an error shows."""


@dataclass(frozen=True, slots=True)
class Artifact:
    """One file by its Maven coordinates, with its hash."""

    group: str
    name: str
    version: str
    packaging: str
    sha256: str

    @property
    def file(self) -> str:
        return f"{self.name}-{self.version}.{self.packaging}"


def fetch(artifact: Artifact, directory: Path) -> Path:
    """Puts the file into the directory, and nothing else. Raises ToolError."""
    repository = directory / "repository"
    coordinates = f"{artifact.group}:{artifact.name}:{artifact.version}:{artifact.packaging}"
    run("--quiet", _COPY, f"-Dartifact={coordinates}", f"-DoutputDirectory={directory}", repository=repository)
    shutil.rmtree(repository)
    file = directory / artifact.file
    with file.open("rb") as content:
        found = hashlib.file_digest(content, "sha256").hexdigest()
    if found != artifact.sha256:
        raise ToolError(f"{coordinates} isn't what is pinned: its SHA-256 is {found}")
    return file


def run(*arguments: str, repository: Path, directory: Path | None = None) -> None:
    """Runs Maven in that directory, with that repository as its cache. Raises ToolError."""
    if missing := debian.absent(debian.ENDPOINTS):
        raise ToolError(debian.shortage(missing))
    command = ["mvn", "--batch-mode", f"-Dmaven.repo.local={repository}", *arguments]
    answer = subprocess.run(command, cwd=directory, capture_output=True, text=True, check=False)
    if answer.returncode:
        said = [line for line in answer.stdout.splitlines() if line.startswith("[ERROR]")]
        raise ToolError("\n".join([f"mvn ended with {answer.returncode}:", *said[:TAIL]]))
