"""Where things that are built once are kept: outside the tree, so that clones share them and checkouts stay clean."""

import fcntl
import os
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO

from tests.cluster.progress import step


def root() -> Path:
    """Our directory below the user's cache directory, according to the XDG base directory specification."""
    base = os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache"
    return Path(base) / "integration-token-operator"


def try_lock(path: Path) -> IO[str] | None:
    """The open lock file, or None while another process has it. Closing it, or dying, releases it."""
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
    """Holds the lock file, waiting as long as necessary: its holder may be building for minutes."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("a") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield


def made(name: str, what: str, usual: str, make: Callable[[Path], None]) -> Path:
    """The directory of that name, created the first time, as a whole or not at all.

    :param what: is done then, with its usual duration, for people who wait.
    :param make: fills the directory that it is given, or raises.
    """
    home = root() / name
    with lock(home.with_suffix(".lock")):
        if not home.exists():
            with step(what, usual), tempfile.TemporaryDirectory(dir=root()) as directory:
                fresh = Path(directory) / "fresh"
                make(fresh)
                fresh.rename(home)
    return home
