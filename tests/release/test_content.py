"""Building a release deletes an earlier one and nothing else, and a malformed release is refused with one line."""

import hashlib
import io
import json
import shutil
import tarfile
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.release import checksum, content, project, signature, verification
from tests.release.__main__ import main
from tests.release.fault import ReleaseError

Change = Callable[[Path], object]
ARCHIVE = f"{project.read().name}-{project.read().semantic_version}-amd64.oci.tar"


@pytest.fixture
def copy(released: Path, tmp_path: Path) -> Path:
    """A copy to modify."""
    return Path(shutil.copytree(released, tmp_path / "dist"))


def _refusal(capsys: pytest.CaptureFixture[str], *arguments: str) -> str:
    assert main(list(arguments)) == 2
    (line,) = capsys.readouterr().err.splitlines()
    return line


def _listed(name: str) -> Change:
    def change(directory: Path) -> None:
        (directory / name).write_text("mine\n")
        with (directory / checksum.NAME).open("a") as sums:
            sums.write(f"{checksum.digest(directory / name)}  {name}\n")

    return change


def _link(directory: Path) -> None:
    (file,) = directory.glob("*.whl")
    file.rename(directory.parent / "wheel")
    file.symlink_to(directory.parent / "wheel")


FOREIGN: dict[str, Change] = {
    "a file": lambda directory: (directory / "thesis.odt").write_text("mine\n"),
    "a file in the list": _listed("thesis.odt"),
    "a directory": lambda directory: (directory / "photos").mkdir(),
    "a hidden file": lambda directory: (directory / ".git").touch(),
    "a link": _link,
    "a list of something else": lambda directory: (directory / checksum.NAME).write_text(f"{'0' * 64}  debian.iso\n"),
    "a list in another encoding": lambda directory: (directory / checksum.NAME).write_bytes(b"\xff\n"),
}


@pytest.mark.parametrize("name", FOREIGN)
def test_foreign_files_survive(name: str, copy: Path, commit: str, capsys: pytest.CaptureFixture[str]) -> None:
    """Next to the checksums of a release, and even in their list. Nothing is deleted then."""
    FOREIGN[name](copy)
    before = sorted(copy.iterdir())
    line = _refusal(capsys, "build", f"--dist={copy}", f"--commit={commit}", "--arch=none")
    assert "an earlier release" in line or "not readable" in line
    assert sorted(copy.iterdir()) == before


def test_what_appears_during_the_build_survives(copy: Path, tmp_path: Path) -> None:
    """The directory is checked again before it is replaced."""
    content.check_replaceable(copy)
    (copy / "late").touch()
    (tmp_path / "new").mkdir()
    before = sorted(copy.iterdir())
    with pytest.raises(ReleaseError, match="late is not part of an earlier release"):
        content.replace(copy, tmp_path / "new")
    assert sorted(copy.iterdir()) == before


def test_a_link_to_a_directory_is_left_alone(copy: Path, commit: str, capsys: pytest.CaptureFixture[str]) -> None:
    """DIST is a directory, or absent."""
    link = copy.parent / "link"
    link.symlink_to(copy)
    line = _refusal(capsys, "build", f"--dist={link}", f"--commit={commit}", "--arch=none")
    assert line == f"error: DIST={link}: a symbolic link"


def test_a_directory_that_cannot_be_made(tmp_path: Path, commit: str, capsys: pytest.CaptureFixture[str]) -> None:
    """The line says what is in the way."""
    (tmp_path / "file").touch()
    dist = tmp_path / "file" / "dist"
    line = _refusal(capsys, "build", f"--dist={dist}", f"--commit={commit}", "--arch=none")
    assert line.startswith(f"error: DIST={dist}: ")


@pytest.mark.parametrize(
    ("name", "answer"),
    [
        ("integration_token_operator-0.1.0-py3-none-any.whl", True),
        ("integration_token_operator-0.2.0rc1.tar.gz", True),
        ("integration-token-operator-0.2.0-rc.1-arm64.oci.tar", True),
        ("integration-token-operator-0.1.0.cdx.json", True),
        ("integration-token-operator-0.1.0.tar.gz", False),
        ("integration-token-operator-0.1.0-sparc.oci.tar", False),
        ("integration-token-operator-0.1.0.tgz.bak", False),
        ("other-0.1.0.tgz", False),
    ],
)
def test_names(name: str, answer: bool) -> None:
    """Of any version, and of nothing else."""
    assert content.known(name) is answer


