"""A client of a server, and the resource that gets its tokens: what a case creates, changes and checks."""

import base64
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Final, TypeVar

from integration_token.api.names import ALLOWED_AUDIENCES_ANNOTATION, ALLOWED_HOSTS_ANNOTATION, RENEW_ANNOTATION
from integration_token.api.value import parse_time

from tests.apiserver.canary import PIECE
from tests.apiserver.kube import GROUP_VERSION, Document, Kube
from tests.apiserver.stage import CREDENTIALS_LABEL
from tests.cluster.poll import poll
from tests.endpoints.server import Method, TokenServer
from tests.fakes.server import HOST

T = TypeVar("T")

CREDENTIALS: Final = "shop-integration"
"""The name of the Secret that holds them."""

SOON = 20.0
"""Seconds for what takes a moment, on a machine where several servers are busy."""

_ASSERTING = {Method.CLIENT_SECRET_JWT, Method.PRIVATE_KEY_JWT, Method.SERVICE_ACCOUNT_TOKEN}
_KEYS = {"private_key": "privateKeyKey", "certificate": "certificateKey"}
"""For each of a client's credentials, the field that names its key in the credentials Secret."""


def secrets(credentials: Document) -> set[str]:
    """What nobody else may see of a credentials Secret, in pieces that appear in no other."""
    data = {key: base64.b64decode(value).decode() for key, value in credentials.get("data", {}).items()}
    # The first line of a key's data gives its type, as in other keys.
    key = data.get("private_key", "").splitlines()[2:-2]
    return {data[name] for name in ("client_secret",) if len(data.get(name, "")) >= PIECE} | set(key)


@dataclass
class Trial:
    """A namespace with a TokenEndpoint, a credentials Secret and an IntegrationToken, all for one client."""

    kube: Kube
    server: TokenServer
    name: str
    """The client's name, which the namespace contains."""
    method: Method
    expired: list[float] = field(default_factory=list)
    """When the target Secret was seen with an expired token."""

    @property
    def namespace(self) -> str:
        """One for each server and client."""
        return f"{self.server.name}-{self.name}"

    @property
    def subject(self) -> str:
        """Of the namespace's ServiceAccount, as in its tokens."""
        return f"system:serviceaccount:{self.namespace}:shop"

    def begin(self, held: Mapping[str, str], settings: Mapping[str, Any] | None = None, **spec: Any) -> "Trial":
        """Creates all of it.

        :param held: the credentials Secret's content; there is none if a ServiceAccount's token is sent.
        :param settings: of the TokenEndpoint's spec, in addition to the required ones.
        :param spec: of the IntegrationToken, in addition to the required fields.
        """
        if self.kube.find("Namespace", "", self.namespace) is None:
            self.kube.create({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": self.namespace}})
        endpoint: dict[str, Any] = {
            "tokenURL": self.server.token_url,
            "caBundle": self.server.ca_pem,
            "requestEncoding": self.server.encoding,
            "clientAuthenticationMethod": str(self.method),
        }
        if self.method in _ASSERTING and self.server.audience != self.server.token_url:
            endpoint["assertion"] = {"audience": self.server.audience}
        self._create("TokenEndpoint", "login", GROUP_VERSION, spec=endpoint | dict(settings or {}))
        labels = {CREDENTIALS_LABEL: "true"}
        if self.method is Method.SERVICE_ACCOUNT_TOKEN:
            annotations = {ALLOWED_HOSTS_ANNOTATION: HOST, ALLOWED_AUDIENCES_ANNOTATION: self.server.audience}
            self._create("ServiceAccount", "shop", "v1", labels, annotations)
            references = {"endpointRef": {"name": "login"}, "serviceAccountRef": {"name": "shop"}}
            self._create("IntegrationToken", "shop", GROUP_VERSION, spec=references | spec)
            return self
        self._create("Secret", CREDENTIALS, "v1", labels, data=_encoded(held))
        credentials = {"name": CREDENTIALS, **{_KEYS[key]: key for key in held if key in _KEYS}}
        references = {"endpointRef": {"name": "login"}, "credentialsSecretRef": credentials}
        self._create("IntegrationToken", "shop", GROUP_VERSION, spec=references | spec)
        return self

    def hold(self, held: Mapping[str, str]) -> None:
        """Replaces the credentials Secret's content."""
        self.kube.patch("Secret", self.namespace, CREDENTIALS, {"data": _encoded(held)})

    def ask_for_renewal(self) -> None:
        """Requests a renewal, as a person does."""
        patch = {"metadata": {"annotations": {RENEW_ANNOTATION: "now"}}}
        self.kube.patch("IntegrationToken", self.namespace, "shop", patch)

    def end(self) -> None:
        """Deletes the resource; its Secret stays, since no garbage collector runs here."""
        self.kube.delete("IntegrationToken", self.namespace, "shop")

    @property
    def status(self) -> Document:
        """The resource's status."""
        status: Document = self.kube.get("IntegrationToken", self.namespace, "shop").get("status", {})
        return status

    def condition(self, kind: str) -> Document:
        """One of its conditions; empty if there is none yet."""
        return next((each for each in self.status.get("conditions", ()) if each["type"] == kind), {})

    def token(self) -> str:
        """The target Secret's token; empty if there is none yet."""
        data = self._data()
        return data.get("token", "")

    def until_ready(self, seconds: float = SOON) -> str:
        """The token, once the resource is Ready."""
        self.until(lambda: self.condition("Ready").get("status") == "True", "the resource to be Ready", seconds)
        return self.token()

    def until_stalled(self, seconds: float = SOON) -> Document:
        """Its Ready condition, once a person has to fix something."""
        self.until(lambda: self.condition("Stalled").get("status") == "True", "the resource to be Stalled", seconds)
        return self.condition("Ready")

    def until_other(self, token: str, seconds: float = SOON) -> str:
        """The next token; meanwhile it is checked that the Secret's is valid."""
        return self.until(
            lambda: held if (held := self._watched()) not in {"", token} else "", "another token", seconds
        )

    def until(self, condition: Callable[[], T], what: str, seconds: float = SOON) -> T:
        """The first truthy result; if none comes, an AssertionError that shows the resource."""
        try:
            return poll(condition, what, seconds)
        except TimeoutError as error:
            conditions = [
                f"{c['type']}={c['status']} {c['reason']}: {c['message']}" for c in self.status.get("conditions", ())
            ]
            lines = [f"{error} at {self.namespace}", *conditions, *map(str, self.server.requests(self.name))]
            raise AssertionError("\n  ".join(lines)) from None

    def _watched(self) -> str:
        data = self._data()
        if data and parse_time(data["expires_at"]) < time.time() - 1:  # it has whole seconds
            self.expired.append(time.time())
        return data.get("token", "")

    def _data(self) -> dict[str, str]:
        secret = self.kube.find("Secret", self.namespace, "shop") or {}
        return {key: base64.b64decode(value).decode() for key, value in (secret.get("data") or {}).items()}

    def _create(
        self,
        kind: str,
        name: str,
        version: str,
        labels: Mapping[str, str] | None = None,
        annotations: Mapping[str, str] | None = None,
        **parts: Document,
    ) -> None:
        metadata = {
            "name": name,
            "namespace": self.namespace,
            "labels": dict(labels or {}),
            "annotations": dict(annotations or {}),
        }
        self.kube.create({"apiVersion": version, "kind": kind, "metadata": metadata, **parts})


def _encoded(held: Mapping[str, str]) -> dict[str, str]:
    """Encoded like a Secret's `data`."""
    return {key: base64.b64encode(value.encode()).decode() for key, value in held.items()}
