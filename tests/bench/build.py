"""Runnable operators: the tree's in place, and the ones to compare.

The latter, a commit's and the tree's, each with the packages in its own lock file, are built in the same way and run by
the same Python, so that only the commits differ.
"""

import hashlib
import shutil
import subprocess
import sys
import tarfile
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from tests.bench.row import BenchError
from tests.cluster import cache
from tests.cluster.progress import step

ROOT: Final = Path(__file__).parents[2]
CHART: Final = Path("charts", "integration-token-operator")
LOCK: Final = "requirements.lock"
MODULE: Final = "integration_token"

_IMPORT_ALL: Final = f"""\
import pkgutil, {MODULE} as operator
for module in pkgutil.walk_packages(operator.__path__, operator.__name__ + "."):
    __import__(module.name)
"""
"""Modules have other names in other commits, so it imports all: then bytecode exists, and files are cached."""


@dataclass(frozen=True, slots=True)
class Build:
    """A runnable operator, and what its control plane has installed."""

    name: str
    """For people."""
    python: Path
    """Of an environment with the packages that it needs."""
    modules: Path
    """The directory of its own modules, for PYTHONPATH."""
    chart: Path

    def warm_up(self) -> None:
        """Makes the first start as fast as later ones. Raises BenchError if it can't be imported."""
        _call([str(self.python), "-c", _IMPORT_ALL], {"PYTHONPATH": str(self.modules)})


IN_PLACE: Final = Build("the tree", Path(sys.executable), ROOT / "operator", ROOT / CHART)
"""The unchanged tree's, with the packages in the bench's own environment."""


def resolve(commit: str, root: Path = ROOT) -> str:
    """The full hash of a commit, by any name that Git knows. Raises BenchError, in one line, for others."""
    if shutil.which("git") is None:
        raise BenchError("missing: git; install with: apt-get install git")
    found = subprocess.run(
        ["git", "-C", str(root), "rev-parse", "--verify", "--quiet", "--end-of-options", f"{commit}^{{commit}}"],
        capture_output=True,
        text=True,
        check=False,
    )
    if found.returncode:
        raise BenchError(f"unknown commit: {commit}")
    return found.stdout.strip()


def of_commit(commit: str) -> Build:
    """That of a commit with this full hash; kept outside the tree, so that it is built once."""

    def make(home: Path) -> None:
        source = home / "source"
        source.mkdir(parents=True)
        with tempfile.NamedTemporaryFile(suffix=".tar") as archive:
            _call(["git", "-C", str(ROOT), "archive", f"--output={archive.name}", commit])
            with tarfile.open(archive.name) as packed:
                packed.extractall(source, filter="data")
        _install(source, home / "modules")

    home = cache.made(f"commit-{commit}", f"building the operator of {commit[:7]}, once", "about 10 s", make)
    source = home / "source"
    return Build(commit[:7], _environment(source / LOCK), home / "modules", source / CHART)


@contextmanager
def of_tree() -> Iterator[Build]:
    """That of the current tree, including uncommitted changes."""
    with tempfile.TemporaryDirectory() as directory:
        modules = Path(directory)
        with step("building the tree's operator", "about 10 s"):
            _install(ROOT, modules)
        yield Build("ours", _environment(ROOT / LOCK), modules, ROOT / CHART)


def _environment(lock: Path) -> Path:
    """A Python with the packages in a lock file."""
    key = hashlib.sha256(lock.read_bytes() + sys.version.encode()).hexdigest()[:16]

    def make(home: Path) -> None:
        _call([sys.executable, "-m", "venv", "--without-pip", str(home)])
        python = home / "bin" / "python"
        _call(["-m", "pip", "--python", str(python), *_pip(), "--require-hashes", f"--requirement={lock}"])

    what = "installing the lock file's packages for a comparison, once"
    return cache.made(f"operator-{key}", what, "about 1 min", make) / "bin" / "python"


def _install(source: Path, modules: Path) -> None:
    """The operator's wheel, built by this environment, and unpacked."""
    with tempfile.TemporaryDirectory() as wheels:
        wheel = ["wheel", "--quiet", "--disable-pip-version-check", "--no-deps", "--no-build-isolation", "--no-index"]
        _call(["-m", "pip", *wheel, f"--wheel-dir={wheels}", str(source)])
        (built,) = Path(wheels).glob("*.whl")
        _call(["-m", "pip", *_pip(), "--no-index", f"--target={modules}", str(built)])


def _pip() -> list[str]:
    return ["install", "--quiet", "--disable-pip-version-check", "--no-deps", "--only-binary=:all:"]


def _call(command: list[str], environment: dict[str, str] | None = None) -> None:
    """Runs a command, or Python with these arguments. Raises BenchError with the end of its output."""
    if command[0].startswith("-"):
        command = [sys.executable, *command]
    answer = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
    if answer.returncode:
        said = (answer.stderr.strip() or answer.stdout.strip()).splitlines()[-5:]
        raise BenchError(f"{' '.join(command[:4])} ended with {answer.returncode}: {' '.join(said)}")
