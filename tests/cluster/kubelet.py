"""The kubelet of a node: its settings, and the process."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

from tests.cluster import tool
from tests.cluster.cgroup import ControlGroup
from tests.cluster.containerd import SOCKET
from tests.cluster.daemon import Daemon
from tests.cluster.namespace import Namespaces
from tests.cluster.port import free_port

NAME = "localhost"
"""The node's name. It resolves everywhere; the API server uses it for `kubectl logs` and `exec`."""

READY = 120
"""Seconds until it must be ready: it takes 2, but the machine may be busy."""


class Kubelet:
    """It can be killed and restarted: containers keep running meanwhile."""

    def __init__(
        self, namespaces: Namespaces, directory: Path, kubeconfig: Path, authority: Path, group: ControlGroup
    ) -> None:
        """`kubeconfig` belongs to the node's user; the kubelet's callers show a certificate from `authority`."""
        resolver = directory / "resolv.conf"
        machine = Path("/etc/resolv.conf")
        resolver.write_text(machine.read_text() if machine.exists() else "")  # it may be a link into /run
        configuration = directory / "kubelet.json"
        configuration.write_text(json.dumps(_configuration(directory, authority, group, resolver)))
        command = [
            str(tool.find("kubelet")),
            f"--config={configuration}",
            f"--kubeconfig={kubeconfig}",
            f"--hostname-override={NAME}",
            f"--root-dir={directory}/kubelet",
            f"--cert-dir={directory}/kubelet/pki",
        ]
        self._daemon = Daemon("kubelet", namespaces.inside(*command), directory)

    def start(self, registered: Callable[[], bool]) -> None:
        """Starts it; when this returns the node is `registered`, and about to be ready."""
        self._daemon.start()
        self._daemon.wait_ready(registered, READY)

    def kill(self) -> None:
        """Starts an outage of the kubelet."""
        self._daemon.kill()


def _configuration(directory: Path, authority: Path, group: ControlGroup, resolver: Path) -> dict[str, Any]:
    return {
        "apiVersion": "kubelet.config.k8s.io/v1beta1",
        "kind": "KubeletConfiguration",
        "authentication": {
            "anonymous": {"enabled": False},
            "webhook": {"enabled": False},
            "x509": {"clientCAFile": str(authority)},
        },
        "authorization": {"mode": "AlwaysAllow"},  # of callers with a certificate
        "address": "127.0.0.1",
        "port": free_port(),
        "healthzPort": 0,
        "containerRuntimeEndpoint": f"unix://{SOCKET}",
        "resolvConf": str(resolver),
        "podLogsDir": f"{directory}/pods",
        "volumePluginDir": f"{directory}/plugins",
        "cgroupDriver": "cgroupfs",
        "cgroupRoot": group.name,
        "failCgroupV1": False,
        "failSwapOn": False,
        "enforceNodeAllocatable": [],
        # Negative OOM scores need privileges, and the machine's packet filter is left alone.
        "oomScoreAdj": 0,
        "makeIPTablesUtilChains": False,
        # Neither a nearly full disk nor time removes pods and images.
        "evictionHard": {"memory.available": "0%", "nodefs.available": "0%", "imagefs.available": "0%"},
        "imageGCHighThresholdPercent": 100,
        "shutdownGracePeriod": "0s",
    }
