"""Programs that are built from source: what Go is asked for, and the progress shown."""

from collections.abc import Callable
from pathlib import Path

import pytest

from tests.cluster import go_build
from tests.cluster.module import KUBERNETES, PROMETHEUS
from tests.cluster.progress import Meter
from tests.cluster.toolchain import ToolError

ETCD = "go.etcd.io/etcd/server/v3"
API_SERVER = "k8s.io/kubernetes/cmd/kube-apiserver"

Go = Callable[[str], Path]


@pytest.fixture
def go(tmp_path: Path) -> Go:
    """A Go that records its arguments in `asked`, knows four packages, and builds with a line of shell."""

    def write(build: str) -> Path:
        program = tmp_path / "go"
        program.write_text(
            f'#!/bin/sh\necho "$@" >>{tmp_path}/asked\n'
            "if [ $1 = list ]; then echo 'go: downloading example.com/m v1.2.3' >&2; printf 'fmt\\nos\\nm\\nmain\\n'\n"
            f"else {build}; fi\n"
        )
        program.chmod(0o755)
        return program

    return write


@pytest.fixture
def shown(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Every state that the meter is given, however fast."""
    states: list[str] = []
    monkeypatch.setattr(Meter, "show", lambda _, state: states.append(state))
    return states


def test_several_programs_are_built_by_one_command(go: Go, tmp_path: Path) -> None:
    """One is compiled while another is linked; each has the version of its own module."""
    go_build.build(go("true"), KUBERNETES, [API_SERVER, ETCD], tmp_path)

    _, build = (tmp_path / "asked").read_text().splitlines()
    assert build.endswith(f"-o {tmp_path}/ {API_SERVER} {ETCD}")
    assert f"-ldflags={API_SERVER}=-s -w -X k8s.io/component-base/version.gitVersion=v1." in build
    assert f"-ldflags={ETCD}=" in build


def test_what_is_left_out_is_neither_counted_nor_built(go: Go, tmp_path: Path) -> None:
    """Both commands get a module's tags: otherwise more packages would be waited for than are compiled."""
    go_build.build(go("true"), PROMETHEUS, ["github.com/prometheus/prometheus/cmd/promtool"], tmp_path)
    assert all(f" -tags={PROMETHEUS.tags} " in line for line in (tmp_path / "asked").read_text().splitlines())

    (tmp_path / "asked").unlink()
    go_build.build(go("true"), KUBERNETES, [ETCD], tmp_path)
    assert "-tags" not in (tmp_path / "asked").read_text()


def test_program_is_named_as_go_names_it() -> None:
    """A major version at the end of its path is no name."""
    assert [go_build.output(package) for package in (API_SERVER, ETCD)] == ["kube-apiserver", "server"]


def test_packages_are_counted(go: Go, tmp_path: Path, shown: list[str]) -> None:
    """Of all that are needed; other compiler output isn't counted."""
    go_build.build(go("printf 'fmt\\n# m\\nos\\n' >&2"), KUBERNETES, [ETCD], tmp_path)
    assert shown == ["modules fetched: 1", "1 of 4 packages", "1 of 4 packages", "2 of 4 packages"]


def test_failed_build_says_what_the_compiler_said(go: Go, tmp_path: Path) -> None:
    """It doesn't list the packages compiled before."""
    program = go("printf 'fmt\\nos\\n# m\\nm.go:3:1: syntax error\\n' >&2; exit 1")
    with pytest.raises(ToolError) as raised:
        go_build.build(program, KUBERNETES, [ETCD], tmp_path)
    assert str(raised.value).splitlines() == [
        f"kubernetes can't be built with {program}: go build ended with 1:",
        "# m",
        "m.go:3:1: syntax error",
    ]
