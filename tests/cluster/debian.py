"""What tests take from the machine instead of building it: root, Linux, and Debian packages, all listed here."""

import importlib.util
import os
import shutil
import sys
from collections.abc import Iterable
from pathlib import Path

from tests.cluster.toolchain import ToolError

VENV = "venv"
"""Not a program but the module, which is useless without `ensurepip`: Debian has that in a separate package."""

AUTHORITIES = "certificates"
"""Not a program but the file of CA certificates that pip and Go use."""

PYTHON = (VENV, AUTHORITIES)
"""What the Python environment and the builds need, apart from Python and make, without which nothing here runs."""

IMAGE = ("buildah", "mmdebstrap")
NODE = ("containerd", "ctr", "runc", "ptp", "unshare", "nsenter", "setpriv")
CONSUMERS = ("curl", "node", "javac", "git")
"""The languages of consumers in pods, in addition to the shell, Python and Go; and what a controller fetches from."""

ENDPOINTS = ("java", "mvn")
"""What other people's token servers run on, and what fetches them."""

C = ("gcc",)
"""What builds a Go program with parts in C: `make endpoints` has one, `make test` none."""

PACKAGES = {
    VENV: "python3-venv",
    AUTHORITIES: "ca-certificates",
    "buildah": "buildah",
    "mmdebstrap": "mmdebstrap",
    "containerd": "containerd",
    "ctr": "containerd",
    "runc": "runc",
    "ptp": "containernetworking-plugins",
    "unshare": "util-linux",
    "nsenter": "util-linux",
    "setpriv": "util-linux",
    "curl": "curl",
    "node": "nodejs",
    "javac": "default-jdk-headless",
    "git": "git",
    "java": "default-jre-headless",
    "mvn": "maven",
    "gcc": "build-essential",  # the package gcc has no headers
}
"""Which package has what.

Programs count rather than packages: containerd, runc and node often come from other packages, which would conflict with
Debian's.
"""

PLUGINS = "/usr/lib/cni"
"""Where Debian puts the programs that give pods a network."""

BUNDLES = ("/etc/ssl/certs/ca-certificates.crt", "/etc/pki/tls/certs/ca-bundle.crt", "/etc/ssl/cert.pem")
"""Where Debian, Fedora and Alpine put CA certificates."""


def obstacle() -> str:
    """Why this user on this machine can have neither image nor node; empty if both are possible."""
    if sys.platform != "linux":
        return "building an image and running a node require Linux"
    return "" if os.geteuid() == 0 else "building an image and running a node require root"


def absent(needs: Iterable[str]) -> list[str]:
    """Those of the keys of PACKAGES that the machine lacks."""
    return [need for need in needs if not _present(need)]


def packages(needs: Iterable[str]) -> list[str]:
    """The Debian packages that contain them."""
    return sorted({PACKAGES[need] for need in needs})


def shortage(needs: Iterable[str]) -> str:
    """What is missing, in one line, and what to do."""
    needs = list(needs)
    return f"missing: {', '.join(needs)}; install with: apt-get install {' '.join(packages(needs))}"


def require(programs: Iterable[str]) -> None:
    """Returns if the programs exist and are usable; otherwise raises ToolError with what to do."""
    if problem := obstacle():
        raise ToolError(problem)
    if missing := absent(programs):
        raise ToolError(shortage(missing))


def _present(need: str) -> bool:
    if need == VENV:
        importlib.invalidate_caches()  # it may just have been installed
        return importlib.util.find_spec("ensurepip") is not None
    if need == AUTHORITIES:
        return any(Path(bundle).exists() for bundle in BUNDLES)
    path = os.pathsep.join((os.environ.get("PATH", ""), PLUGINS))
    return shutil.which(need, path=path) is not None
