"""The store of one control plane: on unix sockets in its directory, where the API server also runs.

There are no ports to clash, and nobody else on this machine can read Secrets past the API server.
"""

import base64
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final
from urllib.parse import urlsplit

import httpx

from tests.cluster import tool
from tests.cluster.daemon import Daemon

CLIENT: Final = "unix://client:1"
"""The address, within the directory. etcd requires the form of host and port even for a socket."""
_PEER: Final = "unix://peer:1"

_COMPACTED: Final = b"compact_rev_key"
"""Where API servers tell each other about compactions: k8s.io/apiserver, storage/etcd3/compact.go."""


class Etcd:
    """One etcd and its data; it can be restarted after a kill."""

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
                "--unsafe-no-fsync",  # the data need not survive a crash of the machine
            ],
            directory,
        )

    def start(self, seconds: float) -> None:
        """Starts it, and returns once it listens; raises DaemonError if that takes longer than `seconds`."""
        self._daemon.start()
        self._daemon.wait_ready(self._sockets[0].exists, seconds)

    def kill(self) -> None:
        """Kills it. Its sockets are removed too, so that an existing one means that it listens."""
        self._daemon.kill()
        for socket in self._sockets:
            socket.unlink(missing_ok=True)

    def compact(self) -> None:
        """Forgets every version except the current one of each key, and notifies API servers as one of them would."""
        with _client(self._sockets[0]) as client:
            key = base64.b64encode(_COMPACTED).decode()
            # A compaction keeps what is current at its revision, and so at the revision of this write itself.
            following = str(_call(client, "range", {"key": key}) + 1)
            revision = _call(client, "put", {"key": key, "value": base64.b64encode(following.encode()).decode()})
            _call(client, "compaction", {"revision": revision, "physical": True})


def versions(directory: Path) -> Iterator[tuple[str, bytes]]:
    """Every version of every key that a control plane's store has held, oldest first, with the key's name.

    An API server compacts what is older than five minutes, so this only works for young planes.

    :param directory: the control plane's.
    :raises AssertionError: if it was compacted.
    """
    everything = {"key": "AA==", "range_end": "AA==", "start_revision": 1}  # from the key of one zero byte on
    with _client(directory / urlsplit(CLIENT).netloc) as client:
        last = _call(client, "range", {"key": "AA=="})
        with client.stream("POST", "/v3/watch", json={"create_request": everything}) as answer:
            for line in answer.iter_lines():
                result = json.loads(line)["result"]
                assert "compact_revision" not in result, "etcd no longer has its first versions"
                found = [event["kv"] for event in result.get("events", ())]
                for pair in found:
                    yield base64.b64decode(pair["key"]).decode(), base64.b64decode(pair.get("value", ""))
                if found and int(found[-1]["mod_revision"]) >= last:
                    return


def _client(socket: Path) -> httpx.Client:
    return httpx.Client(transport=httpx.HTTPTransport(uds=str(socket)), base_url="http://etcd")


def _call(client: httpx.Client, method: str, body: dict[str, Any]) -> int:
    """The store's revision after a key-value call."""
    answer = client.post(f"/v3/kv/{method}", json=body).raise_for_status().json()
    return int(answer["header"]["revision"])
