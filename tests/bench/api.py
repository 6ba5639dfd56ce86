"""The API server as an admin uses it: plain HTTP calls, cheap enough not to disturb a measurement."""

import json
import ssl
from collections.abc import Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from types import TracebackType
from typing import Final, Self

import httpx

from tests.bench.manifest import API_VERSION, NAMESPACE, Object
from tests.bench.row import BenchError

CONCURRENCY: Final = 8
"""Parallel calls if many objects are created: more gain nothing on a few cores."""
SILENCE: Final = 60.0
"""Seconds that a watch may be silent."""

SECRETS: Final = f"/api/v1/namespaces/{NAMESPACE}/secrets"
TOKENS: Final = f"/apis/{API_VERSION}/namespaces/{NAMESPACE}/integrationtokens"
ENDPOINTS: Final = f"/apis/{API_VERSION}/clustertokenendpoints"
_PATHS: Final = {
    "Secret": SECRETS,
    "IntegrationToken": TOKENS,
    "ClusterTokenEndpoint": ENDPOINTS,
    "Namespace": "/api/v1/namespaces",
}


class API:
    """A context manager: inside, the API server can be called. Each call raises BenchError if it is refused."""

    def __init__(self, server: str, tls: ssl.SSLContext) -> None:
        self._client = httpx.Client(base_url=server, verify=tls, trust_env=False, timeout=30)

    def __enter__(self) -> Self:
        """Connects at the first call."""
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        """Closes the connections."""
        self._client.close()

    def create(self, body: Object) -> None:
        """Creates one object."""
        namespace = body["metadata"].get("namespace", NAMESPACE)
        path = _PATHS[body["kind"]].replace(f"/namespaces/{NAMESPACE}/", f"/namespaces/{namespace}/")
        self._answer("POST", path, json=body)

    def create_all(self, bodies: Iterable[Object]) -> None:
        """Creates many objects, in no particular order."""
        with ThreadPoolExecutor(CONCURRENCY) as pool:
            for _ in pool.map(self.create, bodies):
                pass

    def get(self, path: str) -> Object:
        """One object, or a list of them."""
        return self._answer("GET", path)

    def merge(self, path: str, patch: Object) -> None:
        """Changes an object with a merge patch."""
        self._answer("PATCH", path, json=patch, headers={"Content-Type": "application/merge-patch+json"})

    def delete(self, path: str) -> None:
        """Deletes an object."""
        self._answer("DELETE", path)

    @contextmanager
    def watch(self, path: str, name: str) -> Iterator[Iterator[Object]]:
        """The events of one object from now on; the watch is open when this yields."""
        version = self.get(f"{path}?limit=1")["metadata"]["resourceVersion"]
        query = {"watch": "true", "fieldSelector": f"metadata.name={name}", "resourceVersion": version}
        with self._client.stream("GET", path, params=query, timeout=SILENCE) as response:
            if response.status_code != httpx.codes.OK:
                raise BenchError(f"watching {name}: the API server answered {response.status_code}")
            yield (json.loads(line) for line in response.iter_lines())

    def _answer(self, method: str, path: str, *, json: object = None, headers: dict[str, str] | None = None) -> Object:
        answer = self._client.request(method, path, json=json, headers=headers)
        if not answer.is_success:
            raise BenchError(f"{method} {path}: the API server answered {answer.status_code}: {answer.text[:300]}")
        found: Object = answer.json()
        return found
