"""A release is what it claims to be, and a modified one is refused with one line and exit code 2."""

import io
import json
import re
import shutil
import tarfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.cluster.client import Client
from tests.release import bill, changelog, checksum, image, project, signature
from tests.release.__main__ import main
from tests.release.build import NO_IMAGE, Order, build
from tests.release.conftest import Key, make_key
from tests.release.fault import ReleaseError
from tests.release.project import ROOT

Change = Callable[[Path], None]


@pytest.fixture
def copy(released: Path, tmp_path: Path) -> Path:
    """A copy to modify."""
    return Path(shutil.copytree(released, tmp_path / "dist"))


def _refusal(capsys: pytest.CaptureFixture[str], *arguments: str) -> str:
    """The one line of a command that exits with 2."""
    assert main(list(arguments)) == 2
    out, err = capsys.readouterr()
    (line,) = err.splitlines()
    assert out == ""
    return line


def _one(directory: Path, pattern: str) -> Path:
    (file,) = directory.glob(pattern)
    return file


def _member(archive: Path, name: str) -> str:
    with tarfile.open(archive) as tar:
        opened = tar.extractfile(name)
        assert opened is not None
        return opened.read().decode()


def test_files(released: Path) -> None:
    """A wheel, a source distribution, a chart, a bill of materials, checksums and their signature."""
    version = project.read().version
    semantic = project.read().semantic_version
    assert sorted(file.name for file in released.iterdir()) == sorted(
        [
            checksum.NAME,
            signature.NAME,
            f"integration_token_operator-{version}-py3-none-any.whl",
            f"integration_token_operator-{version}.tar.gz",
            f"integration-token-operator-{semantic}.tgz",
            f"integration-token-operator-{semantic}.cdx.json",
        ]
    )


def test_verification(released: Path, key: Key, capsys: pytest.CaptureFixture[str]) -> None:
    """It prints what was checked on stderr, and exits with 0."""
    assert main(["verify", f"--dist={released}", f"--public-key={key.public}"]) == 0
    out, err = capsys.readouterr()
    assert out == f"{released}\n"
    assert "4 files have the checksums of SHA256SUMS" in err
    assert "SHA256SUMS.sigstore.json is by the given key" in err
    assert "lists all" in err


def test_a_second_build_is_the_same(released: Path, commit: str, tmp_path: Path) -> None:
    """Nothing in a release depends on when or where it was built."""
    image = "registry.example.com/team/integration-token-operator"
    build(Order(tmp_path / "dist", commit, architectures=[NO_IMAGE], image=image))
    assert (tmp_path / "dist" / checksum.NAME).read_text() == (released / checksum.NAME).read_text()


def _append(pattern: str) -> Change:
    def change(directory: Path) -> None:
        file = _one(directory, pattern)
        file.write_bytes(file.read_bytes() + b"\n")

    return change


def _sums_anew(directory: Path) -> None:
    """As an attacker would who changed a file and its checksum."""
    bundle = (directory / signature.NAME).read_bytes()
    for name in (signature.NAME, checksum.NAME):
        (directory / name).unlink()
    checksum.write(directory)
    (directory / signature.NAME).write_bytes(bundle)


def _changed_with_its_sum(directory: Path) -> None:
    _append("*.tar.gz")(directory)
    _sums_anew(directory)


CHANGES: dict[str, tuple[Change, str]] = {
    "the wheel": (_append("*.whl"), r"\.whl: the checksum does not match SHA256SUMS"),
    "the chart": (_append("*.tgz"), r"\.tgz: the checksum does not match SHA256SUMS"),
    "the bill of materials": (_append("*.cdx.json"), r"\.cdx\.json: the checksum does not match SHA256SUMS"),
    "a file and its checksum": (_changed_with_its_sum, "cosign verify-blob .*: failed to verify signature"),
    "a file too many": (lambda directory: (directory / "new").touch(), "new: not named in SHA256SUMS"),
    "a file too few": (lambda directory: _one(directory, "*.whl").unlink(), r"\.whl: missing"),
    "the checksums": (_append(checksum.NAME), "SHA256SUMS: a line is not a checksum and a name"),
    "no checksums": (lambda directory: (directory / checksum.NAME).unlink(), "no release: SHA256SUMS is missing"),
    "no signature": (lambda directory: (directory / signature.NAME).unlink(), "not signed: .* is missing"),
}


