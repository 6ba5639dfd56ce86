"""What a registry has under a version's name already: a published version never gets other content."""

import hashlib
import json
import os
import re
import subprocess
import tarfile
from collections.abc import Iterable
from pathlib import Path
from typing import Any, Final

from tests.cluster import image, tool
from tests.release import checksum
from tests.release.fault import ReleaseError

_ABSENT: Final = re.compile(r"MANIFEST_UNKNOWN|NAME_UNKNOWN|\b404 Not Found\b")


def of_chart(chart: Path) -> frozenset[str]:
    """What `existing` compares: the digest of the package. The manifest's digest depends on the file's time."""
    return frozenset({f"sha256:{checksum.digest(chart)}"})


def of_images(archives: Iterable[Path]) -> frozenset[str]:
    """What `existing` compares: the digest of each verified archive's configuration, which names the layers."""
    return frozenset(map(_configuration, archives))


def existing(name: str, contents: frozenset[str], auth: Path) -> str:
    """The digest of what has that name; empty if nothing has. Raises ReleaseError if it has other contents.

    :param auth: the registry's credentials, in a file with Docker's name for it.
    """
    text = _manifest(name, auth)
    if not text:
        return ""
    if _contents(name, json.loads(text), auth) != contents:
        raise ReleaseError(f"{name}: this version is published already, with other content")
    return f"sha256:{hashlib.sha256(text).hexdigest()}"


def _configuration(archive: Path) -> str:
    with tarfile.open(archive) as tar:

        def read(name: str) -> Any:
            opened = tar.extractfile(name)
            assert opened is not None
            return json.loads(opened.read())

        (described,) = read("index.json")["manifests"]
        digest: str = read(f"blobs/{described['digest'].replace(':', '/')}")["config"]["digest"]
        return digest


def _contents(name: str, manifest: dict[str, Any], auth: Path) -> frozenset[str]:
    if "manifests" in manifest:
        repository = name.rpartition(":")[0]
        parts = [_manifest(f"{repository}@{one['digest']}", auth) for one in manifest["manifests"]]
        return frozenset(json.loads(part)["config"]["digest"] for part in parts)
    return frozenset(layer["digest"] for layer in manifest["layers"])


def _manifest(name: str, auth: Path) -> bytes:
    """Empty if nothing has that name."""
    command = [str(tool.find("crane")), "manifest", name, *(["--insecure"] if image.is_local(name) else [])]
    answer = subprocess.run(
        command, env=os.environ | {"DOCKER_CONFIG": str(auth.parent)}, capture_output=True, check=False
    )
    if answer.returncode == 0:
        return answer.stdout
    said = answer.stderr.decode(errors="replace").strip()
    if _ABSENT.search(said):
        return b""
    raise ReleaseError(f"{name}: {said.splitlines()[-1] if said else 'crane failed'}")
