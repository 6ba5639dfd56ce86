"""Runs the image's Python, with this tree and the lock's packages: `python -m tests.cluster.shipped ARGUMENT…`.

The arguments are Python's. It is the Python from the Debian release that the image's tests are based on, in its own
root file system, but with this machine's network, processes, devices and temporary files. If the Python that runs this
has the same version or a newer one, it is used instead. Without root or Linux it is used too, with a message; in CI
that fails.

With `--besides` nothing runs if it would be this Python again.
"""

import hashlib
import json
import os
import shutil
import sys
import tempfile
import tomllib
from pathlib import Path
from typing import Final, NoReturn

from tests.cluster import cache, debian, enter, pip, release, tool
from tests.cluster.progress import say, step
from tests.cluster.toolchain import ToolError

ROOT: Final = Path(__file__).parents[2]
LOCK: Final = ROOT / "requirements-dev.lock"
PROJECT: Final = ROOT / "pyproject.toml"

SHARED: Final = ("/proc", "/dev", "/sys", "/etc/hosts", "/etc/resolv.conf")
"""This machine's directories that are visible, in addition to temporary files, the cache and the tree."""


def main(arguments: list[str]) -> int:
    """The exit code if nothing was run."""
    besides = arguments[:1] == ["--besides"]
    try:
        wanted = release.python()
        if sys.version_info[:2] < wanted:
            obstacle = _obstacle()
            if not obstacle:
                _run_shipped(arguments[besides:])
            said = f"not run on the image's Python {_text(wanted)} but on {_text(sys.version_info[:2])}: {obstacle}"
            if os.environ.get("CI") == "true":
                print(f"error: {said}", file=sys.stderr)
                return 2
            say(said)
    except ToolError as error:
        print(f"error: {error}", file=sys.stderr)
        return 2
    if not besides:
        os.execv(sys.executable, [sys.executable, *arguments])  # noqa: S606  # no shell is wanted
    return 0


def _obstacle() -> str:
    """Why the image's Python can't run here; empty if it can."""
    if sys.platform != "linux":
        return "that needs Linux"
    if os.geteuid() != 0:
        return "that needs root"
    try:
        debian.require(("mmdebstrap", "unshare"))
        release.call("unshare", "--mount", "true")
    except ToolError as error:
        return str(error)
    return ""


def _run_shipped(arguments: list[str]) -> NoReturn:
    root = _root()
    python = _environment(root)
    paths = (str(ROOT / "operator"), str(ROOT), os.environ.get("PYTHONPATH", ""))
    os.environ["PYTHONPATH"] = os.pathsep.join(filter(None, paths))
    os.environ["PATH"] = "/usr/local/bin:/usr/bin:/bin:/usr/local/sbin:/usr/sbin:/sbin"
    shared = [ROOT, Path(tempfile.gettempdir()), cache.root(), *map(Path, SHARED)]
    if assets := os.environ.get("KUBEBUILDER_ASSETS"):
        shared.append(Path(assets))
    command = _inside(root, {path: path for path in shared} | _programs(), [str(python), *arguments])
    os.execvp(command[0], command)  # noqa: S606  # no shell is wanted


def _inside(root: Path, mounts: dict[Path, Path], command: list[str]) -> list[str]:
    """A command line that runs the command in the root file system, where the keys appear at their values."""
    mounts = {outside: inside for outside, inside in mounts.items() if outside.exists()}
    # Outer ones first: they would hide what is inside them.
    ordered = sorted(mounts.items(), key=lambda mount: len(mount[1].parts))
    named = [f"{outside.resolve()}={inside}" for outside, inside in ordered]
    return ["unshare", "--mount", sys.executable, "-I", "-S", enter.__file__, str(root), *named, "--", *command]


def _programs() -> dict[Path, Path]:
    """The control plane's programs on this machine's PATH."""
    found = {name: shutil.which(name) for name in tool.TOOLS}
    return {Path(path): Path("/usr/local/bin") / name for name, path in found.items() if path}


def _root() -> Path:
    """The release's files, to which Python's packages are added."""
    archive = release.archive()
    root = archive.with_suffix("")
    with cache.lock(archive.with_suffix(".lock")):
        if not root.exists():
            with tempfile.TemporaryDirectory(dir=root.parent) as directory:
                draft = Path(directory) / "root"
                draft.mkdir()
                release.call("tar", "--extract", f"--file={archive}", f"--directory={draft}", "--exclude=./dev/*")
                draft.rename(root)
    return root


def _environment(root: Path) -> Path:
    """A Python, by its path in the root file system, that has the lock's packages and knows the project's version.

    The project's modules come from the tree and aren't installed.
    """
    # Half a gigabyte each: other parts of pyproject.toml, such as the linters' settings, don't require another.
    project = json.dumps(tomllib.loads(PROJECT.read_text())["project"])
    key = hashlib.sha256(LOCK.read_bytes() + project.encode()).hexdigest()[:16]
    home = Path("/opt") / key
    python = home / "bin" / "python"
    kept = root / home.relative_to("/")
    done = kept / "installed"
    with cache.lock(root.parent / f"{root.name}-{key}.lock"):
        if not done.exists():
            with step(f"installing the lock file's packages for Python {_text(release.python())}, once", "about 1 min"):
                shutil.rmtree(kept, ignore_errors=True)
                _install(root, home)
            done.touch()
    return python


def _install(root: Path, home: Path) -> None:
    with tempfile.TemporaryDirectory() as directory:
        shared = [ROOT, Path(tempfile.gettempdir()), *map(Path, SHARED)]
        mounts = {path: path for path in shared} | pip.files(pip.settings(), Path(directory))
        python = str(home / "bin" / "python")
        install = [python, "-m", "pip", "install", "--quiet", "--disable-pip-version-check", "--no-deps"]
        for command in (
            ["/usr/bin/python3", "-m", "venv", str(home)],
            [*install, "--require-hashes", f"--requirement={LOCK}"],
            [*install, "--no-build-isolation", "--no-index", str(ROOT)],
        ):
            release.call(*_inside(root, mounts, command))
    (modules,) = (root / home.relative_to("/")).glob("lib/python*/site-packages/integration_token")
    shutil.rmtree(modules)


def _text(version: tuple[int, int]) -> str:
    return ".".join(map(str, version))


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