@pytest.mark.parametrize("name", CHANGES)
def test_what_was_changed_is_refused(name: str, copy: Path, key: Key, capsys: pytest.CaptureFixture[str]) -> None:
    """The line names the file and what is wrong with it."""
    change, message = CHANGES[name]
    change(copy)
    line = _refusal(capsys, "verify", f"--dist={copy}", f"--public-key={key.public}")
    assert re.search(f"^error: .*{message}", line)


def test_another_key_is_refused(released: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """A signature only counts if it is from the key that the user trusts."""
    other = make_key(tmp_path)
    line = _refusal(capsys, "verify", f"--dist={released}", f"--public-key={other.public}")
    assert "failed to verify signature" in line


def _edit_bill(directory: Path, change: Callable[[dict[str, Any]], object]) -> None:
    file = _one(directory, "*.cdx.json")
    document = json.loads(file.read_text())
    change(document)
    file.write_text(json.dumps(document))


def _old_chart(directory: Path) -> None:
    chart = _one(directory, "*.tgz")
    text = _member(chart, "integration-token-operator/Chart.yaml")
    text = re.sub(r"ersion: \d.*", "ersion: 0.0.9", text)
    with tarfile.open(chart, "w:gz") as tar:
        entry = tarfile.TarInfo("integration-token-operator/Chart.yaml")
        entry.size = len(text.encode())
        tar.addfile(entry, io.BytesIO(text.encode()))


WRONG: dict[str, tuple[Change, str]] = {
    "a package is missing": (
        lambda directory: _edit_bill(directory, lambda document: document["components"].pop(0)),
        "does not agree with requirements.lock about aiohappyeyeballs",
    ),
    "a hash is another": (
        lambda directory: _edit_bill(
            directory, lambda document: document["components"][0]["hashes"][0].update(content="0" * 64)
        ),
        "does not agree with requirements.lock about aiohappyeyeballs",
    ),
    "it breaks the schema": (
        lambda directory: _edit_bill(directory, lambda document: document.update(specVersion=16)),
        "not valid CycloneDX",
    ),
    "it describes another wheel": (
        lambda directory: _edit_bill(
            directory, lambda document: document["metadata"]["component"]["hashes"][0].update(content="0" * 64)
        ),
        "describes another wheel",
    ),
    "the chart has another version": (_old_chart, "has version 0.0.9"),
}


@pytest.mark.parametrize("name", WRONG)
def test_what_does_not_fit_together_is_refused(name: str, copy: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Matching checksums are not enough."""
    change, message = WRONG[name]
    change(copy)
    _sums_anew(copy)
    assert message in _refusal(capsys, "verify", f"--dist={copy}")


REFUSED = {
    "KEY=/nowhere/cosign.key: no such file": ["--key=/nowhere/cosign.key"],
    "ARCH=sparc: not amd64, arm64 or none": ["--arch=amd64 sparc"],
    "BASE=python@sha256:12: not NAME:TAG, NAME@sha256:DIGEST or debian": ["--base=python@sha256:12"],
    "IMAGE=Registry/operator:1: not REGISTRY/NAME without a tag": ["--image=Registry/operator:1"],
    "COMMIT=nothing: there is no such commit": ["--commit=nothing"],
    "TAG=v9.9.9: pyproject.toml has version": ["--tag=v9.9.9"],
    "unrecognized arguments: --keys=1": ["--keys=1"],
}


@pytest.mark.parametrize("message", REFUSED)
def test_what_is_no_order_is_refused(
    message: str, commit: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """One line names the wrong variable, and nothing is built."""
    arguments = ["build", f"--dist={tmp_path / 'dist'}", f"--commit={commit}", "--arch=none", *REFUSED[message]]
    try:
        code = main(arguments)
    except SystemExit as ended:
        code = int(str(ended.code))
    (line,) = capsys.readouterr().err.splitlines()
    assert code == 2
    assert line.startswith(f"error: {message}")
    assert not (tmp_path / "dist").exists()


def test_an_invalid_key(tmp_path: Path, commit: str, capsys: pytest.CaptureFixture[str]) -> None:
    """The line includes cosign's message."""
    file = tmp_path / "key"
    file.write_text("no key\n")
    line = _refusal(capsys, "build", f"--dist={tmp_path / 'dist'}", f"--commit={commit}", f"--key={file}")
    assert line.startswith(f"error: cosign public-key with KEY={file}: ")


def test_only_an_earlier_release_is_replaced(
    tmp_path: Path, commit: str, copy: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """A directory with anything else in it is left alone."""
    (tmp_path / "note").touch()
    line = _refusal(capsys, "build", f"--dist={tmp_path}", f"--commit={commit}", "--arch=none")
    assert line == f"error: DIST={tmp_path}: not empty, and no earlier release"
    assert main(["build", f"--dist={copy}", f"--commit={commit}", "--arch=none"]) == 0
    assert not (copy / signature.NAME).exists()


def test_the_chart_says_what_is_new(released: Path) -> None:
    """Artifact Hub shows the changelog's newest section, which the package contains."""
    described = yaml.safe_load(_member(_one(released, "*.tgz"), "integration-token-operator/Chart.yaml"))
    changes = yaml.safe_load(described["annotations"]["artifacthub.io/changes"])
    assert tuple(changes) == changelog.newest(ROOT).changes
    assert changes


def test_the_chart_pulls_the_image_from_where_it_is_published(released: Path, tmp_path: Path) -> None:
    """With IMAGE an installation needs no setting for it."""
    chart = _one(released, "*.tgz")
    wanted = f"registry.example.com/team/integration-token-operator:{project.read().semantic_version}"
    rendered = Client(tmp_path / "no-kubeconfig", tmp_path).helm("template", "tokens", str(chart))
    assert set(re.findall(r'^\s+image: "(\S+)"', rendered, re.MULTILINE)) == {wanted}
    described = yaml.safe_load(_member(chart, "integration-token-operator/Chart.yaml"))
    (image,) = yaml.safe_load(described["annotations"]["artifacthub.io/images"])
    assert image["image"] == wanted


def test_the_bill_names_the_whole_lock(released: Path) -> None:
    """Each package once, with its hashes and a package URL."""
    document = json.loads(_one(released, "*.cdx.json").read_text())
    lines = (ROOT / bill.LOCK).read_text().splitlines()
    entries = [line.split()[0] for line in lines if re.match(r"[\w.-]+==", line)]
    assert sorted(f"{one['name']}=={one['version']}" for one in document["components"]) == sorted(entries)
    assert all(one["hashes"] for one in document["components"])
    assert {one["purl"] for one in document["components"]} == {
        f"pkg:pypi/{entry.replace('==', '@')}" for entry in entries
    }


def test_an_architecture_that_cannot_be_built(
    tmp_path: Path, commit: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """It is skipped, with a line that says why, unless it was requested."""
    monkeypatch.setattr(image, "obstacle", lambda architecture, _: f"no {architecture} here")
    build(Order(tmp_path / "dist", commit))
    assert "==> not built: the image for arm64: no arm64 here\n" in capsys.readouterr().err
    with pytest.raises(ReleaseError, match="ARCH=arm64: no arm64 here"):
        build(Order(tmp_path / "dist", commit, architectures=["arm64"]))
