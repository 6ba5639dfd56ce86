"""Stands for a cluster whose service account tokens others prove by the keys that it publishes.

An API server publishes them too, but most calls itself by a name that only resolves inside of its cluster.
"""

import time
from types import TracebackType
from typing import Final, Self

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse
from starlette.routing import Route

from tests.endpoints import jose
from tests.fakes.certificate import Certificate
from tests.fakes.server import HOST, Server

KEYS: Final = "/openid/v1/jwks"
"""Where an API server has them."""
LIFETIME: Final = 600
"""Seconds: the shortest that TokenRequest grants."""


class ClusterIssuer:
    """A context manager: inside, it serves at `url`, which is the name by which it calls itself."""

    url: str

    def __init__(self) -> None:
        """Takes no port yet."""
        certificate = Certificate.issue(HOST)
        self.ca_pem = certificate.ca_pem
        self._key = jose.new_key()
        routes = [Route("/.well-known/openid-configuration", self._discovery), Route(KEYS, self._keys)]
        self._server = Server(Starlette(routes=routes), certificate=certificate)

    def __enter__(self) -> Self:
        """Serve."""
        self.url = self._server.__enter__().url
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        """Stop."""
        self._server.__exit__(kind, error, traceback)

    def token(self, subject: str, audience: str) -> str:
        """As TokenRequest answers one."""
        now = int(time.time())
        times = {"iat": now, "nbf": now, "exp": now + LIFETIME}
        return jose.signed_by_key({"iss": self.url, "sub": subject, "aud": [audience], **times}, self._key, kid="1")

    async def _discovery(self, _: Request) -> JSONResponse:
        return JSONResponse({"issuer": self.url, "jwks_uri": self.url + KEYS})

    async def _keys(self, _: Request) -> JSONResponse:
        return JSONResponse({"keys": [jose.public_jwk(self._key) | {"kid": "1"}]})
