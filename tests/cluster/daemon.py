"""One long-running program of the control plane or of a node: started on a leash, with its log in a file.

It is killed when it is no longer needed.
"""

import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

from tests.cluster.poll import poll

LEASH = Path(__file__).parent / "leash.py"
TAIL = 15
"""Lines of the log that an error shows: Go programs say why they end in the last few."""


class DaemonError(Exception):
    """A program ended, or never became ready; the text has the end of its log."""


class Daemon:
    """A program with its arguments; it can be restarted after a kill, as for an outage."""

    def __init__(self, name: str, command: list[str], directory: Path) -> None:
        """`name` is for errors and the log, `directory` is where it runs."""
        self._command = command
        self._name = name
        self._directory = directory
        self._process: subprocess.Popen[bytes] | None = None
        self.log = directory / f"{name}.log"

    def start(self) -> None:
        """Starts it, without waiting until it is ready."""
        with self.log.open("ab") as log:
            self._process = subprocess.Popen(
                [sys.executable, "-I", "-S", str(LEASH), *self._command],
                stdin=subprocess.PIPE,  # the leash's end of the pipe
                stdout=log,
                stderr=log,
                cwd=self._directory,
                start_new_session=True,  # Ctrl-C at the terminal is for us; we then end in order
            )

    def kill(self) -> None:
        """Kills it and waits until it has ended: the harshest outage, and nothing here needs a graceful end."""
        if self._process is not None and self._process.stdin is not None:
            self._process.stdin.close()
            self._process.wait()
            self._process = None

    @property
    def running(self) -> bool:
        """Whether it was started and is still running."""
        return self._process is not None and self._process.poll() is None

    def wait_ready(self, ready: Callable[[], bool], seconds: float) -> None:
        """Waits until `ready()`; raises DaemonError if the program ends before, or it takes longer than `seconds`."""

        def ready_or_ended() -> bool:
            if not self.running:
                raise DaemonError(f"{self._name} ended while it started; the end of its log:\n{self._tail()}")
            return ready()

        try:
            poll(ready_or_ended, f"{self._name} to be ready", seconds)
        except TimeoutError as error:
            raise DaemonError(f"{error}; the end of its log:\n{self._tail()}") from error

    def _tail(self) -> str:
        lines = self.log.read_text(errors="replace").splitlines()
        return "\n".join(f"  {line[:400]}" for line in lines[-TAIL:])
