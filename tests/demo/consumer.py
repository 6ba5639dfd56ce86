"""A local stand-in for a pod: reads the target Secret every 100 ms and calls the API with its content."""

import base64
import json
import ssl
import threading
import time
from pathlib import Path
from types import TracebackType
from typing import Any, Final, Self

import httpx

INTERVAL: Final = 0.1
"""Seconds between two calls: how precisely a gap is measured."""


class Consumer:
    """A context manager: inside, a thread reads and calls."""

    def __init__(self, kubeconfig: Path, namespace: str, secret: str, api_url: str) -> None:
        """`kubeconfig` belongs to an account that may read the Secret, with a token."""
        server, user = _entries(kubeconfig)
        authority = base64.b64decode(server["certificate-authority-data"]).decode()
        self._secret_url = f"{server['server']}/api/v1/namespaces/{namespace}/secrets/{secret}"
        self._bearer = {"authorization": f"Bearer {user['token']}"}
        self._tls = ssl.create_default_context(cadata=authority)
        self._api_url = api_url
        self._ended = threading.Event()
        self._thread = threading.Thread(target=self._run, name=f"consumer of {secret}", daemon=True)
        self._authorization = ""
        self.failures: list[str] = []
        """Why the Secret could not be read, or the API not be called: normally empty."""

    def __enter__(self) -> Self:
        """Starts the thread."""
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        """Stops, after the call in flight."""
        self._ended.set()
        self._thread.join(10)

    def _run(self) -> None:
        with (
            httpx.Client(verify=self._tls, headers=self._bearer, trust_env=False) as cluster,
            httpx.Client(trust_env=False) as api,
        ):
            due = time.monotonic()
            while not self._ended.wait(max(0.0, due - time.monotonic())):
                due = max(due + INTERVAL, time.monotonic())
                try:
                    self._read(cluster)
                    api.get(self._api_url, headers={"authorization": self._authorization})
                except httpx.HTTPError as error:
                    self.failures.append(f"{type(error).__name__}: {error}")

    def _read(self, cluster: httpx.Client) -> None:
        """If the Secret can't be read the last header stays in use, as with a mounted file."""
        answer = cluster.get(self._secret_url)
        if answer.status_code == httpx.codes.OK:
            self._authorization = base64.b64decode(answer.json()["data"]["authorization"]).decode()
        else:
            self.failures.append(f"the API server answered {answer.status_code}")


def _entries(kubeconfig: Path) -> tuple[dict[str, Any], dict[str, Any]]:
    """Cluster and user of a JSON kubeconfig with one of each."""
    document = json.loads(kubeconfig.read_text())
    return document["clusters"][0]["cluster"], document["users"][0]["user"]
