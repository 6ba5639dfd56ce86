"""What tests take from the machine instead of building it: root, Linux, and packages of Debian, all listed here."""

import importlib.util
import os
import shutil
import sys
from collections.abc import Iterable
from pathlib import Path

from tests.cluster.toolchain import ToolError

VENV = "venv"
"""Not a program but the module, which is of no use without `ensurepip`: Debian keeps that in a package of its own."""

AUTHORITIES = "certificates"
"""Not a program but a file of the authorities that pip and Go go by."""

PYTHON = (VENV, AUTHORITIES)
"""What the Python environment and the builds need. Python itself and make, without which nothing of this runs, aren't
among them."""

IMAGE = ("buildah", "mmdebstrap")
NODE = ("containerd", "ctr", "runc", "ptp", "unshare", "nsenter", "setpriv")
CONSUMERS = ("curl", "node", "javac", "git")
"""What the consumers in pods are written in, beside the shell, Python and Go; and what a controller fetches from."""

ENDPOINTS = ("java", "mvn")
"""What other people's token servers run on, and come by."""

C = ("gcc",)
"""What a Go program with parts in C is built by: `make endpoints` has one, `make test` none."""

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
"""Which package has what. It is the program that is looked for and not the package: containerd, runc and node are often
there from others' packages, which would not bear Debian's beside them."""

PLUGINS = "/usr/lib/cni"
"""Where Debian keeps the programs that give pods a network."""

BUNDLES = ("/etc/ssl/certs/ca-certificates.crt", "/etc/pki/tls/certs/ca-bundle.crt", "/etc/ssl/cert.pem")
"""Where Debian, Fedora and Alpine keep the certificate authorities."""


def obstacle() -> str:
    """Why this user on this machine can have neither image nor node; empty where both are possible."""
    if sys.platform != "linux":
        return "building an image and running a node needs Linux"
    return "" if os.geteuid() == 0 else "building an image and running a node needs root"


def absent(needs: Iterable[str]) -> list[str]:
    """Those of the keys of PACKAGES that the machine lacks."""
    return [need for need in needs if not _present(need)]


def packages(needs: Iterable[str]) -> list[str]:
    """Of Debian, that have them."""
    return sorted({PACKAGES[need] for need in needs})


def shortage(needs: Iterable[str]) -> str:
    """What is missing, in a line, and what to do."""
    needs = list(needs)
    return f"missing: {', '.join(needs)}; install with: apt-get install {' '.join(packages(needs))}"


def require(programs: Iterable[str]) -> None:
    """Nothing where the programs are there and can be used; else ToolError, with what is to be done."""
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
