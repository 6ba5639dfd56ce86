"""The kubelet's own writer of mounted files, in a small Go program."""

import json
import subprocess
from collections.abc import Mapping
from pathlib import Path
from types import TracebackType
from typing import Final, Self

from tests.cluster import go_program
from tests.cluster.module import KUBERNETES

SOURCE: Final = KUBERNETES.directory / "atomicwriter"


class AtomicWriter:
    """A context manager: inside, one thread can write directories."""

    def __enter__(self) -> Self:
        """Starts the program."""
        command = [str(go_program.build(SOURCE))]
        self._process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        """Stops it."""
        self._process.communicate()

    def write(self, directory: Path, files: Mapping[str, str]) -> None:
        """Writes a new version of all files in a directory.

        :param files: contents in base64, like a Secret's `data`.
        """
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._process.stdin.write(json.dumps({"directory": str(directory), "files": files}) + "\n")
        self._process.stdin.flush()
        if self._process.stdout.readline() != "written\n":
            raise RuntimeError(f"{directory} was not written")
