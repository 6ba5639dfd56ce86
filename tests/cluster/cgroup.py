"""The control groups of a node's pods: kernel directories that outlive the processes in them."""

from functools import partial
from pathlib import Path

from tests.cluster.poll import poll

ROOT = Path("/sys/fs/cgroup")
EMPTY = 10
"""Seconds until killed processes must be gone: it takes moments."""


class ControlGroup:
    """One group, by name below the root, in each kernel hierarchy: several in version 1, one in version 2."""

    def __init__(self, name: str) -> None:
        hierarchies = [ROOT] if (ROOT / "cgroup.controllers").exists() else list(ROOT.iterdir())
        self._directories = [hierarchy / name for hierarchy in hierarchies if (hierarchy / "cgroup.procs").exists()]
        self.name = f"/{name}"

    def create(self) -> None:
        """Creates it."""
        for directory in self._directories:
            directory.mkdir(exist_ok=True)
            for file in ("cpuset.cpus", "cpuset.mems"):  # empty in version 1, and then no process may join
                if (directory / file).exists() and (above := (directory.parent / file).read_text()).strip():
                    (directory / file).write_text(above)

    def remove(self) -> None:
        """Removes it, with everything in it. Its processes have ended, or are about to."""
        for directory in self._directories:
            poll(partial(_removed, directory), f"{directory} to be empty", EMPTY)


def _removed(directory: Path) -> bool:
    """Only directories can be removed here, from the innermost outwards; their files go with them."""
    try:
        for below in sorted(directory.rglob("*/"), reverse=True):
            below.rmdir()
        directory.rmdir()
    except FileNotFoundError:
        return True
    except OSError:
        return False
    return True
