"""Authlib on Flask, as in its documentation: `python -m … PORT URL`."""

import sys
from typing import Any

from authlib.integrations.flask_oauth2 import AuthorizationServer
from authlib.oauth2.rfc6749 import ClientMixin, grants
from authlib.oauth2.rfc6750 import BearerTokenGenerator
from authlib.oauth2.rfc7523 import JWTBearerClientAssertion
from flask import Flask, Response
from joserfc.jwk import Key, OctKey, RSAKey

from tests.endpoints.python.harness import Harness

TOKEN_PATH = "/oauth/token"


class Client(ClientMixin):
    """A client that the harness registered."""

    def __init__(self, told: dict[str, Any]) -> None:
        """From the harness's data."""
        self._told = told
        self.lifetime: int = told["lifetime"]

    def get_client_id(self) -> str:
        return str(self._told["id"])

    def get_allowed_scope(self, scope: str | None) -> str:
        return " ".join(name for name in (scope or "").split() if name in self._told["scopes"])

    def check_client_secret(self, client_secret: str) -> bool:
        return bool(client_secret == self._told.get("secret"))

    def check_endpoint_auth_method(self, method: str, endpoint: str) -> bool:
        asserted = self._told["method"] in {"private_key_jwt", "client_secret_jwt"}
        return asserted if method == Assertion.CLIENT_AUTH_METHOD else bool(method == self._told["method"])

    def check_grant_type(self, grant_type: str) -> bool:
        return bool(self._told["granted"])

    @property
    def key(self) -> Key:
        """The key that verifies its assertions."""
        return RSAKey.import_key(self._told["key"]) if "key" in self._told else OctKey.import_key(self._told["secret"])


class Assertion(JWTBearerClientAssertion):
    """Verified with the client's key or secret, whichever it has."""

    def __init__(self, audience: str) -> None:
        """`audience` is the only one accepted."""
        super().__init__()
        self._audience = audience
        self._seen: set[str] = set()

    def get_audiences(self) -> list[str]:
        return [self._audience]

    def validate_jti(self, claims: dict[str, Any], jti: str) -> bool:
        fresh = jti not in self._seen
        self._seen.add(jti)
        return fresh

    def resolve_client_public_key(self, client: Client) -> Key:
        return client.key


class ClientCredentials(grants.ClientCredentialsGrant):
    """The grant, with every client authentication method in Authlib."""

    TOKEN_ENDPOINT_AUTH_METHODS = ("client_secret_basic", "client_secret_post", Assertion.CLIENT_AUTH_METHOD)


class Served(Harness):
    """The server with its clients."""

    def __init__(self, url: str) -> None:
        """`url` is the address that its clients use."""
        app = Flask(__name__)
        super().__init__(app)
        self._clients: dict[str, Client] = {}
        # Nobody introspects tokens here, so they aren't stored.
        server = AuthorizationServer(app, self._clients.get, lambda token, request: None)
        plain = server.create_bearer_token_generator({})
        lasting = BearerTokenGenerator(plain.access_token_generator, None, lambda client, grant_type: client.lifetime)
        server.register_token_generator("default", lasting)
        server.register_client_auth_method(Assertion.CLIENT_AUTH_METHOD, Assertion(url + TOKEN_PATH))
        server.register_grant(ClientCredentials)

        @app.post(TOKEN_PATH)
        def token() -> Response:
            answer: Response = server.create_token_response()
            return answer

    def put(self, name: str, client: dict[str, Any]) -> None:
        """See Harness."""
        self._clients[name] = Client(client)

    def delete(self, name: str) -> None:
        """See Harness."""
        self._clients.pop(name)


if __name__ == "__main__":
    Served(sys.argv[2]).serve(int(sys.argv[1]))
