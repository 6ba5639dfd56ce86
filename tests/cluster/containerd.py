"""containerd from Debian, which runs the containers and stores their images."""

import subprocess
from pathlib import Path

from tests.cluster.client import CommandError
from tests.cluster.daemon import Daemon
from tests.cluster.debian import PLUGINS
from tests.cluster.namespace import Namespaces

READY = 60
"""Seconds until it must be ready: it takes 1, but the machine may be busy."""

SOCKET = "/run/containerd/containerd.sock"

CONFIGURATION = """\
version = 2
# In memory, as all of /run: images are unpacked and taken away in a tenth of the time, and end with the namespace.
root = "/run/images"

[plugins."io.containerd.grpc.v1.cri"]
sandbox_image = "{pause}"
# Lowering what protects a process from the kernel's memory killer takes a right that a container's root may lack.
restrict_oom_score_adj = true

[plugins."io.containerd.grpc.v1.cri".cni]
bin_dir = "{plugins}"
conf_dir = "{directory}/cni"
"""

NETWORK = """\
{
  "cniVersion": "1.0.0",
  "name": "pods",
  "plugins": [{"type": "ptp", "ipam": {"type": "host-local", "ranges": [[{"subnet": "10.85.0.0/16"}]]}}]
}
"""
"""For pods that are not on the host's network. Without it the node isn't ready."""


class Containerd:
    """A containerd inside a node's namespaces."""

    def __init__(self, namespaces: Namespaces, directory: Path, pause: str) -> None:
        """`pause` is the name of an image, which must be imported before the first pod."""
        self._namespaces = namespaces
        (directory / "cni").mkdir()
        (directory / "cni" / "10-pods.conflist").write_text(NETWORK)
        file = directory / "containerd.toml"
        file.write_text(CONFIGURATION.format(directory=directory, pause=pause, plugins=PLUGINS))
        self._daemon = Daemon("containerd", namespaces.inside("containerd", f"--config={file}"), directory)

    def start(self) -> None:
        """Starts it; ready when this returns."""
        self._daemon.start()
        self._daemon.wait_ready(self._answers, READY)

    def kill(self) -> None:
        """Kills it; its containers keep running."""
        self._daemon.kill()

    def import_image(self, archive: Path) -> None:
        """Makes the images in an archive known to the kubelet. Raises CommandError."""
        answer = self._ctr("--namespace=k8s.io", "images", "import", str(archive))
        if answer.returncode:
            raise CommandError(f"{archive.name} can't be imported: {answer.stderr.strip()}")

    def _answers(self) -> bool:
        return self._ctr("version").returncode == 0

    def _ctr(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        command = self._namespaces.inside("ctr", f"--address={SOCKET}", *arguments)
        return subprocess.run(command, stdin=subprocess.DEVNULL, capture_output=True, text=True, check=False)
