"""A namespace in which no further Secret can be created."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final

from tests.apiserver.stage import Stage

NAME: Final = "no-more-secrets"


@contextmanager
def no_more_secrets(stage: Stage) -> Iterator[None]:
    """Within the block, no more Secrets can be created in the stage's namespace.

    No quota controller runs, so the status that the API server goes by is written by hand.
    """
    metadata = {"name": NAME, "namespace": stage.namespace}
    quota = {"apiVersion": "v1", "kind": "ResourceQuota", "metadata": metadata, "spec": {"hard": {"secrets": "0"}}}
    stage.kube.create(quota)
    counted = {"status": {"hard": {"secrets": "0"}, "used": {"secrets": "0"}}}
    stage.kube.patch("ResourceQuota", stage.namespace, NAME, counted, part="status")
    yield
    stage.kube.delete("ResourceQuota", stage.namespace, NAME)
