"""A controller that reads the Secret by itself, with no kubelet in between: the Prometheus Operator."""

import base64
import gzip
import json
import os
import subprocess
import tempfile
import time
from contextlib import ExitStack, closing
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import yaml

from tests.apiserver.kube import Kube
from tests.apiserver.ledger import Ledger
from tests.apiserver.operator import usual
from tests.apiserver.stage import Login, Stage, Token
from tests.cluster import go_build, tool, toolchain
from tests.cluster.daemon import Daemon
from tests.cluster.module import PROMETHEUS_OPERATOR
from tests.cluster.plane import ControlPlane
from tests.cluster.poll import poll
from tests.consumers.pace import QUICK
from tests.consumers.result import ROLLOVERS

NAME: Final = "Prometheus Operator"
LIMIT: Final = 2.0
"""Seconds from the Secret's change until the configuration that a Prometheus mounts has the new token."""
SETTING: Final = "authorization: {credentials: {name: shop-token, key: token}}"
"""Of a ServiceMonitor's endpoint, as the documents show it."""

_PACKAGE: Final = "github.com/prometheus-operator/prometheus-operator"
_KINDS: Final = ("prometheuses", "servicemonitors", "podmonitors", "probes", "prometheusrules", "scrapeconfigs")
"""Of its own, as many as it needs."""
_API: Final = "monitoring.coreos.com/v1"
_START: Final = 60.0
"""Seconds until it has written its first configuration."""


@dataclass(frozen=True, slots=True)
class Delay:
    """What was seen of it."""

    version: str
    seconds: tuple[float, ...]
    """From each change of the Secret until its own had the new token."""

    def faults(self) -> list[str]:
        """What isn't as it should be, a sentence each."""
        return [f"it took {seconds:.1f} s" for seconds in self.seconds if seconds > LIMIT]


def watched() -> Delay:
    """Over three renewals by the operator. Raises ToolError."""
    with ExitStack() as stack:
        home = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="controller-")))
        plane = stack.enter_context(ControlPlane(audit=False))
        stack.enter_context(usual(plane))
        login = Login()
        stack.enter_context(login.endpoint)
        kube = stack.enter_context(closing(Kube(plane)))
        stage = Stage(kube, Ledger(), login, "consumers")
        stage.endpoint(QUICK.name, rolloverLead=f"{QUICK.lead:.0f}s")
        token = stage.token(
            "shop", endpoint=QUICK.name, policy=QUICK.policy, target={"name": "shop-token"}
        ).until_ready()
        _install(plane, token.namespace, home)
        command = ["env", f"KUBECONFIG={plane.kubeconfig}", str(tool.find("prometheus-operator"))]
        daemon = Daemon("prometheus-operator", [*command, "--web.listen-address=127.0.0.1:0"], home)
        stack.callback(daemon.kill)
        daemon.start()
        daemon.wait_ready(lambda: _configured(kube, token), _START)
        seconds = tuple(_renewal(kube, token) for _ in range(ROLLOVERS))
    return Delay(PROMETHEUS_OPERATOR.version(_PACKAGE).removeprefix("v"), seconds)


def table(delay: Delay) -> str:
    """As Markdown."""
    row = [NAME, delay.version, f"{len(delay.seconds)}", f"{max(delay.seconds):.2f} s"]
    head = ["controller", "version", "renewals", "its configuration had the new token after, at most"]
    return "".join(f"| {' | '.join(line)} |\n" for line in (head, ["---"] * len(head), row))


def _install(plane: ControlPlane, namespace: str, home: Path) -> None:
    """Its CRDs, a Prometheus, and a ServiceMonitor that names the Secret."""
    go = toolchain.go(PROMETHEUS_OPERATOR)
    answer = subprocess.run(
        [go, "mod", "download", "-json", _PACKAGE],
        cwd=PROMETHEUS_OPERATOR.directory,
        env=os.environ | go_build.ENVIRONMENT,
        capture_output=True,
        text=True,
        check=True,
    )
    source = Path(json.loads(answer.stdout)["Dir"]) / "example" / "prometheus-operator-crd"
    for kind in _KINDS:
        # On the server: as an annotation of kubectl's they would be too large.
        plane.kubectl("apply", "--server-side", f"--filename={source / f'monitoring.coreos.com_{kind}.yaml'}")
    plane.kubectl("wait", "--for=condition=Established", *(f"crd/{kind}.monitoring.coreos.com" for kind in _KINDS))
    metadata = {"name": "shop", "namespace": namespace}
    endpoint: dict[str, Any] = {"port": "web"} | yaml.safe_load(SETTING)
    objects: list[dict[str, Any]] = [
        {"kind": "Prometheus", "spec": {"serviceMonitorSelector": {}}},
        {"kind": "ServiceMonitor", "spec": {"selector": {}, "endpoints": [endpoint]}},
    ]
    file = home / "objects.json"
    items = [{"apiVersion": _API, "metadata": metadata} | each for each in objects]
    file.write_text(json.dumps({"apiVersion": "v1", "kind": "List", "items": items}))
    plane.kubectl("apply", f"--filename={file}")


def _renewal(kube: Kube, token: Token) -> float:
    """Seconds from the next change of the Secret until the configuration follows."""
    before = token.data()["token"]
    poll(lambda: token.data()["token"] != before, "a renewal", QUICK.lifetime)
    changed = time.monotonic()
    poll(lambda: _configured(kube, token), "the configuration to follow", QUICK.lead)
    return time.monotonic() - changed


def _configured(kube: Kube, token: Token) -> bool:
    """Whether the configuration that a Prometheus mounts has the token of the Secret."""
    secret = kube.find("Secret", token.namespace, "prometheus-shop") or {}
    packed = (secret.get("data") or {}).get("prometheus.yaml.gz", "")
    return packed != "" and token.data()["token"] in gzip.decompress(base64.b64decode(packed)).decode()
