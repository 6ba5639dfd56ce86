"""What several of the unit tests share."""

import pytest

from tests.unit.virtual import FakeClock


@pytest.fixture
def clock() -> FakeClock:
    """A clock that stands still until the test moves it."""
    return FakeClock()
