"""The image, built once for all tests of this layer."""

import os
from collections.abc import Iterator

import pytest

from tests.cluster import debian
from tests.cluster import image as images


@pytest.fixture(scope="session")
def image() -> Iterator[images.Image]:
    """The image of this tree. Without root or Linux its tests are skipped, and in CI they fail."""
    obstacle = debian.obstacle()
    if obstacle and os.environ.get("CI") != "true":
        pytest.skip(obstacle)
    with images.built() as image:
        yield image
