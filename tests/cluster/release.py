"""Debian's release that has the image's Python: the base of the image in the tests, and where the suites run on it."""

import re
import subprocess
from pathlib import Path
from typing import Final

from tests.cluster import cache, debian
from tests.cluster.progress import step
from tests.cluster.toolchain import ToolError

DOCKERFILE: Final = Path(__file__).parents[2] / "Dockerfile"

PACKAGES: Final = ("python3", "python3-venv", "ca-certificates")
"""What the Dockerfile asks of its base."""

SUITES: Final = {(3, 13): "trixie"}
"""Releases by their Python's minor version, of which each has one."""

_BASE = re.compile(r"^ARG BASE=python:(\d+)\.(\d+)\b", re.MULTILINE)


def python() -> tuple[int, int]:
    """The minor version of the Python that the image has."""
    found = _BASE.search(DOCKERFILE.read_text())
    if found is None:
        raise ToolError(
            f"{DOCKERFILE.name} names no base by a minor version of Python: its ARG BASE=python:X.Y is missing"
        )
    return int(found[1]), int(found[2])


def suite() -> str:
    """The release's name. Raises ToolError where Debian has none with that Python."""
    wanted = python()
    if wanted not in SUITES:
        text = ".".join(map(str, wanted))
        raise ToolError(
            f"no release of Debian with Python {text} is known: add it to SUITES in tests/cluster/release.py"
        )
    return SUITES[wanted]


def archive(architecture: str = "") -> Path:
    """As little of the release as runs Python, as a tar file; made once. Raises ToolError.

    :param architecture: another than this machine's, which then must be able to run its programs.
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
    """Run a command; ToolError, with the last of what it said, where it fails."""
    answer = subprocess.run(command, stdin=subprocess.DEVNULL, capture_output=True, text=True, check=False)
    if answer.returncode:
        said = "\n".join((answer.stdout + answer.stderr).splitlines()[-30:])
        raise ToolError(f"{' '.join(command)} ended with {answer.returncode}:\n{said}")
