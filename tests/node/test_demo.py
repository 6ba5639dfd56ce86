"""The README's first token: its manifests and the demo endpoint's, applied as a new user does."""

import base64
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

import pytest
import yaml

from tests.cluster.plane import ControlPlane
from tests.cluster.poll import poll
from tests.cluster.port import free_port
from tests.node.release import Release
from tests.unit.document import manifests

ROOT: Final = Path(__file__).parents[2]
DEMO: Final = ROOT / "operator" / "docs" / "demo-endpoint.yaml"
INSIDE: Final = "--namespace=demo"
LOG: Final = ("logs", INSIDE, "deployment/demo-endpoint")


class Demo:
    """What a user sees of it."""

    def __init__(self, plane: ControlPlane) -> None:
        """Applies the endpoint's unchanged manifest."""
        self.plane = plane
        self.kubectl = plane.kubectl
        self.kubectl("apply", f"--filename={DEMO}")

    def get(self, kind: str, *name: str) -> dict[str, Any]:
        """An object, or a list of all of a kind."""
        found: dict[str, Any] = json.loads(self.kubectl("get", kind, *name, INSIDE, "--output=json"))
        return found

    def token(self) -> str:
        """The token in the Secret."""
        return base64.b64decode(self.get("secret", "shop-token")["data"]["token"]).decode()

    def until_refreshed(self, status: str, reason: str) -> None:
        """Returns once the `Refreshed` condition has this status."""

        def told() -> bool:
            conditions = self.get("itok", "shop")["status"]["conditions"]
            return any(
                (one["type"], one["status"], one["reason"]) == ("Refreshed", status, reason) for one in conditions
            )

        poll(told, f"{status}, {reason}")

    def renew(self, wish: str) -> None:
        """Requests a renewal by hand; the endpoint has received the request when this returns."""
        self.kubectl(
            "annotate", "itok", INSIDE, "shop", "--overwrite", f"integrationtoken.dev/renew-requested-at={wish}"
        )
        poll(lambda: self.get("itok", "shop")["status"].get("lastHandledRenewRequest") == wish, "the renewal")


@pytest.fixture(scope="module")
def demo(plane: ControlPlane, release: Release) -> Iterator[Demo]:
    """For the module; the operator runs."""
    assert release.restarts() == 0
    demo = Demo(plane)
    yield demo
    plane.kubectl("delete", "namespace/demo", "clustertokenendpoint/demo")


def test_restricted_admits_the_endpoint(demo: Demo) -> None:
    """Its namespace enforces Pod Security `restricted`, and its pod runs and responds."""
    assert demo.get("namespace", "demo")["metadata"]["labels"]["pod-security.kubernetes.io/enforce"] == "restricted"
    demo.kubectl("rollout", "status", INSIDE, "deployment/demo-endpoint", "--timeout=60s")


def test_first_token(demo: Demo) -> None:
    """The README's manifest gets a token with the endpoint's lifetime, without extra requests.

    When asked again, the endpoint returns the same token.
    """
    _move_to_the_nodes_network(demo)
    (text,) = (yaml.safe_dump_all([one for one in manifests((ROOT / "README.md").read_text()) if "kind" in one]),)
    demo.kubectl("apply", "--filename=-", stdin=text)
    demo.kubectl("wait", INSIDE, "--for=condition=Ready", "integrationtoken/shop", "--timeout=60s")
    token = demo.token()
    assert demo.get("itok", "shop")["status"]["lifetimeSeconds"] in range(595, 601)

    demo.renew("again")

    assert demo.token() == token
    assert "a new token, which expires in 600 s" in demo.kubectl(*LOG)
    assert "the cached token" in demo.kubectl(*LOG)
    assert token not in demo.kubectl(*LOG)


def test_wrong_secret(demo: Demo) -> None:
    """It is refused as by a real endpoint, and the right one works again."""
    for secret, status, reason in [("wrong", "False", "InvalidClient"), ("demo-secret", "True", "Refreshed")]:
        patch = json.dumps({"stringData": {"client_secret": secret}})
        demo.kubectl("patch", "secret", INSIDE, "shop-credentials", f"--patch={patch}")
        demo.until_refreshed(status, reason)
    assert "demo-secret" not in demo.kubectl(*LOG)


def _move_to_the_nodes_network(demo: Demo) -> None:
    """There the operator on this node can reach it, without DNS or Services. `restricted` forbids that."""
    port = free_port()
    demo.kubectl("label", "--overwrite", "namespace/demo", "pod-security.kubernetes.io/enforce=privileged")
    container = {
        "name": "endpoint",
        "env": [{"name": "PORT", "value": str(port)}],
        "ports": [{"$patch": "replace"}, {"name": "http", "containerPort": port}],
    }
    pod = {"hostNetwork": True, "containers": [container]}
    patch = json.dumps({"spec": {"template": {"spec": pod}}})
    demo.kubectl("patch", "deployment", INSIDE, "demo-endpoint", f"--patch={patch}")
    url = json.dumps({"spec": {"tokenURL": f"http://127.0.0.1:{port}/oauth/token"}})
    demo.kubectl("patch", "clustertokenendpoint", "demo", "--type=merge", f"--patch={url}")
    demo.kubectl("rollout", "status", INSIDE, "deployment/demo-endpoint", "--timeout=60s")
