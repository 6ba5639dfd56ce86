"""Runs a command in another root file system: `unshare --mount python enter.py ROOT SOURCE=TARGET… -- COMMAND…`.

What is named is seen there at its target, with all that is mounted below it; the mounts end with the last process of
the namespace. The command takes this process's place, so that signals and the terminal reach it.

Only the standard library, and nothing of this project, as leash.py.
"""

import os
import subprocess
import sys
from pathlib import Path


def main() -> None:
    """Never returns."""
    arguments, command = sys.argv[1 : sys.argv.index("--")], sys.argv[sys.argv.index("--") + 1 :]
    root, here = Path(arguments[0]), Path.cwd()
    # As it is with every root: else the command could make no such namespace in turn.
    subprocess.run(["mount", "--bind", str(root), str(root)], check=True)
    for mount in arguments[1:]:
        source, _, name = mount.partition("=")
        target = root / name.lstrip("/")
        if Path(source).is_dir():
            target.mkdir(parents=True, exist_ok=True)
        else:
            target.parent.mkdir(parents=True, exist_ok=True)
            target.touch()
        subprocess.run(["mount", "--rbind", source, str(target)], check=True)
    os.chroot(root)
    os.chdir(here)
    os.execvp(command[0], command)  # noqa: S606  # no shell is wanted


if __name__ == "__main__":
    main()
