"""The Kubernetes clients, calling an API other than a cluster's."""

import json
import sys
from importlib import metadata
from types import MappingProxyType
from typing import Any, ClassVar

import yaml

from tests.cluster import go_program
from tests.cluster.module import KUBERNETES
from tests.consumers.pace import KUBELET, PATIENT, QUICK
from tests.consumers.program import MOUNT, Program, Site
from tests.consumers.programs.snippet import ROOT


class Python(Program):
    """Its in-cluster configuration."""

    name = "kubernetes (Python)"
    key = "token"
    delay = 60.0
    pace = PATIENT
    tls = True
    setting = f"""\
InClusterConfigLoader(token_filename="{MOUNT}/token", cert_filename="/etc/shop/ca.crt").load_and_set()
"""

    def version(self) -> str:
        """See Program."""
        return metadata.version("kubernetes")

    def command(self, site: Site) -> list[str]:
        """See Program."""
        module, file = "tests.consumers.callers.caller_kubernetes", str(site.mount / self.key)
        return ["env", f"PYTHONPATH={ROOT}", sys.executable, "-P", "-m", module, file, str(site.ca)]


class _ClientGo(Program):
    """A kubeconfig without a token in it."""

    tls = True

    def version(self) -> str:
        """See Program."""
        return KUBERNETES.version("k8s.io/client-go").removeprefix("v")

    def command(self, site: Site) -> list[str]:
        """See Program."""
        config: dict[str, Any] = yaml.safe_load(self.set_up(site))
        config |= {
            "clusters": [{"name": "shop", "cluster": {"server": site.url, "certificate-authority": str(site.ca)}}],
            "contexts": [{"name": "shop", "context": {"cluster": "shop", "user": "shop"}}],
            "current-context": "shop",
        }
        file = site.home / "kubeconfig"
        file.write_text(json.dumps(config))
        return [str(go_program.build(KUBERNETES.directory / "clientgo")), str(file)]


class TokenFile(_ClientGo):
    """`tokenFile`: read every 50 s."""

    name = "client-go tokenFile"
    key = "token"
    delay: ClassVar[float] = 50.0
    pace = PATIENT
    setting = f"""\
users:
  - name: shop
    user:
      tokenFile: {MOUNT}/token
"""


class Exec(_ClientGo):
    """`exec`: run again when the token expires, or is refused."""

    name = "client-go exec"
    key = "exec.json"
    template = MappingProxyType(
        {
            "exec.json": '{"kind": "ExecCredential", "apiVersion": "client.authentication.k8s.io/v1",'
            ' "status": {"token": ${token|json}, "expirationTimestamp": ${expires_at|json}}}'
        }
    )
    delay = QUICK.lead - KUBELET
    setting = f"""\
users:
  - name: shop
    user:
      exec:
        apiVersion: client.authentication.k8s.io/v1
        command: cat
        args: [{MOUNT}/exec.json]
        interactiveMode: Never
"""
