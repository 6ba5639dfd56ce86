"""A consumer as a process on this machine instead of a pod: the same program, with its files in the same place.

It has its own mount and process namespaces, in which it is process 1, as in a container.
"""

from collections.abc import Mapping
from pathlib import Path
from typing import Final

from tests.cluster import go_program
from tests.cluster.daemon import Daemon
from tests.node.consumer import COMMANDS, MOUNT, SOURCES, find_interpreter

_MOUNT: Final = f'mount -t tmpfs tmpfs /run && mkdir -p {MOUNT} && mount --bind "$1" {MOUNT} && shift && exec "$@"'
"""/run is empty and new, and disappears with the namespace."""


TAIL: Final = 300
"""Characters of a program's output that are shown when it fails."""


class Program:
    """One process, restarted if it has ended."""

    def __init__(self, name: str, language: str, volume: Path, home: Path, variables: Mapping[str, str]) -> None:
        """:param name: of its log in `home`.
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
        """Whether it is still running."""
        return self._daemon.running

    def start(self) -> None:
        """Starts it."""
        self._daemon.start()

    def kill(self) -> None:
        """Kills it."""
        self._daemon.kill()

    def log(self) -> str:
        """All its output."""
        log = self._daemon.log
        return log.read_text(errors="replace") if log.exists() else ""

    def tail(self) -> str:
        """The end of its output, where errors appear."""
        return self.log()[-TAIL:]
