"""Where what is built once is kept: outside the tree, so that clones share it and a clean checkout stays clean."""

import fcntl
import os
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO

from tests.cluster.progress import step


def root() -> Path:
    """Our directory below the user's cache directory, as the XDG base directory specification has it."""
    base = os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache"
    return Path(base) / "integration-token-operator"


def try_lock(path: Path) -> IO[str] | None:
    """The open lock file, or None while another process has it. Closing it, or dying, gives it back."""
    path.parent.mkdir(parents=True, exist_ok=True)
    file = path.open("a+")
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        file.close()
        return None
    return file


@contextmanager
def lock(path: Path) -> Iterator[None]:
    """Hold the lock file, waiting for as long as it takes: whoever has it may be building for minutes."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("a") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield


def made(name: str, what: str, usual: str, make: Callable[[Path], None]) -> Path:
    """The directory of that name, made the first time, whole or not at all.

    :param what: is done then, and how long it usually takes, for who waits.
    :param make: makes the directory that it is given, or raises.
    """
    home = root() / name
    with lock(home.with_suffix(".lock")):
        if not home.exists():
            with step(what, usual), tempfile.TemporaryDirectory(dir=root()) as directory:
                fresh = Path(directory) / "fresh"
                make(fresh)
                fresh.rename(home)
    return home
