"""A release: what a team installs in one go, in its own namespace."""

import base64
import itertools
from dataclasses import dataclass
from typing import Any

from tests.apiserver.kube import GROUP_VERSION, Document, Kube
from tests.apiserver.stage import CREDENTIALS_LABEL, Login
from tests.cluster.poll import poll

_NUMBERS = itertools.count(1)

NAME = "shop"
"""The name of the resource and its client."""


@dataclass(frozen=True)
class Release:
    """Its objects, in the order in which Helm and Flux create them: referenced objects may come last."""

    kube: Kube
    login: Login
    namespace: str

    @property
    def client_id(self) -> str:
        """The endpoint knows one client for each."""
        return self.namespace

    def objects(
        self,
        *,
        credentials: bool = True,
        spec: dict[str, Any] | None = None,
        endpoint: dict[str, Any] | None = None,
    ) -> list[Document]:
        """All of them.

        :param credentials: whether the Secret with the credentials is one of them.
        :param spec: of the IntegrationToken, in addition to the required fields.
        :param endpoint: the same for the TokenEndpoint.
        """
        served = self.login.endpoint
        token = {"endpointRef": {"name": "login"}, "credentialsSecretRef": {"name": f"{NAME}-integration"}}
        objects = [
            self._document("IntegrationToken", NAME, token | (spec or {})),
            self._document(
                "TokenEndpoint", "login", {"tokenURL": served.url, "audience": served.audience} | (endpoint or {})
            ),
        ]
        return [self.secret(), *objects] if credentials else objects

    def secret(self) -> Document:
        """The Secret with the credentials that the endpoint knows."""
        values = {"client_id": self.client_id, "client_secret": self.login.clients[self.client_id]}
        data = {key: base64.b64encode(value.encode()).decode() for key, value in values.items()}
        metadata = {
            "name": f"{NAME}-integration",
            "namespace": self.namespace,
            "labels": {CREDENTIALS_LABEL: "true"},
        }
        return {"apiVersion": "v1", "kind": "Secret", "metadata": metadata, "data": data}

    def target(self) -> Document | None:
        """The Secret that pods would mount."""
        return self.kube.find("Secret", self.namespace, NAME)

    def until_reason(self, reason: str) -> None:
        """Returns once the resource is not Ready with that reason."""
        poll(lambda: self.condition("Ready").get("reason") == reason, f"{reason} in {self.namespace}")

    def until_ready(self) -> None:
        """Returns once there is a token."""
        poll(lambda: self.condition("Ready").get("status") == "True", f"a token in {self.namespace}")

    def until_refresh_fails(self) -> None:
        """Returns once a refresh has failed."""
        poll(lambda: self.condition("Refreshed").get("status") == "False", f"a failed refresh in {self.namespace}")

    def condition(self, kind: str) -> Document:
        """One of the resource's conditions; empty if there is none."""
        stored = self.kube.find("IntegrationToken", self.namespace, NAME) or {}
        conditions = stored.get("status", {}).get("conditions", [])
        return next((condition for condition in conditions if condition["type"] == kind), {})

    def _document(self, kind: str, name: str, spec: dict[str, Any]) -> Document:
        metadata = {"name": name, "namespace": self.namespace}
        return {"apiVersion": GROUP_VERSION, "kind": kind, "metadata": metadata, "spec": spec}


class Site:
    """Creates releases, each with a client that the endpoint knows."""

    def __init__(self, kube: Kube, login: Login) -> None:
        """Starts without releases."""
        self.kube = kube
        self.login = login

    def release(self) -> Release:
        """Another release: its namespace exists, but none of its objects."""
        namespace = f"release-{next(_NUMBERS)}"
        self.kube.create({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": namespace}})
        self.login.clients[namespace] = f"secret-of-{namespace}"
        return Release(self.kube, self.login, namespace)
