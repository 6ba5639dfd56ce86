"""Fixtures that several unit tests share."""

import pytest

from tests.unit.virtual import FakeClock


@pytest.fixture
def clock() -> FakeClock:
    """A clock that only moves when the test moves it."""
    return FakeClock()
