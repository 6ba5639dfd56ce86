"""One control plane for the whole layer: it starts in a few seconds, but in those once is enough."""

from collections.abc import Iterator

import pytest

from tests.cluster.plane import ControlPlane


@pytest.fixture(scope="session")
def plane() -> Iterator[ControlPlane]:
    """With the controllers: a deleted resource takes its Secret along by their garbage collector."""
    with ControlPlane(controller_manager=True) as running:
        yield running
