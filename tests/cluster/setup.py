"""`python -m tests.cluster.setup test|endpoints|python`: the machine gets what it lacks, or that is said at once.

For `make test`, for `make endpoints`, or for the Python environment alone. As root on Debian the packages are
installed; elsewhere a line names them. It runs before there is that environment, so on the standard library alone.
"""

import os
import shutil
import subprocess
import sys
from collections.abc import Collection, Iterable

from tests.cluster import debian
from tests.cluster.progress import say, step
from tests.cluster.toolchain import ToolError

WAIT = 300
"""Seconds that apt-get waits for another one: a fresh machine often updates itself first."""


def wanted(*, obstacle: str, ci: bool) -> tuple[str, ...]:
    """Keys of debian.PACKAGES that `make test` needs.

    :param obstacle: why there can be neither image nor node, whose tests are left out then; or nothing.
    :param ci: whether nothing may be left out.
    :raises ToolError: where something would be.
    """
    if not obstacle:
        return (*debian.PYTHON, *debian.IMAGE, *debian.NODE, *debian.CONSUMERS, *debian.ENDPOINTS)
    if ci:
        raise ToolError(f"{obstacle}, and with CI=true nothing is left out")
    return debian.PYTHON


def lacking(needs: Iterable[str], missing: Collection[str], *, apt_get: bool) -> list[str]:
    """The packages of Debian to install before anything starts.

    :param missing: what the machine lacks, be it needed or not.
    :param apt_get: whether the user can install packages of Debian.
    :raises ToolError: where there is something to install and no way to.
    """
    short = [need for need in needs if need in missing]
    if short and not apt_get:
        raise ToolError(debian.shortage(short))
    return debian.packages(short)


def ready(needs: Collection[str]) -> None:
    """Install what is missing, and return once all is there. Raises ToolError."""
    packages = lacking(needs, debian.absent(needs), apt_get=_may_install())
    if packages:
        with step(f"installing {', '.join(packages)}", "about 1 min"):
            complaint = _install(packages)
        if missing := debian.absent(needs):
            raise ToolError(debian.shortage(missing) + complaint)


def _may_install() -> bool:
    return sys.platform == "linux" and os.geteuid() == 0 and shutil.which("apt-get") is not None


def _install(packages: list[str]) -> str:
    """What apt-get said where it failed, each line on one of its own. Whether it was enough, the machine shows."""
    said = []
    options = ["--quiet=2", "--yes", "--no-install-recommends", f"--option=DPkg::Lock::Timeout={WAIT}"]
    for command in (["update"], ["install", *packages]):
        answer = subprocess.run(
            ["apt-get", *options, *command],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.PIPE,
            text=True,
            check=False,
            env=os.environ | {"DEBIAN_FRONTEND": "noninteractive"},
        )
        if answer.returncode:
            said += answer.stderr.splitlines()[-5:]
    return "".join(f"\n  {line}" for line in said)


def main(arguments: list[str]) -> int:
    """The exit code: 2 where something is missing."""
    try:
        if arguments == ["python"]:
            ready(debian.PYTHON)
        elif arguments == ["endpoints"]:
            ready((*debian.PYTHON, *debian.ENDPOINTS, *debian.C))
        else:
            obstacle = debian.obstacle()
            needs = wanted(obstacle=obstacle, ci=os.environ.get("CI") == "true")
            if obstacle:
                say(f"the tests of the image and of the node will be left out: {obstacle}")
            ready(needs)
    except ToolError as error:
        print(f"error: {error}", file=sys.stderr)
        return 2
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
