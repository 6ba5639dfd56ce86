"""Runs one command until its own standard input ends: `python leash.py COMMAND…`.

The control plane must not outlive the process that started it, even if that was killed and could not clean up. The
starter holds the other end of the pipe, so the kernel closes it in any case, and the command is killed here. Linux
alone could do that (PR_SET_PDEATHSIG), but it watches the *thread* that started the command, and tests may start planes
from threads that end. Here the main thread starts the command and stays, so the signal is reliable, and it covers the
remaining case: the end of this process itself.

It only uses the standard library and nothing of this project: it starts in 20 ms, from any directory.
"""

import ctypes
import os
import signal
import subprocess
import sys
import threading

PR_SET_PDEATHSIG = 1
"""From <linux/prctl.h>."""


def main() -> int:
    """The command's exit code; negative for a signal, as in subprocess."""
    libc = ctypes.CDLL(None) if sys.platform == "linux" else None
    here = os.getpid()

    def die_with_parent() -> None:
        if libc is not None:
            libc.prctl(PR_SET_PDEATHSIG, signal.SIGKILL)
            if os.getppid() != here:  # it ended before the line above
                os.kill(os.getpid(), signal.SIGKILL)

    # The other thread only starts after this.
    command = subprocess.Popen(sys.argv[1:], stdin=subprocess.DEVNULL, preexec_fn=die_with_parent)  # noqa: PLW1509

    def wait_for_end() -> None:
        sys.stdin.buffer.read()
        command.kill()

    threading.Thread(target=wait_for_end, daemon=True).start()
    code = command.wait()
    # Not sys.exit: at interpreter shutdown the thread above still holds stdin's lock, which is fatal.
    os._exit(code if code >= 0 else 128 - code)


main()
