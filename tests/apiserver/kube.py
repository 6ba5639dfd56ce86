"""The API server as its administrator sees it: plain JSON over HTTP, since each `kubectl` call takes 100 ms."""

import base64
import json
import ssl
import tempfile
from collections.abc import Mapping
from http import HTTPStatus
from typing import Any, Final

import httpx

from tests.cluster.plane import ControlPlane
from tests.cluster.poll import poll

Document = dict[str, Any]

GROUP_VERSION: Final = "integrationtoken.dev/v1alpha1"
TESTS: Final = "tests"
"""The field manager of tests' own writes."""

_OURS = f"/apis/{GROUP_VERSION}"
_RBAC = "/apis/rbac.authorization.k8s.io/v1"
_PATHS: Final = {
    "Secret": ("/api/v1", "secrets"),
    "ConfigMap": ("/api/v1", "configmaps"),
    "Namespace": ("/api/v1", "namespaces"),
    "Pod": ("/api/v1", "pods"),
    "ServiceAccount": ("/api/v1", "serviceaccounts"),
    "Event": ("/api/v1", "events"),
    "ResourceQuota": ("/api/v1", "resourcequotas"),
    "IntegrationToken": (_OURS, "integrationtokens"),
    "TokenEndpoint": (_OURS, "tokenendpoints"),
    "ClusterTokenEndpoint": (_OURS, "clustertokenendpoints"),
    "Lease": ("/apis/coordination.k8s.io/v1", "leases"),
    "Role": (_RBAC, "roles"),
    "ClusterRole": (_RBAC, "clusterroles"),
    "ClusterRoleBinding": (_RBAC, "clusterrolebindings"),
    "CustomResourceDefinition": ("/apis/apiextensions.k8s.io/v1", "customresourcedefinitions"),
}


class NotFound(AssertionError):
    """The API server has no such object."""


class Kube:
    """Calls to one plane; a refusal is an AssertionError with the server's message."""

    def __init__(self, plane: ControlPlane) -> None:
        """Uses the certificate of the plane's admin."""
        config = json.loads(plane.kubeconfig.read_text())
        cluster, user = config["clusters"][0]["cluster"], config["users"][0]["user"]
        context = ssl.create_default_context(cadata=base64.b64decode(cluster["certificate-authority-data"]).decode())
        with tempfile.NamedTemporaryFile(dir=plane.directory) as pair:
            pair.write(base64.b64decode(user["client-certificate-data"]))
            pair.flush()
            context.load_cert_chain(pair.name)
        self._http = httpx.Client(base_url=cluster["server"], verify=context, trust_env=False, timeout=30)

    def close(self) -> None:
        """Closes all connections."""
        self._http.close()

    def create(self, document: Document) -> Document:
        """Creates an object."""
        path = _path(document["kind"], document["metadata"].get("namespace", ""))
        return self._call("POST", f"{path}?fieldManager={TESTS}", document)

    def find(self, kind: str, namespace: str, name: str) -> Document | None:
        """An object; None if it doesn't exist."""
        try:
            return self.get(kind, namespace, name)
        except NotFound:
            return None

    def get(self, kind: str, namespace: str, name: str) -> Document:
        """An object that must exist."""
        return self._call("GET", _path(kind, namespace, name))

    def list(self, kind: str, namespace: str = "") -> list[Document]:
        """All objects of a kind, in a namespace or in all of them."""
        items: list[Document] = self._call("GET", _path(kind, namespace))["items"]
        return items

    def patch(self, kind: str, namespace: str, name: str, patch: Mapping[str, Any], *, part: str = "") -> Document:
        """A merge patch, of the object or of a subresource such as `status`."""
        path = _path(kind, namespace, name) + (f"/{part}" if part else "")
        return self._call("PATCH", f"{path}?fieldManager={TESTS}", patch, "application/merge-patch+json")

    def replace(self, document: Document) -> Document:
        """A PUT of the whole object."""
        metadata = document["metadata"]
        path = _path(document["kind"], metadata.get("namespace", ""), metadata["name"])
        return self._call("PUT", f"{path}?fieldManager={TESTS}", document)

    def apply(self, document: Document, manager: str) -> Document:
        """A forced server-side apply by that field manager."""
        metadata = document["metadata"]
        path = _path(document["kind"], metadata.get("namespace", ""), metadata["name"])
        return self._call(
            "PATCH", f"{path}?fieldManager={manager}&force=true", document, "application/apply-patch+yaml"
        )

    def delete(self, kind: str, namespace: str, name: str) -> None:
        """Deletes an object that must exist; objects that it owned follow."""
        self._call("DELETE", _path(kind, namespace, name) + "?propagationPolicy=Background")

    def jwks(self) -> Document:
        """The public keys for verifying ServiceAccount tokens."""
        return self._call("GET", "/openid/v1/jwks")

    def texts(self) -> dict[str, str]:
        """Everything of interest in the API except Secrets' data, by a descriptive name."""
        found = {}
        for kind in ("Event", "IntegrationToken", "TokenEndpoint", "ClusterTokenEndpoint", "Secret"):
            for document in self.list(kind):
                metadata = document["metadata"]
                shown = metadata if kind == "Secret" else document
                found[f"{kind} {metadata.get('namespace')}/{metadata['name']}"] = json.dumps(shown, ensure_ascii=False)
        return found

    def _call(
        self, method: str, path: str, body: Mapping[str, Any] | None = None, kind: str = "application/json"
    ) -> Document:
        content = None if body is None else json.dumps(body).encode()

        def call() -> httpx.Response | None:
            answer = self._http.request(method, path, content=content, headers={"content-type": kind})
            # After an outage or a change to a CRD it asks clients to retry.
            return None if answer.status_code == HTTPStatus.TOO_MANY_REQUESTS else answer

        answer = poll(call, f"{method} {path} to be served")
        assert answer is not None
        return checked(answer)


def _path(kind: str, namespace: str = "", name: str = "") -> str:
    prefix, plural = _PATHS[kind]
    scope = f"/namespaces/{namespace}" if namespace and kind != "Namespace" else ""
    return f"{prefix}{scope}/{plural}" + (f"/{name}" if name else "")


def checked(answer: httpx.Response) -> Document:
    """The response; a refusal is an AssertionError with the server's message."""
    document: Document = answer.json()
    if answer.status_code == HTTPStatus.NOT_FOUND:
        raise NotFound(document.get("message"))
    assert answer.is_success, f"{answer.request.method} {answer.request.url.path}: {document.get('message')}"
    return document
