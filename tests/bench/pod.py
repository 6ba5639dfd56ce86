"""Runs a command with a ServiceAccount's files where a pod has them: `unshare --mount python pod.py FILES COMMAND…`.

Nobody else sees them there; the mounts end with the namespace's last process. The command replaces this process, so
that signals and the terminal reach it.

It only uses the standard library and nothing of this project, like enter.py.
"""

import os
import subprocess
import sys
from pathlib import Path

PLACE = Path("/var/run/secrets/kubernetes.io/serviceaccount")


def main() -> None:
    """Never returns."""
    files, *command = sys.argv[1:]
    # Over the machine's own directory, in which nothing should be left.
    subprocess.run(["mount", "-t", "tmpfs", "tmpfs", str(PLACE.parents[2].resolve())], check=True)
    PLACE.mkdir(parents=True)
    subprocess.run(["mount", "--bind", files, str(PLACE)], check=True)
    os.execv(command[0], command)  # noqa: S606  # no shell is wanted


if __name__ == "__main__":
    main()
