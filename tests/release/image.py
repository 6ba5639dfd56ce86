"""The image as an OCI archive for each architecture that this machine can build."""

import platform
import re
import shutil
from datetime import UTC, datetime
from pathlib import Path
from typing import Final

from tests.cluster import debian
from tests.cluster import image as cluster_image
from tests.cluster.image import ImageError
from tests.cluster.progress import step
from tests.cluster.toolchain import ToolError
from tests.release.commit import Commit
from tests.release.fault import NotBuilt, ReleaseError
from tests.release.project import Project

MACHINES: Final = {"amd64": "x86_64", "arm64": "aarch64"}
"""Architectures as named by images, and by kernels."""

DEBIAN: Final = "debian"
"""The base built here from Debian packages, for testing releases; published ones name a base by digest."""

_BASE: Final = re.compile(r"(?P<name>[a-z0-9][\w.:/-]*?)(?:@(?P<digest>sha256:[0-9a-f]{64}))?")
_BINFMT: Final = Path("/proc/sys/fs/binfmt_misc")


def check_base(base: str) -> None:
    """Raises ReleaseError if this isn't an image name."""
    if not _BASE.fullmatch(base):
        raise ReleaseError(f"BASE={base}: not NAME:TAG, NAME@sha256:DIGEST or {DEBIAN}")


def default_base(tree: Path) -> str:
    """The base in the Dockerfile."""
    found = re.search(r"^ARG BASE=(\S+)$", (tree / "Dockerfile").read_text(), re.MULTILINE)
    if found is None:
        raise ReleaseError("Dockerfile: ARG BASE= is missing")
    return found[1]


def write(file: Path, tree: Path, project: Project, commit: Commit, *, base: str, architecture: str) -> None:
    """Writes the archive. Raises NotBuilt if this machine can't, and ImageError if the build fails."""
    if problem := obstacle(architecture, base):
        raise NotBuilt(problem)
    with cluster_image.lock():
        name = _local(base, architecture)
        with step(f"building the image for {architecture}", "1 min, for another architecture 10 min"):
            described = labels(project, commit, name)
            cluster_image.write_archive(
                file, tree, base=name, architecture=architecture, epoch=commit.time, labels=described
            )


def obstacle(architecture: str, base: str) -> str:
    """Why this machine can't build for an architecture; empty if it can."""
    if problem := debian.obstacle():
        return problem
    if missing := debian.absent(debian.IMAGE if base == DEBIAN else ("buildah",)):
        return debian.shortage(missing)
    machine = MACHINES[architecture]
    runs = machine == platform.machine() or (_BINFMT / f"qemu-{machine}").exists()
    if runs and (machine == platform.machine() or base != DEBIAN or shutil.which("arch-test")):
        return ""
    # mmdebstrap asks arch-test what the machine can run.
    packages = "qemu-user-static binfmt-support" + (" arch-test" if base == DEBIAN else "")
    return f"this machine runs no programs for {architecture}; install with: apt-get install {packages}"


def _local(base: str, architecture: str) -> str:
    """The base's name here."""
    try:
        if base == DEBIAN:
            native = MACHINES[architecture] == platform.machine()
            return cluster_image.debian_base("" if native else architecture)
        cluster_image.pull(base, architecture)
    except (ImageError, ToolError) as error:
        reason = str(error).splitlines()[-1].removeprefix("Error: ")
        raise NotBuilt(f"could not get the base {base}: {reason}") from None
    return base


def labels(project: Project, commit: Commit, base: str) -> dict[str, str]:
    """Those that the Dockerfile can't know."""
    match = _BASE.fullmatch(base)
    assert match is not None
    found = {
        "version": project.semantic_version,
        "revision": commit.digest,
        "created": datetime.fromtimestamp(commit.time, UTC).strftime("%Y-%m-%dT%H:%M:%SZ"),
        "base.name": match["name"],
        "base.digest": match["digest"],
    }
    return {f"org.opencontainers.image.{name}": value for name, value in found.items() if value}
