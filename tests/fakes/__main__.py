"""The token endpoint's process: see :mod:`tests.fakes.process`."""

import signal
import sys

from tests.fakes.process import serve

# Ctrl-C reaches the whole process group: the parent decides when the endpoint ends.
signal.signal(signal.SIGINT, signal.SIG_IGN)
serve(sys.stdin, sys.stdout)
