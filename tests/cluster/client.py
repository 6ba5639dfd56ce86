"""kubectl and Helm, for one kubeconfig and untouched by what their user has set up at home."""

import os
import subprocess
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import yaml

from tests.cluster import tool

CHART = Path(__file__).parents[2] / "charts" / "integration-token-operator"


def host_network_values(server: str, metrics_port: int) -> dict[str, Any]:
    """The chart's values for a node of tests, whose pods reach the API server on the node's network alone."""
    address = urlsplit(server)
    environment = {"KUBERNETES_SERVICE_HOST": address.hostname, "KUBERNETES_SERVICE_PORT": str(address.port)}
    return {
        "hostNetwork": True,
        "metrics": {"port": metrics_port},
        "endpoints": {"insecure": True},
        "extraEnv": [{"name": name, "value": value} for name, value in environment.items()],
    }


class CommandError(Exception):
    """A command failed; the text has what it said on stderr."""


class Client:
    """Runs commands as one user; `directory` takes their caches."""

    def __init__(self, kubeconfig: Path, directory: Path) -> None:
        self._environment = os.environ | {
            "KUBECONFIG": str(kubeconfig),
            # The cache of what kinds there are is kept by address: another plane at the same port has other CRDs.
            "KUBECACHEDIR": str(directory / "kube-cache"),
            "KUBERC": "off",
            "HELM_CACHE_HOME": str(directory / "helm" / "cache"),
            "HELM_CONFIG_HOME": str(directory / "helm" / "config"),
            "HELM_DATA_HOME": str(directory / "helm" / "data"),
        }

    def kubectl(self, *arguments: str, stdin: str | None = None, check: bool = True) -> str:
        """What `kubectl` prints on stdout. Raises CommandError when it fails, unless `check` is off."""
        return self._run("kubectl", arguments, stdin, check)

    def helm(self, *arguments: str) -> str:
        """What `helm` prints on stdout. Raises CommandError."""
        return self._run("helm", arguments, None, check=True)

    def install_crds(self) -> None:
        """Install the chart's CRDs, or bring them up to date, and wait until they are served."""
        documents = yaml.safe_load_all(self.helm("template", "crds", str(CHART)))
        crds = [document for document in documents if document and document["kind"] == "CustomResourceDefinition"]
        manifests = yaml.safe_dump_all(crds)
        self.kubectl("apply", "--server-side", "--force-conflicts", "-f", "-", stdin=manifests)
        self.kubectl("wait", "--for=condition=Established", "--timeout=30s", "-f", "-", stdin=manifests)

    def _run(self, name: str, arguments: tuple[str, ...], stdin: str | None, check: bool) -> str:
        command = [str(tool.find(name)), *arguments]
        answer = subprocess.run(
            command, input=stdin or "", env=self._environment, capture_output=True, text=True, check=False
        )
        if check and answer.returncode:
            said = answer.stderr.strip() or answer.stdout.strip()
            raise CommandError(f"{name} {' '.join(arguments)} ended with {answer.returncode}:\n{said}")
        return answer.stdout
