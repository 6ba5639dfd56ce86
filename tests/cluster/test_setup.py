"""What `make test` does first: it installs what the machine lacks, or names it."""

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from tests.cluster import __main__ as cluster
from tests.cluster import debian, setup, tool
from tests.cluster.standing import ROOT
from tests.cluster.toolchain import ToolError

EVERYTHING = set(debian.PACKAGES) - set(debian.C)
NO_ROOT = "running a node needs root"


def test_fresh_machine_needs_everything_that_is_listed() -> None:
    """Everything that a stage takes from Debian is there before the first one starts."""
    assert set(setup.wanted(obstacle="", ci=False)) == EVERYTHING
    assert setup.wanted(obstacle="", ci=True) == setup.wanted(obstacle="", ci=False)


def test_without_root_only_python_is_needed() -> None:
    """The tests that need root are skipped, and so is what they need."""
    assert setup.wanted(obstacle=NO_ROOT, ci=False) == debian.PYTHON


def test_in_ci_nothing_is_left_out() -> None:
    """There a missing root is reported at once, not after the other stages."""
    with pytest.raises(ToolError, match=r"^running a node needs root, and with CI=true no test may be skipped$"):
        setup.wanted(obstacle=NO_ROOT, ci=True)


def test_only_what_is_missing_and_needed_is_installed() -> None:
    """By package, each once: containerd has two programs."""
    needs = ("venv", "containerd", "ctr", "ptp", "node")
    missing = ["ctr", "containerd", "ptp", "javac"]
    assert setup.lacking(needs, missing, apt_get=True) == ["containerd", "containernetworking-plugins"]
    assert setup.lacking(needs, ["javac"], apt_get=True) == []


def test_what_is_missing_is_named_if_nothing_can_be_installed() -> None:
    """In one line, with the command; a machine that lacks nothing is fine."""
    with pytest.raises(ToolError) as raised:
        setup.lacking(("venv", "buildah"), ["buildah", "venv"], apt_get=False)
    assert str(raised.value) == "missing: venv, buildah; install with: apt-get install buildah python3-venv"
    assert setup.lacking(("venv", "buildah"), [], apt_get=False) == []


@pytest.fixture
def apt_get(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A machine with an apt-get that records its calls, and does what a test wants."""
    program = tmp_path / "apt-get"
    program.touch(mode=0o755)
    monkeypatch.setattr(sys, "platform", "linux")
    monkeypatch.setattr(os, "geteuid", lambda: 0)
    monkeypatch.setenv("PATH", f"{tmp_path}:/usr/bin:/bin")
    return program


def test_missing_package_is_installed_without_a_question(apt_get: Path) -> None:
    """Package lists are updated first, and nothing asks a question."""
    apt_get.write_text(
        f'#!/bin/sh\ncd {apt_get.parent}\necho "$DEBIAN_FRONTEND $*" >>asked\n'
        '[ "$5" = install ] || exit 0\ntouch gadget && chmod +x gadget\n'
    )
    with pytest.MonkeyPatch.context() as patched:
        patched.setitem(debian.PACKAGES, "gadget", "gadgets")
        setup.ready(["gadget"])

    asked = (apt_get.parent / "asked").read_text().splitlines()
    assert [line.split(" ")[0] for line in asked] == ["noninteractive"] * 2
    assert asked[0].endswith(" update")
    assert asked[1].endswith(" install gadgets")
    assert all("--yes" in line and "--no-install-recommends" in line for line in asked)


def test_what_apt_get_could_not_bring_is_named_with_its_reason(
    apt_get: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """The exit code is make's own for an error, and nothing else starts."""
    apt_get.write_text('#!/bin/sh\n[ "$5" = update ] && exit 0\necho "E: Unable to locate package" >&2\nexit 100\n')
    monkeypatch.setattr(debian, "absent", lambda needs: [need for need in needs if need == "buildah"])

    assert setup.main(["test"]) == 2
    assert capsys.readouterr().err.splitlines()[-2:] == [
        "error: missing: buildah; install with: apt-get install buildah",
        "  E: Unable to locate package",
    ]


def test_make_endpoints_needs_a_c_compiler_which_make_test_does_not(
    apt_get: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """The compiler is only installed for that, with the headers."""
    apt_get.write_text("#!/bin/sh\nexit 0\n")
    monkeypatch.setattr(debian, "absent", lambda needs: [need for need in needs if need == "gcc"])
    monkeypatch.setattr(debian, "obstacle", lambda: "")

    assert setup.main(["test"]) == 0
    assert setup.main(["endpoints"]) == 2
    assert capsys.readouterr().err.splitlines()[-1] == (
        "error: missing: gcc; install with: apt-get install build-essential"
    )


def test_make_test_begins_with_it() -> None:
    """A missing package must not show only after a quarter of an hour."""
    (rule,) = re.findall(r"^test: (.*) ##", (ROOT / "Makefile").read_text(), re.MULTILINE)
    assert rule.split()[0] == "setup"


def test_continuous_integration_runs_make_test_and_nothing_else(tmp_path: Path) -> None:
    """What passes there passes on a fresh machine."""
    make = tmp_path / "make"
    make.write_text(f'#!/bin/sh\necho "CI=$CI $*" >>{tmp_path}/asked\n')
    make.chmod(0o755)
    for program in ("bash", "dirname"):
        (tmp_path / program).symlink_to(str(shutil.which(program)))
    subprocess.run([tmp_path / "bash", ROOT / ".ci" / "run"], env={"PATH": str(tmp_path)}, check=True)
    assert (tmp_path / "asked").read_text() == "CI=true test\n"


def test_it_runs_before_there_is_an_environment() -> None:
    """It only uses the standard library, because it makes the environment possible."""
    command = [sys.executable, "-I", "-S", "-c", "import sys; sys.path[:0] = ['.']; import tests.cluster.setup"]
    answer = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert answer.returncode == 0, answer.stderr


def test_without_root_it_is_said_what_is_left_out(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """In the first line, with the reason."""
    monkeypatch.setattr(sys, "platform", "linux")
    monkeypatch.setattr(os, "geteuid", lambda: 1000)
    monkeypatch.setattr(debian, "absent", lambda needs: [])
    monkeypatch.delenv("CI", raising=False)

    assert setup.main(["test"]) == 0
    assert capsys.readouterr().err == (
        "==> the image and node tests will be skipped: building an image and running a node require root\n"
    )


def test_cluster_with_a_node_is_refused_before_anything_is_built(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """`make cluster NODE=1` on a machine that lacks a package names it at once."""
    monkeypatch.setattr(sys, "platform", "linux")
    monkeypatch.setattr(os, "geteuid", lambda: 0)
    monkeypatch.setattr(debian, "absent", lambda needs: [need for need in needs if need == "ptp"])
    monkeypatch.setattr(tool, "provide", lambda _names: pytest.fail("programs are built"))

    assert cluster.main(["start", "--node"]) == 2
    assert capsys.readouterr().err == (
        "error: missing: ptp; install with: apt-get install containernetworking-plugins\n"
    )
