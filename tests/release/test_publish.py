"""A release in a registry: the chart is there, signed, and identical to the release's. tests/node adds the image."""

import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.cluster import tool
from tests.cluster.client import Client
from tests.release import project
from tests.release.__main__ import main
from tests.release.conftest import Key, make_key
from tests.release.registry import registry

VERSION = project.read().semantic_version


@pytest.fixture
def address() -> Iterator[str]:
    """A registry's address, with a path."""
    with registry() as host:
        yield f"{host}/team"


def _signed(name: str, key: Key) -> bool:
    command = [str(tool.find("cosign")), "verify", f"--key={key.public}", "--insecure-ignore-tlog", name]
    return subprocess.run(command, capture_output=True, check=False).returncode == 0


def test_the_chart(released: Path, key: Key, address: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Helm pulls what was released, and cosign verifies it only with the right key."""
    assert main(["publish", f"--dist={released}", f"--registry={address}", f"--key={key.private}"]) == 0
    name = f"{address}/charts/integration-token-operator:{VERSION}"
    assert f"==> {name}@sha256:" in capsys.readouterr().err
    helm = Client(tmp_path / "no-kubeconfig", tmp_path)
    helm.helm("pull", f"oci://{name}", "--plain-http", f"--destination={tmp_path}")
    (chart,) = released.glob("*.tgz")
    assert (tmp_path / chart.name).read_bytes() == chart.read_bytes()
    assert _signed(name, key)
    (tmp_path / "other").mkdir()
    assert not _signed(name, make_key(tmp_path / "other"))


def test_nothing_is_published_that_was_changed(
    released: Path, key: Key, address: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """The release is verified again, with the signing key."""
    copy = shutil.copytree(released, tmp_path / "dist")
    (copy / "new").touch()
    assert main(["publish", f"--dist={copy}", f"--registry={address}", f"--key={key.private}"]) == 2
    assert capsys.readouterr().err == "error: new: not named in SHA256SUMS\n"


@pytest.mark.parametrize(
    ("place", "file", "message"),
    [
        ("", "cosign.key", "REGISTRY=: not HOST or HOST/PATH"),
        ("https://registry.example.com", "cosign.key", "REGISTRY=https://registry.example.com: not HOST or HOST/PATH"),
        ("registry.example.com/team", "", "KEY=: no such file"),
    ],
)
def test_what_is_no_order_is_refused(
    place: str, file: str, message: str, released: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """One line names the wrong variable."""
    assert main(["publish", f"--dist={released}", f"--registry={place}", f"--key={file}"]) == 2
    assert capsys.readouterr().err == f"error: {message}\n"
