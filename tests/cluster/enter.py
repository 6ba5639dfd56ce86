"""Runs a command in another root file system: `unshare --mount python enter.py ROOT SOURCE=TARGET… -- COMMAND…`.

Each source appears there at its target, with everything mounted below it; the mounts end with the namespace's last
process. The command replaces this process, so that signals and the terminal reach it.

It only uses the standard library and nothing of this project, like leash.py.
"""

import os
import subprocess
import sys
from pathlib import Path


def main() -> None:
    """Never returns."""
    arguments, command = sys.argv[1 : sys.argv.index("--")], sys.argv[sys.argv.index("--") + 1 :]
    root, here = Path(arguments[0]), Path.cwd()
    # As with every root: otherwise the command could not create such a namespace in turn.
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
