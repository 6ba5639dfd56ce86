"""Without a running operator, nothing is reported as done."""

import pytest

from tests.apiserver.operator import Operator
from tests.gitops.release import Site
from tests.gitops.waiter import EVERY, Waiter


@pytest.fixture(scope="module", autouse=True)
def _stopped(operator: Operator) -> None:
    operator.stop()


@pytest.mark.parametrize("how", EVERY)
def test_without_an_operator_a_wait_ends_in_vain(waiter: Waiter, site: Site, how: str) -> None:
    """It names what is missing."""
    release = site.release()
    waited = EVERY[how](waiter, release.objects(), 2)
    assert waited.error
    assert "IntegrationToken" in waited.error or "InProgress" in waited.judged["IntegrationToken"], waited.said
    assert release.target() is None
