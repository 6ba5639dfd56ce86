"""The image of a release: an archive for this machine's architecture, published in a registry on it."""

import json
import platform
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.cluster import tool
from tests.cluster.image import Image
from tests.release import commit as commits
from tests.release import project, verification
from tests.release.build import Order, build
from tests.release.conftest import make_key, tree_as_commit
from tests.release.fault import ReleaseError
from tests.release.image import DEBIAN, MACHINES
from tests.release.publish import publish
from tests.release.registry import registry

NATIVE = next(name for name, machine in MACHINES.items() if machine == platform.machine())
LABEL = "org.opencontainers.image"


@pytest.fixture(scope="module")
def commit() -> str:
    """The commit that the release is built from."""
    return tree_as_commit()


@pytest.fixture(scope="module")
def key(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A directory with a key pair."""
    directory = tmp_path_factory.mktemp("key")
    make_key(directory)
    return directory


@pytest.fixture(scope="module")
def released(image: Image, commit: str, key: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A release whose image has the same base as the tests' own."""
    directory = tmp_path_factory.mktemp("released") / "dist"
    private = str(key / "cosign.key")
    build(Order(directory, commit, key=private, architectures=[NATIVE], base=DEBIAN))
    return directory


@pytest.fixture(scope="module")
def address() -> Iterator[str]:
    """A registry's address."""
    with registry() as host:
        yield host


def test_the_archive(released: Path, commit: str) -> None:
    """It names its sources, and has the commit's time."""
    (archive,) = released.glob(verification.IMAGE)
    assert archive.name == f"integration-token-operator-{project.read().semantic_version}-{NATIVE}.oci.tar"
    config = verification.image_config(archive)
    labels = config["config"]["Labels"]
    source = commits.find(commit)
    assert labels[f"{LABEL}.version"] == project.read().semantic_version
    assert labels[f"{LABEL}.revision"] == source.digest
    assert labels[f"{LABEL}.source"] == project.read().address
    assert labels[f"{LABEL}.created"] == config["created"]
    assert labels[f"{LABEL}.base.name"].startswith("localhost/base:")
    assert f"{LABEL}.base.digest" not in labels


def test_an_archive_that_was_changed(released: Path, tmp_path: Path) -> None:
    """Its blobs are named after their content, so a change shows even without the checksums."""
    (archive,) = released.glob(verification.IMAGE)
    content = archive.read_bytes()
    wrong = tmp_path / archive.name
    wrong.write_bytes(content.replace(b'"architecture":"', b'"Architecture":"', 1))
    with pytest.raises(ReleaseError, match="a blob is not what its name says"):
        verification.image_config(wrong)


def test_the_image_in_a_registry(released: Path, key: Path, address: str) -> None:
    """One name for all architectures, signed, with the chart next to it."""
    published, chart = publish(released, address, str(key / "cosign.key"))
    # What the registry has already stays.
    assert publish(released, address, str(key / "cosign.key")) == [published, chart]
    assert chart.startswith(f"{address}/charts/")
    crane = [str(tool.find("crane")), "manifest", published]
    index = json.loads(subprocess.run(crane, capture_output=True, text=True, check=True).stdout)
    assert [one["platform"]["architecture"] for one in index["manifests"]] == [NATIVE]
    verify = [str(tool.find("cosign")), "verify", f"--key={key / 'cosign.pub'}", "--insecure-ignore-tlog", published]
    subprocess.run(verify, capture_output=True, check=True)
