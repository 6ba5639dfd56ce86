"""Which pods read a Secret, and which of them see it change."""

from typing import Any

import pytest
from integration_token.cluster.pod import Reader, readers

VOLUME = {"name": "token", "secret": {"secretName": "shop"}}
PROJECTED = {
    "name": "token",
    "projected": {"sources": [{"configMap": {"name": "shop"}}, {"secret": {"name": "shop"}}]},
}
OTHER = {"name": "token", "secret": {"secretName": "till"}}
MOUNT = {"name": "token", "mountPath": "/token"}
PART = {**MOUNT, "subPath": "token"}
VARIABLE = {"env": [{"name": "PLAIN", "value": "shop"}, {"name": "T", "valueFrom": {"secretKeyRef": {"name": "shop"}}}]}


def pod(*containers: dict[str, Any], volumes: tuple[dict[str, Any], ...] = (VOLUME,), **parts: Any) -> dict[str, Any]:
    """A pod without an owner."""
    return {"metadata": {"name": "one"}, "spec": {"containers": list(containers), "volumes": list(volumes), **parts}}


@pytest.mark.parametrize(
    ("body", "mounted", "frozen"),
    [
        pytest.param(pod({"volumeMounts": [MOUNT]}), True, False, id="a volume follows"),
        pytest.param(pod({"volumeMounts": [MOUNT]}, volumes=(PROJECTED,)), True, False, id="a projected one too"),
        pytest.param(pod({"volumeMounts": [PART]}), False, True, id="a subPath does not"),
        pytest.param(
            pod({"volumeMounts": [{**MOUNT, "subPathExpr": "$(POD)"}]}), False, True, id="nor one with variables"
        ),
        pytest.param(pod({"volumeMounts": [PART]}, {"volumeMounts": [MOUNT]}), True, True, id="one container each"),
        pytest.param(pod(VARIABLE, volumes=()), False, True, id="an environment variable does not"),
        pytest.param(
            pod({"envFrom": [{"secretRef": {"name": "shop"}}]}, volumes=()),
            False,
            True,
            id="nor do all variables at once",
        ),
        pytest.param(
            pod({}, initContainers=[{**VARIABLE, "restartPolicy": "Always"}]), False, True, id="a sidecar counts"
        ),
    ],
)
def test_a_pod_is_classed_by_how_it_reads(body: dict[str, Any], mounted: bool, frozen: bool) -> None:
    """The kubelet keeps whole volumes current; everything else stays as it was at startup."""
    assert list(readers([body], "shop")) == [Reader("one", "Pod one", mounted, frozen)]


@pytest.mark.parametrize(
    "body",
    [
        pytest.param(
            pod({"volumeMounts": [MOUNT]}, volumes=({"name": "token", "secret": {"secretName": "till"}},)), id="another"
        ),
        pytest.param(pod({}), id="a volume that no container mounts"),
        pytest.param(pod({"volumeMounts": [{**MOUNT, "name": "data"}]}), id="another volume"),
        pytest.param(pod({}, initContainers=[VARIABLE]), id="an init container, which has ended"),
        pytest.param({"metadata": {"name": "one"}, "spec": {"containers": [{}]}}, id="a pod without volumes"),
    ],
)
def test_a_pod_that_does_not_read_the_secret_is_left_alone(body: dict[str, Any]) -> None:
    """It is neither annotated nor warned about."""
    assert list(readers([body], "shop")) == []


@pytest.mark.parametrize(
    ("metadata", "owner"),
    [
        pytest.param(
            {
                "labels": {"pod-template-hash": "7d9f"},
                "ownerReferences": [{"kind": "ReplicaSet", "name": "shop-7d9f", "controller": True}],
            },
            "Deployment shop",
            id="a Deployment by its ReplicaSet",
        ),
        pytest.param(
            {"ownerReferences": [{"kind": "ReplicaSet", "name": "shop", "controller": True}]},
            "ReplicaSet shop",
            id="a ReplicaSet of nobody's",
        ),
        pytest.param(
            {
                "ownerReferences": [
                    {"kind": "Widget", "name": "w"},
                    {"kind": "StatefulSet", "name": "db", "controller": True},
                ]
            },
            "StatefulSet db",
            id="the controller among several owners",
        ),
    ],
)
def test_a_pod_is_named_by_what_made_it(metadata: dict[str, Any], owner: str) -> None:
    """That is what a person changes."""
    body = pod({"volumeMounts": [MOUNT]})
    body["metadata"] |= metadata
    assert [reader.owner for reader in readers([body], "shop")] == [owner]
