"""The operator's pod, as the kubelet runs it from the shipped image and chart."""

import pytest

from tests.cluster.client import CommandError
from tests.node.release import Release


def test_pod(release: Release) -> None:
    """The pod is ready at its first start, under its own account, as a user without privileges or a name."""
    pod = release.pod()
    assert pod["status"]["containerStatuses"][0]["ready"]
    assert release.restarts() == 0
    assert release.run("id") == "uid=65532 gid=65532 groups=65532\n"
    capabilities = release.run("grep", "^Cap", "/proc/1/status").split()[1::2]
    assert set(capabilities) == {"0" * 16}


def test_helm_test(release: Release) -> None:
    """It finds the operator ready and its kinds served; its pod and account are gone afterwards."""
    said = release.test()
    assert "Succeeded" in said
    assert "the operator is ready, and its kinds are served" in said
    left = release.kubectl("get", "pods,serviceaccounts", "--output=name")
    assert "-test" not in left


@pytest.mark.parametrize("path", ["/written", "/tmp/written", "/app/written", "/var/tmp/written"])
def test_read_only_root(release: Release, path: str) -> None:
    """Writing to its root filesystem fails."""
    with pytest.raises(CommandError, match="Read-only file system"):
        release.run("touch", path)
