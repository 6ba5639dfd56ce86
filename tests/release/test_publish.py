"""A release in a registry: the chart is there, signed, and identical to the release's. tests/node adds the image."""

import hashlib
import http.client
import json
import os
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.cluster import tool
from tests.cluster.client import Client
from tests.release import project, published
from tests.release.__main__ import main
from tests.release.build import NO_IMAGE, Order, build
from tests.release.conftest import Key, make_key
from tests.release.fault import ReleaseError
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


def test_a_published_version_stays(
    released: Path, key: Key, commit: str, address: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Publishing it again changes nothing, whatever the files' time, and another release of that version is refused."""
    options = [f"--registry={address}", f"--key={key.private}"]
    assert main(["publish", f"--dist={released}", *options]) == 0
    first = capsys.readouterr().err
    copy = shutil.copytree(released, tmp_path / "copy")
    for file in copy.iterdir():
        os.utime(file, (1, 1))
    assert main(["publish", f"--dist={copy}", *options]) == 0
    assert capsys.readouterr().err == first

    build(Order(tmp_path / "other", commit, key=key.private, architectures=[NO_IMAGE]))
    assert main(["publish", f"--dist={tmp_path / 'other'}", *options]) == 2
    name = f"{address}/charts/integration-token-operator:{VERSION}"
    assert capsys.readouterr().err == f"error: {name}: this version is published already, with other content\n"
    assert main(["publish", f"--dist={released}", *options]) == 0
    assert capsys.readouterr().err == first


def _put(host: str, place: str, document: object, kind: str) -> str:
    """Stores a document in a registry; returns its digest."""
    content = json.dumps(document).encode()
    digest = f"sha256:{hashlib.sha256(content).hexdigest()}"
    place, method = (f"blobs/uploads/?digest={digest}", "POST") if place == "blob" else (f"manifests/{place}", "PUT")
    place = place.replace("DIGEST", digest)
    headers = {"Content-Type": f"application/vnd.oci.image.{kind}.v1+json"}
    connection = http.client.HTTPConnection(host, timeout=10)
    connection.request(method, f"/v2/team/image/{place}", body=content, headers=headers)
    assert connection.getresponse().status == 201
    connection.close()
    return digest


def test_images_are_compared_by_configuration(address: str, tmp_path: Path) -> None:
    """Of all architectures: one more or less is another image."""
    host = address.partition("/")[0]
    media = "application/vnd.oci.image"
    configurations = [_put(host, "blob", {"architecture": name}, "config") for name in ("amd64", "arm64")]
    parts = []
    for digest in configurations:
        config = {"mediaType": f"{media}.config.v1+json", "digest": digest, "size": 25}
        manifest = {"schemaVersion": 2, "mediaType": f"{media}.manifest.v1+json", "config": config, "layers": []}
        part = _put(host, "DIGEST", manifest, "manifest")
        parts.append({"mediaType": f"{media}.manifest.v1+json", "digest": part, "size": len(json.dumps(manifest))})
    index = {"schemaVersion": 2, "mediaType": f"{media}.index.v1+json", "manifests": parts}
    digest = _put(host, VERSION, index, "index")
    auth = tmp_path / "config.json"
    auth.write_text("{}")
    name = f"{address}/image:{VERSION}"
    assert published.existing(name, frozenset(configurations), auth) == digest
    assert published.existing(f"{name}-other", frozenset(configurations), auth) == ""
    with pytest.raises(ReleaseError, match="published already, with other content"):
        published.existing(name, frozenset(configurations[:1]), auth)


def test_a_registry_that_does_not_answer(tmp_path: Path) -> None:
    """It isn't taken for one without the version."""
    with pytest.raises(ReleaseError, match=r"127\.0\.0\.1:1/team/image:1: .*refused"):
        published.existing("127.0.0.1:1/team/image:1", frozenset(), tmp_path / "config.json")


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
