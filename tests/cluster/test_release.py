"""Which Python the image has, and where the suites get it from."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.cluster import debian, release, shipped
from tests.cluster.toolchain import ToolError

NEWER = "ARG BASE=python:3.99-slim\n"


@pytest.fixture
def dockerfile(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Another Dockerfile, of an image whose Python is newer than any."""
    file = tmp_path / "Dockerfile"
    file.write_text(NEWER)
    monkeypatch.setattr(release, "DOCKERFILE", file)
    return file


@pytest.fixture
def run(monkeypatch: pytest.MonkeyPatch) -> list[list[str]]:
    """The command lines that replace this process."""
    commands: list[list[str]] = []
    monkeypatch.setattr(os, "execv", lambda _, command: commands.append(command))
    return commands


def test_image_has_the_python_of_a_release_of_debian() -> None:
    """Only the Dockerfile says which; the tests' base is that release."""
    assert release.SUITES[release.python()] == release.suite()


def test_python_that_debian_does_not_have_is_reported(dockerfile: Path) -> None:
    """The message says what to add after raising the image's Python, or that the version is missing."""
    with pytest.raises(ToolError, match=r"Python 3\.99 is known: add it to SUITES in tests/cluster/release\.py$"):
        release.suite()
    dockerfile.write_text("ARG BASE=debian:trixie\n")
    with pytest.raises(ToolError, match=r"^Dockerfile has no ARG BASE=python:X.Y with a minor version of Python"):
        release.python()


@pytest.mark.parametrize(
    ("platform", "user", "why"), [("linux", 1000, "that needs root"), ("darwin", 0, "that needs Linux")]
)
def test_what_is_not_run_on_the_images_python_is_said(
    platform: str,
    user: int,
    why: str,
    dockerfile: Path,
    run: list[list[str]],
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    """Without root or Linux the current Python is used, and once is enough; in CI it is an error."""
    monkeypatch.setattr(sys, "platform", platform)
    monkeypatch.setattr(os, "geteuid", lambda: user)
    monkeypatch.delenv("CI", raising=False)
    said = f"not run on the image's Python 3.99 but on {sys.version_info[0]}.{sys.version_info[1]}: {why}\n"

    shipped.main(["-m", "pytest"])
    assert run == [[sys.executable, "-m", "pytest"]]
    assert capsys.readouterr().err == f"==> {said}"

    assert shipped.main(["--besides", "-m", "pytest"]) == 0
    assert len(run) == 1
    assert capsys.readouterr().err == f"==> {said}"

    monkeypatch.setenv("CI", "true")
    assert shipped.main(["-m", "pytest"]) == 2
    assert len(run) == 1
    assert capsys.readouterr().err == f"error: {said}"


def test_missing_program_is_said_too(
    dockerfile: Path, run: list[list[str]], monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """With the package to install."""
    monkeypatch.setattr(sys, "platform", "linux")
    monkeypatch.setattr(os, "geteuid", lambda: 0)
    monkeypatch.setenv("PATH", str(dockerfile.parent))
    monkeypatch.delenv("CI", raising=False)
    shipped.main(["-m", "pytest"])
    assert run
    assert capsys.readouterr().err.endswith(
        f": missing: mmdebstrap, unshare; install with: apt-get install mmdebstrap {debian.PACKAGES['unshare']}\n"
    )


def test_python_that_is_new_enough_is_taken_as_it_is(
    dockerfile: Path, run: list[list[str]], capsys: pytest.CaptureFixture[str]
) -> None:
    """It isn't run a second time."""
    dockerfile.write_text("ARG BASE=python:3.11-slim\n")
    shipped.main(["-m", "pytest"])
    assert run == [[sys.executable, "-m", "pytest"]]
    assert shipped.main(["--besides", "-m", "pytest"]) == 0
    assert len(run) == 1
    assert capsys.readouterr().err == ""


@pytest.mark.skipif(sys.platform != "linux" or os.geteuid() != 0, reason="mounts, which only root on Linux may")
def test_command_inside_another_root_sees_what_is_shared_and_nothing_stays_mounted(tmp_path: Path) -> None:
    """At the given paths, with the same working directory; its exit code is the command's."""
    root, tree = tmp_path / "root", tmp_path / "tree"
    root.mkdir()
    tree.mkdir()
    (tree / "file").write_text("of the tree")
    machine = {
        Path(name): Path(name) for name in ("/usr", "/bin", "/lib", "/lib64", "/etc/hosts") if Path(name).exists()
    }
    command = shipped._inside(root, machine | {tree: tree}, ["/bin/sh", "-c", "pwd; cat file; ls /; exit 3"])
    ended = subprocess.run(command, cwd=tree, capture_output=True, text=True, check=False)
    assert ended.returncode == 3, ended.stderr
    assert ended.stdout.splitlines()[0] == f"{tree}"
    assert "of the tree" in ended.stdout
    assert "home" not in ended.stdout.split()
    assert not (root / tree.relative_to("/") / "file").exists()
    assert not list((root / "usr").iterdir())
