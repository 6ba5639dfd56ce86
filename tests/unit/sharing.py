"""Resources with the same credentials, which may therefore share a token."""

import re
from typing import Any

from tests.unit.scrape import scraped
from tests.unit.world import NAMESPACE, World

CLUSTER: dict[str, Any] = {"endpointRef": {"kind": "ClusterTokenEndpoint", "name": "login"}}
OTHER = "market"
"""A namespace other than the world's own."""


async def sharing(world: World, *names: str, **spec: Any) -> None:
    """Resources with the same credentials, and an operator that knows all of them."""
    world.endpoint()
    world.credentials()
    for name in names:
        world.integration(name, **spec)
    await world.operator.start()
    await world.settle()


async def across(world: World, **selector: Any) -> None:
    """Two namespaces with the same credentials for the same ClusterTokenEndpoint."""
    world.cluster_endpoint(**selector)
    for namespace in (NAMESPACE, OTHER):
        world.namespace(namespace, team=namespace)
        world.credentials(namespace=namespace)
        world.integration(namespace=namespace, **CLUSTER)
    await world.operator.start()
    await world.settle()


def saved(world: World) -> float:
    """The counter of saved requests, as Prometheus reads it."""
    text = scraped(world.operator.metrics)
    return sum(map(float, re.findall(r"^integration_token_requests_saved_total\{.*\} (.*)$", text, re.MULTILINE)))
