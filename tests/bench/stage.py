"""The bench's environment: a control plane with the chart installed, token endpoints, and the operator on request."""

import json
import os
import shutil
import signal
import sys
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from types import TracebackType
from typing import Final, Self
from urllib.parse import urlsplit

import httpx

from tests.bench import pod
from tests.bench.api import API
from tests.bench.audit import AuditTail
from tests.bench.build import IN_PLACE, Build
from tests.bench.manifest import NAMESPACE, endpoint
from tests.bench.row import BenchError
from tests.cluster.plane import ControlPlane
from tests.cluster.poll import poll
from tests.cluster.port import free_port
from tests.cluster.progress import say, step
from tests.demo.process import OperatorProcess
from tests.fakes.process import Configuration, EndpointProcess

RELEASE: Final = "integration-token-operator"
READY: Final = 60.0
"""Seconds until the operator must be ready: it takes 2, but the machine may be busy."""


class Operator:
    """A running operator process."""

    def __init__(self, process: OperatorProcess, port: int) -> None:
        self._process = process
        self._port = port
        self.pid = process.pid
        self.killed = False

    def kill(self) -> None:
        """Ends it like a failing node does."""
        self.killed = True
        self.signal(signal.SIGKILL)

    def signal(self, number: signal.Signals) -> None:
        """Sends it a signal."""
        os.kill(self.pid, number)

    def log(self) -> str:
        """Everything that it has logged and printed."""
        return self._process.log()

    def check(self) -> None:
        """Raises BenchError if it has ended."""
        if not self._process.running:
            raise BenchError(f"the operator has ended; its log:\n{self.tail()}")

    def tail(self) -> str:
        """The end of its log."""
        return self._process.tail()

    def scrape(self) -> float:
        """Seconds for one scrape of its metrics, as by Prometheus."""
        began = time.monotonic()
        with httpx.Client(trust_env=False, timeout=READY) as client:
            client.get(f"http://127.0.0.1:{self._port}/metrics").raise_for_status()
        return time.monotonic() - began

    def await_ready(self) -> None:
        """Returns once it reports that it is ready."""
        poll(self._ready, "the operator to be ready", READY)

    def _ready(self) -> bool:
        self.check()
        try:
            return httpx.get(f"http://127.0.0.1:{self._port}/readyz", trust_env=False).is_success
        except httpx.TransportError:
            return False


class Stage:
    """A context manager: inside, everything exists except resources and the operator."""

    plane: ControlPlane
    api: API

    def __init__(self, *values: str, build: Build = IN_PLACE) -> None:
        """`values` are the chart's, as for `--set`; operator and chart are the build's."""
        self._values = values
        self._build = build
        self._inside: list[str] = []
        self._environment: dict[str, str] = {}

    def __enter__(self) -> Self:
        """Builds it; takes it down again if that fails."""
        with ExitStack() as stack:
            with step("starting a control plane: etcd, kube-apiserver", "about 10 s"):
                self.plane = stack.enter_context(ControlPlane())
            self.api = stack.enter_context(API(self.plane.server, self.plane._tls))
            with step("installing the chart with Helm", "about 3 s"):
                self._install()
            # An image contains bytecode, and a second start finds its files in memory: so does this one.
            self._build.warm_up()
            self._stack = stack.pop_all()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        """Takes everything down."""
        self._stack.close()

    def endpoint(self, name: str, configuration: Configuration | None = None) -> EndpointProcess:
        """Starts a token endpoint, with a ClusterTokenEndpoint of that name."""
        process = self._stack.enter_context(EndpointProcess(configuration))
        self.api.create(endpoint(name, process.url, process.audience))
        return process

    def audit(self) -> AuditTail:
        """The operator's requests from now on."""
        return AuditTail(self.plane.directory / "audit.log", f"system:serviceaccount:{RELEASE}:{self._account}")

    @contextmanager
    def operator(self, *flags: str, module: str = "integration_token") -> Iterator[Operator]:
        """Runs the operator; it isn't ready yet when this yields, and must end with 0 unless it was killed.

        :param module: run in its place, to inspect it.
        """
        port = free_port()
        # The last one given counts: the chart's port may be taken on this machine.
        arguments = [*self._arguments, *flags, f"--metrics-address=127.0.0.1:{port}"]
        log = self.plane.directory / f"operator-{port}.log"
        build = self._build
        with OperatorProcess(
            arguments,
            log,
            module,
            wheel=build.modules,
            python=build.python,
            inside=self._inside,
            environment=self._environment,
        ) as process:
            operator = Operator(process, port)
            yield operator
        if process.exit_code and not operator.killed:
            raise BenchError(f"the operator ended with {process.exit_code}; its log:\n{process.last_words}")

    def _install(self) -> None:
        """Installs the chart as a user does; the operator runs with its Deployment's arguments and account, whose files
        it finds where a pod has them."""
        namespace = f"--namespace={RELEASE}"
        values = [f"--set={value}" for value in ("endpoints.insecure=true", *self._values)]
        self.plane.helm("install", RELEASE, str(self._build.chart), namespace, "--create-namespace", *values)
        found = self.plane.kubectl("get", "deployment", RELEASE, namespace, "--output=json")
        spec = json.loads(found)["spec"]["template"]["spec"]
        self._account = spec["serviceAccountName"]
        self._arguments = spec["containers"][0]["args"]
        unshare = shutil.which("unshare")
        if unshare is None or os.geteuid() != 0:
            say(
                "without root and unshare the operator gets a kubeconfig, which costs it 10 MiB that a pod doesn't need"
            )
            self._arguments += [f"--kubeconfig={self.plane.service_account_kubeconfig(RELEASE, self._account)}"]
            return
        files = self.plane.service_account_files(RELEASE, self._account)
        self._inside = [unshare, "--mount", sys.executable, str(Path(pod.__file__)), str(files)]
        place = urlsplit(self.plane.server)
        self._environment = {
            "KUBERNETES_SERVICE_HOST": str(place.hostname),
            "KUBERNETES_SERVICE_PORT": str(place.port),
        }
        self.api.create({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": NAMESPACE}})
