"""The demo's environment, built in order and removed in reverse: control plane, chart, endpoint and API, operator."""

import json
import secrets
from contextlib import ExitStack
from types import TracebackType
from typing import Final, Self

from tests.cluster.client import CHART, CommandError
from tests.cluster.plane import ControlPlane
from tests.cluster.port import free_port
from tests.cluster.progress import say, step
from tests.demo.case import CASES, CONSUMER_ACCOUNT, NAMESPACE, access, manifests, policy
from tests.demo.consumer import Consumer
from tests.demo.process import OperatorProcess
from tests.fakes.api import EnvironmentAPI
from tests.fakes.token_endpoint import TokenEndpoint

PROGRAMS: Final = ("etcd", "kube-apiserver", "kubectl", "helm")
"""What it runs in addition to the operator, the endpoint and the consumers."""
RELEASE: Final = "integration-token-operator"
READY: Final = 60
"""Seconds for the first tokens: it takes 3, but the machine may be busy."""
SLICE: Final = 5
"""Seconds between checks that the operator still runs."""


class DemoError(Exception):
    """The demo can't go on; the text is for its user."""


class Scene:
    """A context manager: inside, consumers call the API with tokens that the operator keeps valid."""

    plane: ControlPlane
    endpoint: TokenEndpoint
    api: EnvironmentAPI
    operator: OperatorProcess
    consumers: list[Consumer]

    def __enter__(self) -> Self:
        """Builds everything; takes it down again if that fails."""
        with ExitStack() as stack:
            # No controllers are needed: no object is deleted, and no pod runs.
            with step("starting a control plane: etcd and kube-apiserver", "about 10 s"):
                self.plane = stack.enter_context(ControlPlane(audit=False))
            with step("installing the chart with Helm", "about 3 s"):
                arguments = self._install()
            clients = {case.name: secrets.token_urlsafe(32) for case in CASES}
            self.endpoint = stack.enter_context(TokenEndpoint(policy=policy, clients=clients))
            self.api = stack.enter_context(EnvironmentAPI(self.endpoint.issuer))
            say(f"a caching token endpoint is at {self.endpoint.url}")
            say("the cluster has no node: the operator runs here, with the chart's arguments and account")
            log = self.plane.directory / "operator.log"
            self.operator = stack.enter_context(OperatorProcess(arguments, log))
            with step("requesting two tokens and waiting: kubectl wait --for=condition=Ready", "about 5 s"):
                self._ask(clients)
            self._consume(stack)
            self._stack = stack.pop_all()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        """Takes everything down, consumers first and the control plane last."""
        say("stopping the consumers, the operator and the control plane")
        self._stack.close()

    def _install(self) -> list[str]:
        """Installs the chart as a user does; returns the operator's arguments from its Deployment."""
        namespace = f"--namespace={RELEASE}"
        self.plane.helm(
            "install", RELEASE, str(CHART), namespace, "--create-namespace", "--set=endpoints.insecure=true"
        )
        found = self.plane.kubectl("get", "deployment", RELEASE, namespace, "--output=json")
        pod = json.loads(found)["spec"]["template"]["spec"]
        account = self.plane.service_account_kubeconfig(RELEASE, pod["serviceAccountName"])
        arguments: list[str] = pod["containers"][0]["args"]
        # The last one given counts: the chart's port may be taken on this machine.
        return [*arguments, f"--kubeconfig={account}", f"--metrics-address=127.0.0.1:{free_port()}"]

    def _ask(self, clients: dict[str, str]) -> None:
        self.plane.kubectl("apply", "--filename=-", stdin=access())
        self.plane.kubectl("apply", "--filename=-", stdin=manifests(self.endpoint.url, self.endpoint.audience, clients))
        self._await_ready()

    def _await_ready(self) -> None:
        """Waits as a user does, in slices, and stops if the operator has ended."""
        wait = ["wait", "itok", "--all", f"--namespace={NAMESPACE}", "--for=condition=Ready", f"--timeout={SLICE}s"]
        for attempt in range(1, READY // SLICE + 1):
            try:
                self.plane.kubectl(*wait)
            except CommandError as error:
                if attempt < READY // SLICE and self.operator.running:
                    continue
                state = "runs" if self.operator.running else "has ended"
                seen = self.show("itok", "--output=wide")
                raise DemoError(f"{error}\n{seen}\nThe operator {state}; its log:\n{self.operator.tail()}") from error
            break

    def _consume(self, stack: ExitStack) -> None:
        kubeconfig = self.plane.service_account_kubeconfig(NAMESPACE, CONSUMER_ACCOUNT)
        self.consumers = [Consumer(kubeconfig, NAMESPACE, case.name, self.api.url(case.name)) for case in CASES]
        for consumer in self.consumers:
            stack.enter_context(consumer)

    def show(self, *arguments: str) -> str:
        """What a user sees of `kubectl get`."""
        return self.plane.kubectl("get", *arguments, f"--namespace={NAMESPACE}", check=False)
