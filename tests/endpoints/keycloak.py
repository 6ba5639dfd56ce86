"""Keycloak; its clients are created with its admin API, in their own realm."""

import json
import secrets
from collections.abc import Sequence
from pathlib import Path
from typing import Any, ClassVar, Final

import httpx

from tests.endpoints import jose
from tests.endpoints.distribution import ADMIN, CURRENT, OLDER, Distribution
from tests.endpoints.fronted import Fronted
from tests.endpoints.maven import Artifact
from tests.endpoints.server import SCOPES, Capability, Method
from tests.fakes.server import HOST

REALM: Final = "trial"
CLUSTER: Final = "cluster"
"""The identity provider that represents a cluster."""

_AUTHENTICATORS: Final = {
    Method.CLIENT_SECRET_POST: "client-secret",
    Method.CLIENT_SECRET_BASIC: "client-secret",
    Method.CLIENT_SECRET_JWT: "client-secret-jwt",
    Method.PRIVATE_KEY_JWT: "client-jwt",
    Method.TLS_CLIENT_AUTH: "client-x509",
    Method.SERVICE_ACCOUNT_TOKEN: "federated-jwt",
}


class Keycloak(Fronted):
    """See TokenServer."""

    name = "keycloak"
    artifact: ClassVar[Artifact] = CURRENT
    methods = frozenset(_AUTHENTICATORS)
    capabilities = frozenset({Capability.SCOPE_REFUSAL})
    path = f"/realms/{REALM}/protocol/openid-connect/token"
    _ready_path = "/realms/master"

    def __init__(self, *trusted: Path) -> None:
        """Starts nothing yet.

        :param trusted: certificate files in PEM, for servers that it calls, such as a cluster's.
        """
        super().__init__()
        self._trusted = trusted
        self._ids: dict[str, str] = {}

    def add_client(
        self,
        name: str,
        *,
        method: Method = Method.CLIENT_SECRET_POST,
        lifetime: int = 300,
        granted: bool = True,
        scopes: Sequence[str] = (),
        subject: str = "",
    ) -> dict[str, str]:
        """See TokenServer.

        :param subject: of the service account tokens that authenticate the client, if that is the method:
            `system:serviceaccount:NAMESPACE:NAME`.
        """
        self._subjects[name] = subject or name
        client = {
            "clientId": name,
            "clientAuthenticatorType": _AUTHENTICATORS[method],
            "standardFlowEnabled": False,
            "serviceAccountsEnabled": granted,
            "attributes": {"access.token.lifespan": str(lifetime)},
        }
        if scopes:
            client["optionalClientScopes"] = list(scopes)  # without it, the default scopes of the realm
        answer = self._call("POST", "/clients", client)
        self._ids[name] = answer.headers["location"].rpartition("/")[2]
        return self.rotate(name)

    def add_issuer(self, issuer: str) -> None:
        """Accepts the service account tokens of the cluster with this issuer, where Keycloak gets its keys."""
        provider = {
            "alias": CLUSTER,
            "providerId": "kubernetes",
            "config": {"issuer": issuer},
        }
        self._call("POST", "/identity-provider/instances", provider)

    def rotate(self, name: str) -> dict[str, str]:
        """See TokenServer. A client with a service account's token has nothing to rotate."""
        client = self._client(name)
        attributes: dict[str, str] = client["attributes"]
        held = {"client_id": name}
        match client["clientAuthenticatorType"]:
            case "client-jwt":
                held["private_key"] = jose.new_key()
                keys = json.dumps({"keys": [jose.public_jwk(held["private_key"])]})
                attributes |= {"use.jwks.string": "true", "jwks.string": keys}
            case "client-x509":
                shown = self._front.issue(name)
                held |= {"certificate": shown.certificate, "private_key": shown.private_key}
                attributes |= {"x509.subjectdn": shown.subject, "x509.casubjectdn": shown.issuer}
                attributes["x509.allow.regex.pattern.comparison"] = "false"
            case "federated-jwt":
                attributes |= {"jwt.credential.issuer": CLUSTER, "jwt.credential.sub": self._subjects[name]}
            case _:
                held["client_secret"] = client["secret"] = secrets.token_urlsafe(32)
        self._call("PUT", f"/clients/{self._ids[name]}", client)
        return held

    def disable(self, name: str) -> None:
        """See TokenServer."""
        self._call("PUT", f"/clients/{self._ids[name]}", self._client(name) | {"enabled": False})

    def _command(self, port: int, url: str, directory: Path) -> list[str]:
        self._distribution = Distribution(self.artifact)
        options = {
            "http-enabled": "true",
            "http-host": HOST,
            "http-port": str(port),
            "hostname": url,
            "cache": "local",
            "log-level": "warn",
            "db-url": self._distribution.copy_database(directory / "database"),
        }
        clients = directory / "clients.pem"
        clients.write_text(self._front.clients_pem)
        options["truststore-paths"] = ",".join(map(str, (clients, *self._trusted)))
        return self._distribution.command(*(f"--{name}={value}" for name, value in options.items()))

    def _prepare(self) -> None:
        self.audience = f"{self._front.url}/realms/{REALM}"
        self._call("POST", None, {"realm": REALM, "enabled": True})
        for scope in SCOPES:
            self._call("POST", "/client-scopes", {"name": scope, "protocol": "openid-connect"})

    def _restore(self) -> None:
        """They are in its database."""

    def _client(self, name: str) -> dict[str, Any]:
        client: dict[str, Any] = self._call("GET", f"/clients/{self._ids[name]}").json()
        return client

    def _call(self, method: str, path: str | None, content: object = None) -> httpx.Response:
        """The admin API below the realm, or at its root without a path."""
        form = {
            "grant_type": "client_credentials",
            "client_id": ADMIN,
            "client_secret": self._distribution.secret,
        }
        answer = self._behind.post("/realms/master/protocol/openid-connect/token", data=form).raise_for_status()
        address = "/admin/realms" if path is None else f"/admin/realms/{REALM}{path}"
        headers = {"Authorization": f"Bearer {answer.json()['access_token']}"}
        return self._behind.request(method, address, json=content, headers=headers).raise_for_status()


class OlderKeycloak(Keycloak):
    """A minor version in which service account tokens were still a preview."""

    name = "keycloak-26-5"
    artifact = OLDER
    methods = Keycloak.methods - {Method.SERVICE_ACCOUNT_TOKEN}
