"""A consumer as a process of this machine instead of a pod: the same program, which finds its files at the same place.

It has namespaces of mounts and processes of its own, in which it is process 1, as in a container.
"""

from collections.abc import Mapping
from pathlib import Path
from typing import Final

from tests.cluster import go_program
from tests.cluster.daemon import Daemon
from tests.node.consumer import COMMANDS, MOUNT, SOURCES, find_interpreter

_MOUNT: Final = f'mount -t tmpfs tmpfs /run && mkdir -p {MOUNT} && mount --bind "$1" {MOUNT} && shift && exec "$@"'
"""/run is empty and new, and gone with the namespace."""


TAIL: Final = 300
"""Characters of what a program printed that are shown where it failed."""


class Program:
    """One process, started again where it has ended."""

    def __init__(self, name: str, language: str, volume: Path, home: Path, variables: Mapping[str, str]) -> None:
        """
        :param name: of its log in `home`.
        :param volume: the directory that it finds as the mounted Secret.
        :param home: its home directory.
        :param variables: the rest of its environment.
        """
        interpreter, source = COMMANDS[language]
        if interpreter:
            command = [str(find_interpreter(interpreter)), str(SOURCES / source)]
        else:
            command = [str(go_program.build(SOURCES / source))]
        environment = {"PATH": "/usr/local/bin:/usr/bin:/bin", "HOME": str(home), **variables}
        unshare = ["unshare", "--mount", "--pid", "--fork", "--kill-child", "--", "sh", "-c", _MOUNT, "sh", str(volume)]
        pairs = [f"{variable}={value}" for variable, value in environment.items()]
        self.name = name
        self._daemon = Daemon(name, [*unshare, "env", "--ignore-environment", *pairs, *command], home)

    @property
    def running(self) -> bool:
        """Whether it has not ended."""
        return self._daemon.running

    def start(self) -> None:
        """Start it."""
        self._daemon.start()

    def kill(self) -> None:
        """End it."""
        self._daemon.kill()

    def log(self) -> str:
        """All that it has printed."""
        log = self._daemon.log
        return log.read_text(errors="replace") if log.exists() else ""

    def tail(self) -> str:
        """The end of it, where an error stands."""
        return self.log()[-TAIL:]
