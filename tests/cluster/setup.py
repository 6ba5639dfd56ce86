"""`python -m tests.cluster.setup test|endpoints|python`: installs what the machine lacks, or names it at once.

It is for `make test`, for `make endpoints`, or for the Python environment alone. As root on Debian it installs the
packages; elsewhere it prints their names. It runs before that environment exists, so it only uses the standard library.
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

    :param obstacle: why there can be neither image nor node, so that their tests are skipped; or empty.
    :param ci: whether nothing may be skipped.
    :raises ToolError: if something would be.
    """
    if not obstacle:
        return (*debian.PYTHON, *debian.IMAGE, *debian.NODE, *debian.CONSUMERS, *debian.ENDPOINTS)
    if ci:
        raise ToolError(f"{obstacle}, and with CI=true no test may be skipped")
    return debian.PYTHON


def lacking(needs: Iterable[str], missing: Collection[str], *, apt_get: bool) -> list[str]:
    """The Debian packages to install before anything starts.

    :param missing: what the machine lacks, whether needed or not.
    :param apt_get: whether the user can install Debian packages.
    :raises ToolError: if something is missing and can't be installed.
    """
    short = [need for need in needs if need in missing]
    if short and not apt_get:
        raise ToolError(debian.shortage(short))
    return debian.packages(short)


def ready(needs: Collection[str]) -> None:
    """Installs what is missing, and returns once everything is there. Raises ToolError."""
    packages = lacking(needs, debian.absent(needs), apt_get=_may_install())
    if packages:
        with step(f"installing {', '.join(packages)}", "about 1 min"):
            complaint = _install(packages)
        if missing := debian.absent(needs):
            raise ToolError(debian.shortage(missing) + complaint)


def _may_install() -> bool:
    return sys.platform == "linux" and os.geteuid() == 0 and shutil.which("apt-get") is not None


def _install(packages: list[str]) -> str:
    """The lines of apt-get's errors, if any. The machine itself shows whether it was enough."""
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
    """The exit code: 2 if something is missing."""
    try:
        if arguments == ["python"]:
            ready(debian.PYTHON)
        elif arguments == ["endpoints"]:
            ready((*debian.PYTHON, *debian.ENDPOINTS, *debian.C))
        else:
            obstacle = debian.obstacle()
            needs = wanted(obstacle=obstacle, ci=os.environ.get("CI") == "true")
            if obstacle:
                say(f"the image and node tests will be skipped: {obstacle}")
            ready(needs)
    except ToolError as error:
        print(f"error: {error}", file=sys.stderr)
        return 2
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
