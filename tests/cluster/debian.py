"""What the image and the node take from the machine instead of building it: root, Linux, and packages of Debian."""

import os
import shutil
import sys
from collections.abc import Iterable

from tests.cluster.toolchain import ToolError

PACKAGES = {
    "buildah": "buildah",
    "mmdebstrap": "mmdebstrap",
    "containerd": "containerd",
    "ctr": "containerd",
    "runc": "runc",
    "ptp": "containernetworking-plugins",
    "unshare": "util-linux",
    "nsenter": "util-linux",
    "setpriv": "util-linux",
}
"""Which package has which program."""

PLUGINS = "/usr/lib/cni"
"""Where Debian keeps the programs that give pods a network."""


def obstacle() -> str:
    """Why this user on this machine can have neither image nor node; empty where both are possible."""
    if sys.platform != "linux":
        return "building an image and running a node needs Linux"
    return "" if os.geteuid() == 0 else "building an image and running a node needs root"


def require(programs: Iterable[str]) -> None:
    """Nothing where the programs are there and can be used; else ToolError, with what is to be done."""
    if problem := obstacle():
        raise ToolError(problem)
    path = os.pathsep.join((os.environ.get("PATH", ""), PLUGINS))
    absent = [program for program in programs if shutil.which(program, path=path) is None]
    if absent:
        packages = sorted({PACKAGES[program] for program in absent})
        raise ToolError(f"missing: {', '.join(absent)}; install with: apt-get install {' '.join(packages)}")
