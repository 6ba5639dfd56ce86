"""The Prometheus Operator, which writes the token into the configuration that a Prometheus mounts."""

import base64
import gzip
import json
from typing import Any, Final

import yaml

from tests.apiserver.ledger import Ledger
from tests.apiserver.stage import Stage, Token
from tests.cluster import tool
from tests.consumers.controller import Controller
from tests.consumers.pace import QUICK

_KINDS: Final = ("prometheuses", "servicemonitors", "podmonitors", "probes", "prometheusrules", "scrapeconfigs")
"""Its own namespaces, as many as it needs."""
_NAMESPACE: Final = "consumers"


class PrometheusOperator(Controller):
    """It calls nothing itself: only the configuration counts."""

    name = "Prometheus Operator"
    program = "prometheus-operator"
    setting = "authorization: {credentials: {name: shop-token, key: token}}"

    def token(self) -> Token:
        """With its CRDs, a Prometheus, and a ServiceMonitor that names the Secret."""
        stage = Stage(self.site.kube, Ledger(), self.site.login, _NAMESPACE)
        stage.endpoint(QUICK.name, rolloverLead=f"{QUICK.lead:.0f}s")
        token = stage.token("shop", endpoint=QUICK.name, policy=QUICK.policy, target={"name": "shop-token"})
        crds = self.sources() / "example" / "prometheus-operator-crd"
        self.install(crds / f"monitoring.coreos.com_{kind}.yaml" for kind in _KINDS)
        endpoint: dict[str, Any] = {"port": "web"} | yaml.safe_load(self.setting)
        objects: list[dict[str, Any]] = [
            {"kind": "Prometheus", "spec": {"serviceMonitorSelector": {}}},
            {"kind": "ServiceMonitor", "spec": {"selector": {}, "endpoints": [endpoint]}},
        ]
        common = {"apiVersion": "monitoring.coreos.com/v1", "metadata": {"name": "shop", "namespace": _NAMESPACE}}
        file = self.site.home / "objects.json"
        file.write_text(json.dumps({"apiVersion": "v1", "kind": "List", "items": [common | each for each in objects]}))
        self.site.plane.kubectl("apply", f"--filename={file}")
        return token

    def command(self) -> list[str]:
        """On a port that it chooses."""
        return [str(tool.find(self.program)), "--web.listen-address=127.0.0.1:0"]

    def has(self, value: str) -> bool:
        """Whether the configuration that a Prometheus mounts has it."""
        secret = self.site.kube.find("Secret", _NAMESPACE, "prometheus-shop") or {}
        packed = (secret.get("data") or {}).get("prometheus.yaml.gz", "")
        return packed != "" and value in gzip.decompress(base64.b64decode(packed)).decode()