def _sums_anew(directory: Path) -> None:
    for name in (signature.NAME, checksum.NAME):
        (directory / name).unlink()
    checksum.write(directory)


def _instead(pattern: str, text: bytes) -> Change:
    def change(directory: Path) -> None:
        (file,) = directory.glob(pattern)
        file.write_bytes(text)
        _sums_anew(directory)

    return change


def _listed_only(make: Change) -> Change:
    """Replaces the wheel, which stays in the list."""

    def change(directory: Path) -> None:
        (file,) = directory.glob("*.whl")
        file.unlink()
        make(file)

    return change


def _archive(blobs: dict[str, bytes], index: str | None) -> Change:
    def change(directory: Path) -> None:
        with tarfile.open(directory / ARCHIVE, "w") as tar:
            files = {f"blobs/sha256/{name}": text for name, text in blobs.items()}
            for name, text in (files | ({} if index is None else {"index.json": index.encode()})).items():
                entry = tarfile.TarInfo(name)
                entry.size = len(text)
                tar.addfile(entry, io.BytesIO(text))
        _sums_anew(directory)

    return change


def _image(layer: bytes) -> Change:
    blobs = {hashlib.sha256(b"layer").hexdigest(): layer}

    def add(value: object) -> dict[str, str]:
        text = json.dumps(value).encode()
        name = hashlib.sha256(text).hexdigest()
        blobs[name] = text
        return {"digest": f"sha256:{name}"}

    version = {"org.opencontainers.image.version": project.read().semantic_version}
    config = add({"architecture": "amd64", "config": {"Labels": version}})
    layers = [{"digest": f"sha256:{hashlib.sha256(b'layer').hexdigest()}"}]
    return _archive(blobs, json.dumps({"manifests": [add({"config": config, "layers": layers})]}))


def _foreign(directory: Path) -> None:
    (directory / "install.sh").touch()
    _sums_anew(directory)


MALFORMED: dict[str, tuple[Change, str]] = {
    "sums in another encoding": (
        lambda directory: (directory / checksum.NAME).write_bytes(b"\xff\n"),
        "SHA256SUMS: not readable: ",
    ),
    "a directory in the list": (_listed_only(lambda file: file.mkdir()), ".whl: not a regular file"),
    "a dangling link in the list": (_listed_only(lambda file: file.symlink_to("nowhere")), ".whl: not a regular file"),
    "a name of no release": (_foreign, "install.sh: no file of a release has such a name"),
    "a wheel that is no zip": (_instead("*.whl", b"no zip"), ".whl: malformed: File is not a zip file"),
    "a source that is no tar": (_instead("*.tar.gz", b"no tar"), ".tar.gz: malformed: "),
    "a bill that is no JSON": (_instead("*.cdx.json", b"\xff"), ".cdx.json: malformed: "),
    "an image without index": (_archive({}, None), ".oci.tar: malformed: "),
    "an image without manifest": (_archive({}, "{}"), ".oci.tar: malformed: "),
    "an image without its blob": (_archive({}, '{"manifests":[{"digest":"sha256:1"}]}'), "blob sha256:1 is missing"),
    "a layer that was changed": (_image(b"other"), ".oci.tar: a blob is not what its name says"),
}


@pytest.mark.parametrize("name", MALFORMED)
def test_what_is_malformed_is_refused(name: str, copy: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """In one line, and without a signature too."""
    change, message = MALFORMED[name]
    change(copy)
    assert message in _refusal(capsys, "verify", f"--dist={copy}")


def test_an_image_whose_blobs_are_right(copy: Path) -> None:
    """It counts as one of the packages."""
    _image(b"layer")(copy)
    assert any(line.startswith("4 packages and images") for line in verification.verify(copy))


@pytest.mark.parametrize("text", ["-----BEGIN ENCRYPTED SIGSTORE PRIVATE KEY-----", "sEcret\nsEcret", "sEcret\n"])
def test_a_key_instead_of_its_file_is_not_printed(
    text: str, tmp_path: Path, commit: str, capsys: pytest.CaptureFixture[str]
) -> None:
    """Logs keep what is printed."""
    line = _refusal(capsys, "build", f"--dist={tmp_path / 'dist'}", f"--commit={commit}", f"--key={text}")
    assert line.startswith("error: KEY= holds a key itself")
    assert text.split(maxsplit=1)[0] not in line
