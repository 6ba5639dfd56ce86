"""What the image and node tests need from the machine, if it is missing."""

import os
import sys
from pathlib import Path

import pytest

from tests.cluster import debian
from tests.cluster.toolchain import ToolError


@pytest.fixture(autouse=True)
def machine(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Path:
    """A Linux machine with root, whose only programs are the ones that a test puts into the directory."""
    monkeypatch.setattr(sys, "platform", "linux")
    monkeypatch.setattr(os, "geteuid", lambda: 0)
    monkeypatch.setattr(debian, "PLUGINS", str(tmp_path / "plugins"))
    monkeypatch.setenv("PATH", str(tmp_path))
    return tmp_path


def test_missing_programs_are_named(machine: Path) -> None:
    """The message names what is missing and the packages to install, and nothing else."""
    program = machine / "containerd"
    program.touch(mode=0o755)
    with pytest.raises(ToolError) as raised:
        debian.require(("buildah", "containerd", "ptp", "runc"))
    packages = "buildah containernetworking-plugins runc"
    assert str(raised.value) == f"missing: buildah, ptp, runc; install with: apt-get install {packages}"


def test_without_root(monkeypatch: pytest.MonkeyPatch) -> None:
    """Without root the message says so, and not what to install."""
    monkeypatch.setattr(os, "geteuid", lambda: 1000)
    with pytest.raises(ToolError, match=r"require root$"):
        debian.require(("buildah",))


def test_elsewhere_than_linux(monkeypatch: pytest.MonkeyPatch) -> None:
    """The same on other systems."""
    monkeypatch.setattr(sys, "platform", "darwin")
    with pytest.raises(ToolError, match=r"require Linux$"):
        debian.require(("buildah",))
