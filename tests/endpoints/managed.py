"""A program of ours around somebody else's code: a test tells it over HTTP which clients exist."""

import secrets
from collections.abc import Sequence
from typing import Final

from tests.endpoints import jose
from tests.endpoints.front import PRIVATE
from tests.endpoints.fronted import Fronted
from tests.endpoints.server import Method

REGISTERED: Final = {
    Method.CLIENT_SECRET_POST: "client_secret_post",
    Method.CLIENT_SECRET_BASIC: "client_secret_basic",
    Method.CLIENT_SECRET_JWT: "client_secret_jwt",
    Method.PRIVATE_KEY_JWT: "private_key_jwt",
    Method.TLS_CLIENT_AUTH: "tls_client_auth",
}
"""Method names in OAuth (RFC 7591, section 2, and RFC 8705, section 2.1.1)."""


class Managed(Fronted):
    """A TokenServer (server.py) without its command line.

    The program answers GET /-/ once it serves. PUT /-/clients/NAME takes an object with `id`, `method` (its OAuth
    name), `lifetime` in seconds, `granted`, `scopes`, and depending on the method `secret`, `key` (a public JWK) or
    `subject` (of a certificate, in RFC 4514 notation); it replaces the client of that name. DELETE removes it.
    """

    _ready_path = PRIVATE

    def __init__(self) -> None:
        """Starts nothing yet."""
        super().__init__()
        self._clients: dict[str, dict[str, object]] = {}

    def add_client(
        self,
        name: str,
        *,
        method: Method = Method.CLIENT_SECRET_POST,
        lifetime: int = 300,
        granted: bool = True,
        scopes: Sequence[str] = (),
    ) -> dict[str, str]:
        """See TokenServer."""
        client = {"id": name, "method": REGISTERED[method], "lifetime": lifetime, "granted": granted}
        self._clients[name] = client | {"scopes": list(scopes)}
        return self.rotate(name)

    def rotate(self, name: str) -> dict[str, str]:
        """See TokenServer."""
        client = self._clients[name]
        held = {"client_id": name}
        match client["method"]:
            case "private_key_jwt":
                held["private_key"] = jose.new_key()
                client["key"] = jose.public_jwk(held["private_key"])
            case "tls_client_auth":
                shown = self._front.issue(name)
                held |= {"certificate": shown.certificate, "private_key": shown.private_key}
                client["subject"] = shown.subject
            case _:
                held["client_secret"] = client["secret"] = secrets.token_urlsafe(32)
        self._put(name)
        return held

    def disable(self, name: str) -> None:
        """See TokenServer: it is deleted."""
        del self._clients[name]
        self._behind.delete(f"{PRIVATE}clients/{name}").raise_for_status()

    def _prepare(self) -> None:
        pass

    def _restore(self) -> None:
        for name in list(self._clients):
            self._put(name)

    def _put(self, name: str) -> None:
        self._behind.put(f"{PRIVATE}clients/{name}", json=self._clients[name]).raise_for_status()
