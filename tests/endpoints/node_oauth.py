"""@node-oauth/oauth2-server, behind express."""

from pathlib import Path

from tests.endpoints import npm
from tests.endpoints.managed import Managed
from tests.endpoints.server import Capability, Method


class NodeOAuth(Managed):
    """See TokenServer."""

    name = "node-oauth"
    methods = frozenset({Method.CLIENT_SECRET_POST, Method.CLIENT_SECRET_BASIC})
    capabilities = frozenset({Capability.SCOPE_REFUSAL})
    path = "/oauth/token"

    def _command(self, port: int, url: str, directory: Path) -> list[str]:
        return npm.command("oauth2-server.mjs", directory, str(port))
