"""A correct set of resources installs without an error every time, in any order."""

import os
from concurrent.futures import ThreadPoolExecutor

import pytest

from tests.gitops.release import Site
from tests.gitops.waiter import EVERY, Waiter

RUNS = int(os.environ.get("GITOPS_RUNS", "10"))
"""`make compatibility` makes a hundred."""


@pytest.mark.parametrize("how", ["flux", "helm"])
def test_a_correct_set_is_installed_each_time(waiter: Waiter, site: Site, how: str) -> None:
    """Two at a time, so that the API server and the operator vary in speed."""

    def install(_: int) -> str:
        release = site.release()
        waited = EVERY[how](waiter, release.objects(), 60)
        return waited.said if waited.error or release.target() is None else ""

    with ThreadPoolExecutor(2) as pool:
        failed = [said for said in pool.map(install, range(RUNS)) if said]
    assert not failed, f"{len(failed)} of {RUNS}: {failed[0]}"
