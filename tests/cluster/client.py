"""kubectl and Helm, for one kubeconfig and unaffected by their user's own settings."""

import os
import subprocess
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import yaml

from tests.cluster import tool

CHART = Path(__file__).parents[2] / "charts" / "integration-token-operator"


def host_network_values(server: str, metrics_port: int) -> dict[str, Any]:
    """The chart's values for a test node, whose pods only reach the API server on the node's network."""
    address = urlsplit(server)
    environment = {"KUBERNETES_SERVICE_HOST": address.hostname, "KUBERNETES_SERVICE_PORT": str(address.port)}
    return {
        "hostNetwork": True,
        "metrics": {"port": metrics_port},
        "endpoints": {"insecure": True},
        "extraEnv": [{"name": name, "value": value} for name, value in environment.items()],
    }


class CommandError(Exception):
    """A command failed; the text has its stderr."""


class Client:
    """Runs commands as one user; `directory` holds their caches."""

    def __init__(self, kubeconfig: Path, directory: Path) -> None:
        self._environment = os.environ | {
            "KUBECONFIG": str(kubeconfig),
            # kubectl caches the known kinds by address: another plane on the same port has other CRDs.
            "KUBECACHEDIR": str(directory / "kube-cache"),
            "KUBERC": "off",
            "HELM_CACHE_HOME": str(directory / "helm" / "cache"),
            "HELM_CONFIG_HOME": str(directory / "helm" / "config"),
            "HELM_DATA_HOME": str(directory / "helm" / "data"),
        }

    def kubectl(self, *arguments: str, stdin: str | None = None, check: bool = True) -> str:
        """kubectl's output on stdout. Raises CommandError if it fails, unless `check` is off."""
        return self._run("kubectl", arguments, stdin, check)

    def helm(self, *arguments: str) -> str:
        """Helm's output on stdout. Raises CommandError."""
        return self._run("helm", arguments, None, check=True)

    def install_crds(self) -> None:
        """Installs or updates the chart's CRDs, and waits until they are served."""
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
