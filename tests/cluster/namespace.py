"""Process and mount namespaces in which a node's programs run: all of them end together with their namespaces."""

import sys
from pathlib import Path

from tests.cluster import init
from tests.cluster.daemon import Daemon
from tests.cluster.poll import poll

READY = 30
"""Seconds until they must exist: it takes 0.1, but the machine may be busy."""

ENDED = 30
"""Seconds until all killed processes must be gone: it takes 0.1."""


class Namespaces:
    """The namespaces of one node. They end with the process that started them, in any way (leash.py)."""

    def __init__(self, directory: Path) -> None:
        """`directory` has the same path inside and outside."""
        self._ready = directory / init.READY
        unshare = ["unshare", "--mount", "--pid", "--fork", "--kill-child"]
        self._init = Daemon("init", [*unshare, sys.executable, "-I", "-S", init.__file__, str(directory)], directory)

    def start(self) -> None:
        """Creates them."""
        self._init.start()
        self._init.wait_ready(self._ready.exists, READY)

    def kill(self) -> None:
        """Ends them, with every process and mount inside."""
        self._init.kill()
        if self._ready.exists():  # process 1 is the last to end
            number = self._ready.read_text()
            poll(lambda: _ended(number), "the node's processes to end", ENDED)
            self._ready.unlink()

    def inside(self, *command: str) -> list[str]:
        """A command line that runs the command inside; it is killed together with the process that runs the line."""
        target = self._ready.read_text()
        enter = ["nsenter", f"--target={target}", "--mount", "--pid", "--wdns=/"]
        return [*enter, "setpriv", "--pdeathsig=KILL", "--", *command]


def _ended(number: str) -> bool:
    """Also true for zombies, which the machine's process 1 has to reap."""
    try:
        return (Path("/proc") / number / "stat").read_text().rpartition(")")[2].split()[0] == "Z"
    except (FileNotFoundError, ProcessLookupError):
        return True
