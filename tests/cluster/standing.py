"""A control plane that is left running: `start` in one command, `stop` in another.

A separate process holds it, as a test would, so planes start and end in only one way. The process holds a file lock
meanwhile, which no crash can leave behind: whoever holds the lock is running, whatever a stale file says.
"""

import json
import os
import signal
import subprocess
import sys
from pathlib import Path

from tests.cluster import cache
from tests.cluster.client import Client, host_network_values
from tests.cluster.daemon import DaemonError
from tests.cluster.plane import ControlPlane
from tests.cluster.poll import poll

ROOT = Path(__file__).parents[2]

METRICS_PORT = 18080
"""Ports of an operator on this machine's network, where 8080 is often taken."""


class Standing:
    """The one standing control plane of this user."""

    def __init__(self) -> None:
        self._directory = cache.root() / "cluster"
        self._lock = self._directory / "lock"
        self._log = self._directory / "log"
        self._kubeconfig = self._directory / "kubeconfig"
        self._directory.mkdir(parents=True, exist_ok=True)
        self.image = self._directory / "image.tar"
        """An image for a node: it must exist before the start, and is removed after it."""
        self.values = self._directory / "values.json"
        """The chart's values for a node."""

    def start(self, *, node: bool = False) -> Path:
        """Starts it if it isn't running, updates the chart's CRDs, and returns its kubeconfig.

        :raises DaemonError: if it runs without a node, and one is wanted.
        """
        if not self.running:
            self._kubeconfig.unlink(missing_ok=True)
            self._detach(["--node"] if node else [])
        client = Client(self._kubeconfig, self._directory)
        if node and not client.kubectl("get", "nodes", "--output=name"):
            raise DaemonError("a control plane without a node is running: stop it first with make cluster-stop")
        client.install_crds()
        return self._kubeconfig

    def stop(self) -> bool:
        """Stops it; False if it wasn't running."""
        if not self.running:
            return False
        holder = poll(self._lock.read_text, "the process that holds the control plane to report its ID")
        os.kill(int(holder), signal.SIGTERM)
        poll(lambda: not self.running, "the control plane to end")
        return True

    def hold(self, *, node: bool = False) -> None:
        """Runs it until SIGTERM, in the separate process."""
        signal.signal(signal.SIGTERM, lambda *_: sys.exit())
        held = cache.try_lock(self._lock)
        if held is None:
            return  # another `start` was faster, and its plane serves both
        with held:
            held.truncate(0)
            held.write(str(os.getpid()))
            held.flush()
            with ControlPlane(controller_manager=True, node=node, audit=False) as plane:
                if node:
                    plane.node.import_image(self.image)
                    self.image.unlink()
                    values = host_network_values(plane.server, METRICS_PORT) | {"crds": {"enabled": False}}
                    self.values.write_text(json.dumps(values))
                # The file's existence says that everything is ready, so it is created atomically by a rename.
                draft = self._kubeconfig.with_suffix(".draft")
                draft.touch(mode=0o600)
                draft.write_text(plane.kubeconfig.read_text())
                draft.rename(self._kubeconfig)
                try:
                    while True:
                        signal.pause()
                finally:
                    self._kubeconfig.unlink(missing_ok=True)
                    self.values.unlink(missing_ok=True)
                    held.truncate(0)

    def _detach(self, flags: list[str]) -> None:
        with self._log.open("wb") as log:
            holder = subprocess.Popen(
                [sys.executable, "-m", "tests.cluster", "hold", *flags],
                cwd=ROOT,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                start_new_session=True,
            )

        def ready() -> bool:
            if holder.poll():
                raise DaemonError(self._log.read_text(errors="replace").strip())
            return self._kubeconfig.exists()

        poll(ready, "the control plane to be ready", seconds=180)

    @property
    def running(self) -> bool:
        """Whether it is running, or just being started."""
        held = cache.try_lock(self._lock)
        if held is None:
            return True
        held.close()
        return False
