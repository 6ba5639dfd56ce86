"""Becomes a command that is asked to end when the process that started it is gone: `python tether.py PID COMMAND…`.

Else a killed demo would leave its operator behind. By SIGTERM, so that it ends in order; and with no process in
between, so that the own signals of the demo reach the operator. No preexec_fn, since the demo has threads by then.
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
# A shell that runs this in the background has SIGINT ignored, which the command would inherit and never hear of Ctrl-C.
signal.signal(signal.SIGINT, signal.SIG_DFL)
os.execv(sys.argv[2], sys.argv[2:])  # noqa: S606 (a command of ours, and no shell wanted)
