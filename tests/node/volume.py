"""A mounted Secret's files, exchanged as the kubelet does it (AtomicWriter of Kubernetes 1.36)."""

import itertools
import shutil
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path


class Volume:
    """A directory of links into `..data`, which is exchanged as a whole."""

    def __init__(self, directory: Path) -> None:
        """`directory` exists and is empty."""
        self._directory = directory
        self._data = directory / "..data"
        self._numbers = itertools.count()

    def write(self, files: Mapping[str, str]) -> None:
        """Writes a new version of all files; the old one is removed."""
        old = self._data.resolve() if self._data.exists() else None
        version = self._directory / f"..{next(self._numbers)}"
        version.mkdir()
        for name, text in files.items():
            (version / name).write_text(text)
        draft = self._directory / "..data_tmp"
        draft.symlink_to(version.name)
        draft.rename(self._data)
        for name in files:
            link = self._directory / name
            if not link.is_symlink():
                link.symlink_to(f"..data/{name}")
        if old is not None:
            shutil.rmtree(old)

    @contextmanager
    def away(self) -> Iterator[None]:
        """A block without files: what an open meets at the moment of an exchange, but for longer."""
        hidden = self._data.with_name("..hidden")
        self._data.rename(hidden)
        try:
            yield
        finally:
            hidden.rename(self._data)
