"""The checks of a release, in order: checksums, signature, the same version everywhere, the bill of materials."""

import email
import hashlib
import io
import json
import re
import tarfile
import tempfile
import zipfile
import zlib
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final

import yaml

from tests.release import bill, checksum, content, project, signature
from tests.release.fault import ReleaseError

WHEEL: Final = "*.whl"
SOURCE: Final = "*.tar.gz"
CHART: Final = "*.tgz"
BILL: Final = "*.cdx.json"
IMAGE: Final = "*.oci.tar"

_MALFORMED: Final = (
    *(OSError, EOFError, ValueError, LookupError, TypeError, AttributeError, AssertionError),
    *(tarfile.TarError, zipfile.BadZipFile, zlib.error, yaml.YAMLError),
)
"""What reading a file raises if its format isn't that of its name."""


def verify(directory: Path, public: str = "") -> list[str]:
    """What was checked, one line each. Raises ReleaseError for the first problem.

    :param public: the file of the public key that must have signed the release; if empty the signature isn't checked.
    """
    files = checksum.check(directory, beside=signature.NAME)
    if unknown := [file.name for file in files if not content.known(file.name)]:
        raise ReleaseError(f"{unknown[0]}: no file of a release has such a name")
    report = [f"{len(files)} files have the checksums of {checksum.NAME}"]
    if public:
        signature.check(directory, public)
        report.append(f"{signature.NAME} is by the given key")
    wheel, source, chart, document = (_one(files, pattern) for pattern in (WHEEL, SOURCE, CHART, BILL))
    written = _version(_metadata(wheel))
    version = project.semantic(written)
    versions = {
        wheel: version,
        source: project.semantic(_version(_member(source, "PKG-INFO"))),
        chart: _chart_version(chart),
        **{image: _image_version(image) for image in files if image.match(IMAGE)},
    }
    for file, found in versions.items():
        if found != version or not any(f"-{form}" in file.name for form in (version, written)):
            raise ReleaseError(f"{file.name}: has version {found}, and {wheel.name} has {version}")
    report.append(f"{len(versions)} packages and images have version {version}")
    lock = _member(source, bill.LOCK)
    with _reading(document):
        problem = bill.fault(document.read_text(), lock, version, checksum.digest(wheel))
    if problem:
        raise ReleaseError(f"{document.name}: {problem}")
    report.append(f"{document.name} lists all {len(bill.locked(lock))} packages of {bill.LOCK}")
    return report


def verify_by(directory: Path, public: str) -> list[str]:
    """Like `verify`, with the public key itself, in PEM, instead of its file."""
    with tempfile.TemporaryDirectory() as home:
        file = Path(home) / "public.pem"
        file.write_text(public)
        return verify(directory, str(file))


def _one(files: Sequence[Path], pattern: str) -> Path:
    found = [file for file in files if file.match(pattern)]
    if len(found) != 1:
        raise ReleaseError(f"{len(found)} files are called {pattern}, not one")
    return found[0]


@contextmanager
def _reading(file: Path) -> Iterator[None]:
    """Raises ReleaseError if the file turns out to be malformed."""
    try:
        yield
    except _MALFORMED as error:
        raise ReleaseError(f"{file.name}: malformed: {' '.join(str(error).split())}") from None


def _metadata(wheel: Path) -> str:
    with _reading(wheel), zipfile.ZipFile(wheel) as opened:
        (name,) = (name for name in opened.namelist() if name.endswith(".dist-info/METADATA"))
        return opened.read(name).decode()


def _member(archive: Path, name: str) -> str:
    """A file in the top directory of an archive."""
    with _reading(archive), tarfile.open(archive) as tar:
        for member in tar:
            if re.fullmatch(rf"[^/]+/{re.escape(name)}", member.name) and (opened := tar.extractfile(member)):
                return opened.read().decode()
    raise ReleaseError(f"{archive.name}: {name} is missing")


def _version(metadata: str) -> str:
    return str(email.message_from_string(metadata)["Version"])


def _chart_version(chart: Path) -> str:
    text = _member(chart, "Chart.yaml")
    with _reading(chart):
        described: dict[str, Any] = yaml.safe_load(text)
        if described["version"] != described["appVersion"]:
            raise ReleaseError(f"{chart.name}: version and appVersion differ")
        return str(described["version"])


def _image_version(archive: Path) -> str:
    """From the image's label."""
    config = image_config(archive)
    architecture = archive.name.removesuffix(".oci.tar").rpartition("-")[2]
    with _reading(archive):
        if config["architecture"] != architecture:
            raise ReleaseError(f"{archive.name}: holds an image for {config['architecture']}")
        return str(config["config"]["Labels"]["org.opencontainers.image.version"])


def image_config(archive: Path) -> dict[str, Any]:
    """The configuration of the only image in an OCI archive. Raises ReleaseError.

    Each blob must match the digest in its name: manifest, configuration and layers.
    """
    with _reading(archive), tarfile.open(archive) as tar:
        blobs = set(_blobs(archive, tar))

        def blob(digest: str) -> Any:
            if digest not in blobs:
                raise ReleaseError(f"{archive.name}: blob {digest} is missing")
            return tar.extractfile(f"blobs/{digest.replace(':', '/')}")

        index = tar.extractfile("index.json")
        assert index is not None
        (described,) = json.loads(index.read())["manifests"]
        manifest = json.loads(blob(described["digest"]).read())
        for layer in manifest["layers"]:
            blob(layer["digest"])
        config: dict[str, Any] = json.loads(blob(manifest["config"]["digest"]).read())
        return config


def _blobs(archive: Path, tar: tarfile.TarFile) -> Iterator[str]:
    """The digests of an OCI archive's blobs."""
    for member in tar:
        if member.name.startswith("blobs/") and not member.isdir():
            opened = tar.extractfile(member)
            assert isinstance(opened, io.BufferedReader)
            found = hashlib.file_digest(opened, "sha256").hexdigest()
            if member.name != f"blobs/sha256/{found}":
                raise ReleaseError(f"{archive.name}: a blob is not what its name says")
            yield f"sha256:{found}"
