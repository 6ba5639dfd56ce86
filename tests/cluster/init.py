"""Process 1 of a node's namespaces: `unshare --mount --pid --fork --kill-child python init.py DIRECTORY`.

The node's programs use their usual paths, without affecting the machine: /run is empty and new, and what is written to
/var disappears with the namespace. Only the node's directory is shared with the machine. When this process is killed,
the kernel ends every process in the namespace, and with the last of them all mounts disappear.

It only uses the standard library and nothing of this project, like leash.py.
"""

import signal
import subprocess
import sys
from pathlib import Path

READY = "init.pid"
"""The file, in the node's directory, with this process's ID on the machine: everything is mounted by then."""

OVERLAY = Path("/run/overlay")

SETTINGS = {
    "vm/overcommit_memory": 1,
    "vm/panic_on_oom": 0,
    "kernel/panic": 10,
    "kernel/panic_on_oops": 1,
    "kernel/keys/root_maxkeys": 1_000_000,
    "kernel/keys/root_maxbytes": 25_000_000,
    "net/ipv4/ip_forward": 1,
}
"""Kernel settings that the kubelet and pod networks require, and would change for the whole machine.

They find these files with the required values instead.
"""

SETTINGS_FILES = Path("/run/settings")


def main() -> None:
    """Never returns."""
    directory = Path(sys.argv[1])
    number = str(Path("/proc/self").readlink())  # from the machine's own /proc, which is still there
    mount("-t", "proc", "proc", "/proc")
    mount("-t", "tmpfs", "tmpfs", "/run")
    for name, value in SETTINGS.items():
        file = SETTINGS_FILES / name
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(f"{value}\n")
        mount("--bind", str(file), f"/proc/sys/{name}")
    kept = Path("/run/kept")
    for new in (kept, OVERLAY / "upper", OVERLAY / "work"):
        new.mkdir(parents=True)
    # The directory may be in /var, and must stay as it is.
    mount("--bind", str(directory), str(kept))
    mount("-t", "overlay", "-o", f"lowerdir=/var,upperdir={OVERLAY}/upper,workdir={OVERLAY}/work", "overlay", "/var")
    mount("--bind", str(kept), str(directory))
    signal.signal(signal.SIGCHLD, signal.SIG_IGN)  # the kernel reaps orphaned children
    draft = directory / "draft"
    draft.write_text(number)
    draft.rename(directory / READY)
    while True:
        signal.pause()


def mount(*arguments: str) -> None:
    """Like the command."""
    subprocess.run(["mount", *arguments], check=True)


if __name__ == "__main__":
    main()
