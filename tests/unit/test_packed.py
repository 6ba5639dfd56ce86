"""What the watch reports of a resource is kept in little space, and comes back as it was."""

import hashlib
from typing import Any

import pytest
from integration_token.api.integration import parse_integration
from integration_token.api.names import RENEW_ANNOTATION
from integration_token.state.packed import pack, unpack
from integration_token.workqueue.key import token_key

from tests.unit.world import NAMESPACE, World, play

Object = dict[str, Any]


def body(spec: Object | None = None, wish: str = "") -> Object:
    """A resource with a status, and with much that nobody asks for."""
    return {
        "metadata": {
            "namespace": "store",
            "name": "shop",
            "uid": "5f0a",
            "generation": 3,
            "resourceVersion": "71",
            "creationTimestamp": "2026-01-01T00:00:00Z",
            "annotations": {"kubectl.kubernetes.io/last-applied-configuration": "x" * 5000, RENEW_ANNOTATION: wish},
            "managedFields": [{"manager": "kubectl"}],
        },
        "spec": {"endpointRef": {"name": "login"}, "credentialsSecretRef": {"name": "shop"}, **(spec or {})},
        "status": {"observedGeneration": 2, "scope": ["orders:read", "caf\u00e9 \N{GRINNING FACE}"]},
    }


@pytest.mark.parametrize(
    "made",
    [
        pytest.param(body(), id="usual"),
        pytest.param(
            body({
                "scopes": ["orders:read"],
                "suspend": True,
                "renewBefore": "90m",
                "target": {"name": "t", "template": {"type": "Opaque", "data": {"a": "${token}"}}},
            }),
            id="with more in its spec",
        ),
        pytest.param(body({"audience": "\ud800"}), id="with text that is not Unicode"),
        pytest.param(body(wish="now"), id="with a wish"),
        pytest.param(body(wish="now" * 50_000), id="with a long wish"),
        pytest.param({key: value for key, value in body().items() if key != "status"}, id="without a status"),
    ],
)  # fmt: skip
def test_a_resource_comes_back_as_it_was(made: Object) -> None:
    """With everything that a pass reads."""
    packed = pack(made)
    assert packed
    assert parse_integration(unpack(packed)) == parse_integration(made)


@pytest.mark.parametrize("audience", ["x" * 20_000, hashlib.shake_128(b"7").hexdigest(1000)])
def test_a_large_resource_is_not_kept(audience: str) -> None:
    """However well it can be compressed: it takes memory while it is read."""
    assert pack(body({"audience": audience})) == b""


def test_an_ordinary_resource_takes_little() -> None:
    """With its whole status, once its token is there."""

    async def story(world: World) -> None:
        await world.begin(audience="https://api.example.com", scopes=["orders:read", "orders:write"])
        packed = world.operator.inventory.resources[token_key(NAMESPACE, "shop")].packed
        assert 0 < len(packed) <= 320

    play(story)
