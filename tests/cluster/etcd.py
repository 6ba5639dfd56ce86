"""The store of one control plane: on unix sockets in its directory, where the API server runs too.

No ports that could clash, and nobody else on this machine reads Secrets past the API server.
"""

import base64
from pathlib import Path
from typing import Any, Final
from urllib.parse import urlsplit

import httpx

from tests.cluster import tool
from tests.cluster.daemon import Daemon

CLIENT: Final = "unix://client:1"
"""The address, in the directory. etcd demands the form of host and port even of a socket."""
_PEER: Final = "unix://peer:1"

_COMPACTED: Final = b"compact_rev_key"
"""Where API servers tell each other what was compacted: k8s.io/apiserver, storage/etcd3/compact.go."""


class Etcd:
    """One etcd and its data; it can be started again after it was killed."""

    def __init__(self, directory: Path) -> None:
        """`directory` is the control plane's."""
        self._sockets = [directory / urlsplit(address).netloc for address in (CLIENT, _PEER)]
        self._daemon = Daemon(
            "etcd",
            [
                str(tool.find("etcd")),
                "--data-dir=etcd",
                f"--listen-client-urls={CLIENT}",
                f"--advertise-client-urls={CLIENT}",
                f"--listen-peer-urls={_PEER}",
                f"--initial-advertise-peer-urls={_PEER}",
                f"--initial-cluster=default={_PEER}",
                "--unsafe-no-fsync",  # the data need not outlive the machine
            ],
            directory,
        )

    def start(self, seconds: float) -> None:
        """Start it, and return once it listens; raises DaemonError when it doesn't in `seconds`."""
        self._daemon.start()
        self._daemon.wait_ready(self._sockets[0].exists, seconds)

    def kill(self) -> None:
        """End it at once. Its sockets go too: what is there is then what listens."""
        self._daemon.kill()
        for socket in self._sockets:
            socket.unlink(missing_ok=True)

    def compact(self) -> None:
        """Forget every version but the current one of each key, and tell API servers of it as one of them would."""
        with httpx.Client(transport=httpx.HTTPTransport(uds=str(self._sockets[0])), base_url="http://etcd") as client:

            def call(method: str, body: dict[str, Any]) -> int:
                """The store's revision after it."""
                answer = client.post(f"/v3/kv/{method}", json=body).raise_for_status().json()
                return int(answer["header"]["revision"])

            key = base64.b64encode(_COMPACTED).decode()
            # A compaction keeps what is current at its revision. So it is at the one of this write itself.
            following = str(call("range", {"key": key}) + 1)
            revision = call("put", {"key": key, "value": base64.b64encode(following.encode()).decode()})
            call("compaction", {"revision": revision, "physical": True})
