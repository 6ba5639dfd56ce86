"""A temporary registry for images and charts on this machine."""

import socket
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from tests.cluster import tool
from tests.cluster.daemon import Daemon
from tests.cluster.port import free_port


@contextmanager
def registry() -> Iterator[str]:
    """Its address, which uses plain HTTP."""
    address = f"127.0.0.1:{free_port()}"
    with tempfile.TemporaryDirectory() as directory:
        command = [str(tool.find("crane")), "registry", "serve", f"--address={address}"]
        daemon = Daemon("registry", command, Path(directory))
        daemon.start()
        try:
            daemon.wait_ready(lambda: _answers(address), seconds=20)
            yield address
        finally:
            daemon.kill()


def _answers(address: str) -> bool:
    host, port = address.split(":")
    with socket.socket() as probe:
        return probe.connect_ex((host, int(port))) == 0
