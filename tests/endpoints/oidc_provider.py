"""The certified server oidc-provider, on Node.js."""

from pathlib import Path

from tests.endpoints import npm
from tests.endpoints.managed import REGISTERED, Managed
from tests.endpoints.server import API, SCOPES, Capability


class OIDCProvider(Managed):
    """See TokenServer."""

    name = "oidc-provider"
    methods = frozenset(REGISTERED)
    capabilities = frozenset({Capability.RESOURCE})
    path = "/token"

    def _command(self, port: int, url: str, directory: Path) -> list[str]:
        return npm.command("oidc-provider.mjs", directory, str(port), url, API, *SCOPES)
