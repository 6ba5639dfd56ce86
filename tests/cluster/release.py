"""The Debian release with the image's Python: the image's base in tests, and where the suites run with that Python."""

import re
import subprocess
from pathlib import Path
from typing import Final

from tests.cluster import cache, debian
from tests.cluster.progress import step
from tests.cluster.toolchain import ToolError

DOCKERFILE: Final = Path(__file__).parents[2] / "Dockerfile"

PACKAGES: Final = ("python3", "python3-venv", "ca-certificates")
"""The Python version that the Dockerfile requires of its base."""

SUITES: Final = {(3, 13): "trixie"}
"""Releases by their Python's minor version, of which each has one."""

_BASE = re.compile(r"^ARG BASE=python:(\d+)\.(\d+)\b", re.MULTILINE)


def python() -> tuple[int, int]:
    """The minor version of the image's Python."""
    found = _BASE.search(DOCKERFILE.read_text())
    if found is None:
        raise ToolError(f"{DOCKERFILE.name} has no ARG BASE=python:X.Y with a minor version of Python")
    return int(found[1]), int(found[2])


def suite() -> str:
    """The release's name. Raises ToolError if Debian has none with that Python."""
    wanted = python()
    if wanted not in SUITES:
        text = ".".join(map(str, wanted))
        raise ToolError(f"no Debian release with Python {text} is known: add it to SUITES in tests/cluster/release.py")
    return SUITES[wanted]


def archive(architecture: str = "") -> Path:
    """The minimal part of the release that runs Python, as a tar file; created once. Raises ToolError.

    :param architecture: if it isn't this machine's, which must be able to run its programs.
    """
    name = f"{suite()}-{architecture}" if architecture else suite()
    file = cache.root() / "release" / f"{name}.tar"
    with cache.lock(file.with_suffix(".lock")):
        if not file.exists():
            debian.require(("mmdebstrap",))
            with step(f"getting Debian {name} for Python {'.'.join(map(str, python()))}, once", "20 to 80 s"):
                draft = file.with_suffix(".draft.tar")
                packages = f"--include={','.join(PACKAGES)}"
                options = [f"--architectures={architecture}"] if architecture else []
                call("mmdebstrap", "--quiet", "--variant=minbase", *options, packages, suite(), str(draft))
                draft.rename(file)
    return file


def call(*command: str) -> None:
    """Runs a command; raises ToolError with the end of its output if it fails."""
    answer = subprocess.run(command, stdin=subprocess.DEVNULL, capture_output=True, text=True, check=False)
    if answer.returncode:
        said = "\n".join((answer.stdout + answer.stderr).splitlines()[-30:])
        raise ToolError(f"{' '.join(command)} ended with {answer.returncode}:\n{said}")
