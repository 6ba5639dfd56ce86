"""The operator as users install it: the chart by Helm, and the operator as a local process.

The plane has no node, so the process runs with its Deployment's arguments and account.
"""

import itertools
import json
import os
import signal
import time
from contextlib import ExitStack
from pathlib import Path
from types import TracebackType
from typing import Final, Self

import httpx

from tests.apiserver.ledger import Ledger
from tests.cluster.client import CHART
from tests.cluster.plane import ControlPlane
from tests.cluster.poll import poll
from tests.cluster.port import free_port
from tests.demo.process import OperatorProcess

_NUMBERS = itertools.count(1)

READY: Final = 30.0
"""Seconds until it must be ready: it takes 2, but the machine may be busy."""


class Installation:
    """A release of the chart."""

    def __init__(self, plane: ControlPlane, release: str, *values: str) -> None:
        """Installs or upgrades it in a namespace with the release's name; `values` are for `--set`."""
        self.release = release
        self._plane = plane
        arguments = ["upgrade", "--install", release, str(CHART), f"--namespace={release}", "--create-namespace"]
        plane.helm(*arguments, *(f"--set={value}" for value in ("logging.level=debug", *values)))
        found = plane.kubectl("get", "deployment", f"--namespace={release}", "--output=json")
        (deployment,) = json.loads(found)["items"]
        pod = deployment["spec"]["template"]["spec"]
        account = pod["serviceAccountName"]
        self.user = f"system:serviceaccount:{release}:{account}"
        """As the audit log names it."""
        self.kubeconfig = plane.service_account_kubeconfig(release, account)
        self.arguments: list[str] = pod["containers"][0]["args"]
        self.directory = plane.directory


class Operator:
    """A context manager around one operator process, which may be killed and restarted inside."""

    def __init__(self, installation: Installation, ledger: Ledger, *flags: str, wheel: Path | None = None) -> None:
        """`flags` follow the chart's own: if a flag is given twice, the last one counts.

        :param wheel: of another version, to run instead of this tree's.
        """
        self.installation = installation
        self._ledger = ledger
        self._flags = flags
        self._wheel = wheel
        self._stack = ExitStack()
        self.exit_code: int | None = None
        """Once it has ended."""

    def __enter__(self) -> Self:
        """Starts it, and waits until it is ready."""
        self.start()
        self.await_ready()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        """Stops it in order."""
        self.stop()

    def start(self) -> None:
        """Starts it, without waiting until it is ready."""
        self.started = time.time()
        port = free_port()
        self.url = f"http://127.0.0.1:{port}"
        self._ledger.users.add(self.installation.user)
        user = json.loads(self.installation.kubeconfig.read_text())["users"][0]["user"]
        self._ledger.note(user["token"] if "token" in user else Path(user["tokenFile"]).read_text())
        self.log = self.installation.directory / f"operator-{self.installation.release}-{next(_NUMBERS)}.log"
        self._ledger.logs.append(self.log)
        arguments = [
            *self.installation.arguments,
            f"--kubeconfig={self.installation.kubeconfig}",
            f"--metrics-address=127.0.0.1:{port}",
            *self._flags,
        ]
        self.process = self._stack.enter_context(OperatorProcess(arguments, self.log, wheel=self._wheel))

    def await_ready(self) -> None:
        """Returns once it reports that it is ready."""
        poll(self._ready, "the operator to be ready", READY)
        self._ledger.seen |= {f"process {self.pid} {name}": text for name, text in self.traces().items()}

    def stop(self) -> None:
        """Sends SIGTERM, and waits for its end."""
        if self.process.running:
            self._ledger.seen |= {
                f"process {self.pid} at its end, {name}": text for name, text in self.traces().items()
            }
        self._stack.close()
        self.exit_code = self.process.exit_code

    def restart(self) -> None:
        """Stops and starts it, and waits until it is ready."""
        self.stop()
        assert self.exit_code == 0, self.process.last_words
        self.start()
        self.await_ready()

    def kill(self) -> None:
        """Sends SIGKILL, and waits for its end."""
        os.kill(self.pid, signal.SIGKILL)
        self._stack.close()

    @property
    def pid(self) -> int:
        """The process's ID."""
        return self.process.pid

    def probe(self, path: str) -> httpx.Response:
        """Its response to a probe or a scrape."""
        return httpx.get(self.url + path, trust_env=False)

    def metrics(self) -> str:
        """All metrics, as text."""
        return self.probe("/metrics").text

    @property
    def leads(self) -> bool:
        """Whether it says that it leads; False if it isn't running or doesn't respond."""
        try:
            return self.process.running and "\nintegration_token_leader 1.0\n" in self.metrics()
        except httpx.TransportError:
            return False

    def traces(self) -> dict[str, str]:
        """What other users of the machine, or a scraper, can see of the process."""
        directory = Path("/proc") / str(self.pid)
        return {
            "command line": (directory / "cmdline").read_text(errors="replace"),
            "environment": (directory / "environ").read_text(errors="replace"),
            "metrics": self.metrics(),
        }

    def status(self, path: str) -> int:
        """The status of its response; 0 as long as it doesn't listen."""
        assert self.process.running, f"the operator has ended:\n{self.process.tail()}"
        try:
            return self.probe(path).status_code
        except httpx.TransportError:
            return 0

    def _ready(self) -> bool:
        return self.status("/readyz") == httpx.codes.OK


def usual(plane: ControlPlane, *values: str, ledger: Ledger | None = None) -> Operator:
    """The operator for all namespaces; it allows endpoints on the loopback address.

    :param values: additional ones, for `--set`.
    """
    installation = Installation(plane, "integration-token-operator", "endpoints.insecure=true", *values)
    return Operator(installation, ledger or Ledger())
