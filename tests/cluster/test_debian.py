"""What the image's and the node's tests need of the machine, where it isn't there."""

import os
import sys
from pathlib import Path

import pytest

from tests.cluster import debian
from tests.cluster.toolchain import ToolError


@pytest.fixture(autouse=True)
def machine(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Path:
    """A Linux machine and its root, with no program but those that a test puts into the directory."""
    monkeypatch.setattr(sys, "platform", "linux")
    monkeypatch.setattr(os, "geteuid", lambda: 0)
    monkeypatch.setattr(debian, "PLUGINS", str(tmp_path / "plugins"))
    monkeypatch.setenv("PATH", str(tmp_path))
    return tmp_path


def test_missing_programs_are_named(machine: Path) -> None:
    """What is missing is named, and the packages that bring it; what is there is not."""
    program = machine / "containerd"
    program.touch(mode=0o755)
    with pytest.raises(ToolError) as raised:
        debian.require(("buildah", "containerd", "ptp", "runc"))
    packages = "buildah containernetworking-plugins runc"
    assert str(raised.value) == f"missing: buildah, ptp, runc; install with: apt-get install {packages}"


def test_without_root(monkeypatch: pytest.MonkeyPatch) -> None:
    """Who isn't root is told that, and not what to install."""
    monkeypatch.setattr(os, "geteuid", lambda: 1000)
    with pytest.raises(ToolError, match=r"needs root$"):
        debian.require(("buildah",))


def test_elsewhere_than_linux(monkeypatch: pytest.MonkeyPatch) -> None:
    """Nor is who works on another system."""
    monkeypatch.setattr(sys, "platform", "darwin")
    with pytest.raises(ToolError, match=r"needs Linux$"):
        debian.require(("buildah",))
