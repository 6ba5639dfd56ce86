"""Replaces itself with a command that must end when its parent is gone: `python tether.py PID COMMAND…`.

Otherwise a killed demo would leave its operator behind. It gets SIGTERM, so that it ends in order, and there is no
process in between, so that the demo's own signals reach the operator. A preexec_fn isn't an option, since the demo has
threads by then.
"""

import ctypes
import os
import signal
import sys

PR_SET_PDEATHSIG = 1
"""From <linux/prctl.h>."""

if sys.platform == "linux":
    ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGTERM)
    if os.getppid() != int(sys.argv[1]):
        sys.exit(1)
# A shell that runs this in the background ignores SIGINT; the command would inherit that, and never see Ctrl-C.
signal.signal(signal.SIGINT, signal.SIG_DFL)
os.execv(sys.argv[2], sys.argv[2:])  # noqa: S606 (a command of ours, and no shell wanted)
