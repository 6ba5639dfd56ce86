"""Django OAuth Toolkit."""

from pathlib import Path

from tests.endpoints import packages
from tests.endpoints.managed import Managed
from tests.endpoints.server import Capability, Method


class DjangoOAuthToolkit(Managed):
    """See TokenServer."""

    name = "django-oauth-toolkit"
    methods = frozenset({Method.CLIENT_SECRET_POST, Method.CLIENT_SECRET_BASIC})
    capabilities = frozenset({Capability.SCOPE_REFUSAL})
    path = "/o/token/"

    def _command(self, port: int, url: str, directory: Path) -> list[str]:
        return packages.command("django_server", str(port))
