"""The chart's release on a node: installed, upgraded and uninstalled by Helm, as users do it."""

import json
import os
import signal
from contextlib import suppress
from pathlib import Path
from typing import Any, Final

import httpx
from prometheus_client.parser import text_string_to_metric_families

from tests.cluster.client import CHART, host_network_values
from tests.cluster.plane import ControlPlane
from tests.cluster.poll import poll
from tests.cluster.port import free_port

NAME: Final = "integration-token-operator"
"""The name of the release, its namespace and what it installs."""

USER: Final = f"system:serviceaccount:{NAME}:{NAME}"
"""The operator's user, as the audit log names it."""


class Release:
    """One release in its own namespace, which allows pods on the host's network.

    Only there can they reach this control plane.
    """

    def __init__(self, plane: ControlPlane) -> None:
        """Creates the namespace."""
        self._plane = plane
        labels = {"pod-security.kubernetes.io/enforce": "privileged"}
        namespace = {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": NAME, "labels": labels}}
        plane.kubectl("create", "--filename=-", stdin=json.dumps(namespace))
        self._port = free_port()
        self._values = plane.directory / "values.json"
        # This node has no DNS, which the test pod would need to find the Service.
        names = [{"ip": "127.0.0.1", "hostnames": [f"{NAME}.{NAME}.svc"]}]
        values = host_network_values(plane.server, self._port) | {
            "mountRefresh": {"enabled": True},
            "hostAliases": names,
        }
        self._values.write_text(json.dumps(values))

    def install(self, *values: str) -> None:
        """Runs `helm install` with these for `--set`; ready when this returns."""
        self._helm("install", *values)

    def upgrade(self, *values: str) -> None:
        """Runs `helm upgrade` with these for `--set`; when this returns the new pod is ready, and the old one gone."""
        self._helm("upgrade", *values)

    def test(self) -> str:
        """The output of `helm test`. Raises CommandError if it fails."""
        return self._plane.helm("test", NAME, f"--namespace={NAME}", "--logs", "--timeout=90s")

    def uninstall(self) -> None:
        """Runs `helm uninstall`; the pod is gone when this returns."""
        self._plane.helm("uninstall", NAME, f"--namespace={NAME}", "--wait", "--timeout=90s")
        self.kubectl("wait", "--for=delete", "pod", "--all", "--timeout=60s")

    def restart(self) -> None:
        """Deletes the pod; a new one is ready when this returns."""
        self.kubectl("delete", "pod", "--all", "--wait")
        self.kubectl("rollout", "status", f"deployment/{NAME}", "--timeout=60s")

    def pod(self) -> dict[str, Any]:
        """The one pod."""
        (pod,) = json.loads(self.kubectl("get", "pods", "--output=json"))["items"]
        found: dict[str, Any] = pod
        return found

    def restarts(self) -> int:
        """How often the kubelet has restarted the operator's container."""
        (status,) = self.pod()["status"]["containerStatuses"]
        count: int = status["restartCount"]
        return count

    def kill(self) -> None:
        """Sends SIGKILL to the operator's process; it is ready again when this returns."""
        (status,) = self.pod()["status"]["containerStatuses"]
        container = status["containerID"].partition("://")[2]
        for group in Path("/proc").glob("[0-9]*/cgroup"):
            with suppress(FileNotFoundError, ProcessLookupError):  # other processes may end at any time
                if container in group.read_text():
                    os.kill(int(group.parent.name), signal.SIGKILL)
        poll(lambda: self.restarts() == status["restartCount"] + 1, "the container to be started anew")
        self.kubectl("wait", "--for=condition=Ready", "pod", "--all", "--timeout=60s")

    def run(self, *command: str) -> str:
        """The output of a command in the operator's container. Raises CommandError."""
        return self.kubectl("exec", f"deployment/{NAME}", "--", *command)

    def await_tokens(self, namespace: str, count: int) -> None:
        """Returns once the current operator has seen this many tokens in a namespace, and found them ready."""

        def ready() -> bool:
            text = httpx.get(f"http://127.0.0.1:{self._port}/metrics", trust_env=False).text
            families = {family.name: family for family in text_string_to_metric_families(text)}
            samples = families["integration_token_ready_status"].samples
            return sum(sample.value for sample in samples if sample.labels["namespace"] == namespace) == count

        poll(ready, f"{count} tokens to be ready")

    def writes(self) -> list[str]:
        """What the operator has written so far, as the API server saw it, without events and access reviews."""
        return [
            f"{event['verb']} {event['requestURI']}"
            for event in self._plane.audit_events()
            if event["user"]["username"] == USER
            and event["verb"] not in {"get", "list", "watch"}
            and event.get("objectRef", {}).get("resource") not in {"events", "selfsubjectaccessreviews"}
        ]

    def kubectl(self, *arguments: str) -> str:
        """Runs kubectl in the release's namespace. Raises CommandError."""
        return self._plane.kubectl(f"--namespace={NAME}", *arguments)

    def _helm(self, verb: str, *values: str) -> None:
        self._plane.helm(
            verb,
            NAME,
            str(CHART),
            f"--namespace={NAME}",
            f"--values={self._values}",
            "--wait",
            "--timeout=90s",
            *(f"--set={value}" for value in values),
        )
