"""An upgrade, a rollback, and replicas of two versions leading in turn cost valid tokens no request and no write."""

from concurrent.futures import Future

import pytest

from tests.apiserver.upgrade import Costs
from tests.released.release import RELEASES


@pytest.mark.parametrize("version", [release.version for release in RELEASES])
def test_good_tokens_cost_nothing_whichever_version_leads(upgrades: dict[str, Future[Costs]], version: str) -> None:
    """Neither version requests or writes anything when it follows the other, or when they lead in turn.

    The tokens were issued by the release, and some renewed by this tree.
    """
    costs = upgrades[version].result()

    assert costs.legs == {name: {} for name in costs.legs}
    assert len(costs.legs) == 4
    assert not costs.changed
    assert costs.managers == {"integration-token-operator"}
    assert not costs.reworded, "wording alone is never written"
