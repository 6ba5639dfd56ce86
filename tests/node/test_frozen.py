"""Pods that read the Secret in ways that never update are reported on the IntegrationToken."""

import json
from typing import Any

from tests.apiserver.stage import Stage
from tests.cluster import pause_image
from tests.cluster.plane import ControlPlane


def _deployment(name: str, namespace: str, pod: dict[str, Any]) -> str:
    labels = {"app": name}
    spec = {"terminationGracePeriodSeconds": 0, **pod}
    return json.dumps(
        {
            "apiVersion": "apps/v1",
            "kind": "Deployment",
            "metadata": {"name": name, "namespace": namespace},
            "spec": {
                "selector": {"matchLabels": labels},
                "template": {"metadata": {"labels": labels}, "spec": spec},
            },
        }
    )


def test_event(plane: ControlPlane, stage: Stage) -> None:
    """At a renewal an event names the Deployments that read the Secret by environment or subPath, and what to do.

    It doesn't name the one that mounts it as it should.
    """
    token = stage.token("shop").until_ready()
    reference = {"name": "TOKEN", "valueFrom": {"secretKeyRef": {"name": token.target, "key": "token"}}}
    volumes = [{"name": "token", "secret": {"secretName": token.target}}]
    container = {"name": "pause", "image": pause_image.NAME}
    mount = {"name": "token", "mountPath": "/token"}
    pods: dict[str, dict[str, Any]] = {
        "by-environment": {"containers": [container | {"env": [reference]}]},
        "by-subpath": {
            "containers": [container | {"volumeMounts": [mount | {"subPath": "token"}]}],
            "volumes": volumes,
        },
        "as-it-should": {"containers": [container | {"volumeMounts": [mount]}], "volumes": volumes},
    }
    inside = f"--namespace={stage.namespace}"
    for name, pod in pods.items():
        plane.kubectl("create", "--filename=-", stdin=_deployment(name, stage.namespace, pod))
    plane.kubectl("wait", "--for=condition=Available", "deployments", "--all", inside, "--timeout=60s")

    token.stage.login.endpoint.roll_over(token.client_id)
    token.request_poll()
    (message,) = token.until_event("RenewalNotSeen")
    plane.kubectl("delete", "deployments", "--all", inside, "--wait=false")

    assert message.startswith(
        "Deployment by-environment, Deployment by-subpath read Secret shop through an environment"
    )
    assert "Stakater Reloader" in message
    assert "as-it-should" not in message
