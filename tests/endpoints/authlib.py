"""Authlib's server, on Flask."""

from pathlib import Path

from tests.endpoints import packages
from tests.endpoints.managed import REGISTERED, Managed
from tests.endpoints.server import Method


class Authlib(Managed):
    """See TokenServer."""

    name = "authlib"
    methods = frozenset(REGISTERED) - {Method.TLS_CLIENT_AUTH}
    path = "/oauth/token"

    def _command(self, port: int, url: str, directory: Path) -> list[str]:
        return packages.command("authlib_server", str(port), url)
