"""Pinned packages from PyPI, separate from the project's."""

import hashlib
import sys
from pathlib import Path
from typing import Final

from tests.cluster import cache, pypi
from tests.cluster.toolchain import ToolError

LOCK: Final = Path(__file__).parent / "packages.lock"
ROOT: Final = Path(__file__).parents[2]


def command(module: str, *arguments: str) -> list[str]:
    """The command that runs this module from the folder `python` with the packages. Raises ToolError."""
    path = f"PYTHONPATH={_packages()}:{ROOT}"
    return ["env", path, sys.executable, "-P", "-m", f"tests.endpoints.python.{module}", *arguments]


def _packages() -> Path:
    # Some are compiled for one version of Python.
    key = hashlib.sha256(LOCK.read_bytes() + sys.version.encode()).hexdigest()[:16]
    what = "getting Authlib and Django OAuth Toolkit from PyPI, once"
    return cache.made(f"packages-{key}", what, "about 10 s", _get)


def _get(home: Path) -> None:
    try:
        pypi.unpack(LOCK, home)
    except pypi.PyPIError as error:
        raise ToolError(f"packages of {LOCK.name} can't be fetched: {error}") from error
