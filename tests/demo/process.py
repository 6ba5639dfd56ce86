"""The operator as a local process, with its log in a file."""

import os
import subprocess
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from types import TracebackType
from typing import Final, Self

TETHER: Final = Path(__file__).with_name("tether.py")
GRACE: Final = 30.0
"""Seconds that it may take to end after SIGTERM, as for a pod by default."""
TAIL: Final = 20
"""Lines of its log that are shown if it fails."""


class OperatorProcess:
    """A context manager: inside, the operator runs."""

    exit_code: int | None = None
    """Once it has ended."""
    last_words = ""
    """The end of its log, once it has ended: the log itself is in a temporary directory."""

    def __init__(
        self,
        arguments: list[str],
        log: Path,
        module: str = "integration_token",
        *,
        wheel: Path | None = None,
        python: Path | None = None,
        inside: Sequence[str] = (),
        environment: Mapping[str, str] | None = None,
    ) -> None:
        """`arguments` follow `integration-token-operator`.

        :param module: run in its place, to inspect it.
        :param wheel: of another version, to run instead of this tree's.
        :param python: of another environment, whose packages it uses.
        :param inside: a command that prepares something and replaces itself with the one that follows it.
        :param environment: of the process, besides ours.
        """
        self._arguments = arguments
        self._log = log
        self._module = module
        self._wheel = wheel
        self._python = str(python or sys.executable)
        self._inside = inside
        self._environment = environment or {}

    def __enter__(self) -> Self:
        """Starts it, without waiting until it is ready."""
        operator = [*self._inside, self._python, "-m", self._module, *self._arguments]
        # The user's settings for their own operator don't apply to this one.
        environment = {name: value for name, value in os.environ.items() if not name.startswith("INTEGRATION_TOKEN_")}
        environment |= self._environment
        if self._wheel is not None:
            environment["PYTHONPATH"] = str(self._wheel)
        with self._log.open("wb") as log:
            self._process = subprocess.Popen(
                [sys.executable, str(TETHER), str(os.getpid()), *operator],
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                env=environment,
                start_new_session=True,  # Ctrl-C is for the demo, which ends it in order
            )
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        """Asks it to end, and kills it after its grace period."""
        self._process.terminate()
        try:
            self.exit_code = self._process.wait(GRACE)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self.exit_code = self._process.wait()
        self.last_words = self.tail()

    @property
    def pid(self) -> int:
        """The operator's process ID."""
        return self._process.pid

    @property
    def running(self) -> bool:
        """Whether it is still running."""
        return self._process.poll() is None

    def tail(self) -> str:
        """The last lines of its log."""
        return "\n".join(f"  {line}" for line in self.log().splitlines()[-TAIL:])

    def log(self) -> str:
        """Everything that it has logged and printed."""
        return self._log.read_text(errors="replace")
