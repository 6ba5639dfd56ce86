"""Where the cases of one server take place, and how each of them begins."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

from tests.apiserver.kube import Kube
from tests.endpoints.server import Method, TokenServer
from tests.endpoints.trial import Trial

LIFETIME: Final = 20
"""Seconds that tokens live where they are to be renewed while one waits."""
LASTING: Final = 600
"""Seconds that they live where they are not."""
RENEWALS: Final = 3

REFUSED: Final = frozenset({"InvalidClient", "UnauthorizedClient"})
"""Reasons for wrong credentials: servers don't agree on the error code (RFC 6749, 5.2)."""

NOTHING: Final[Mapping[str, Any]] = {}


@dataclass(frozen=True)
class Site:
    """A control plane with an operator, and the server."""

    kube: Kube
    server: TokenServer

    @property
    def plain(self) -> Method:
        """A method by client secret that every server of this kind has."""
        return Method.CLIENT_SECRET_POST

    def trial(self, name: str, method: Method) -> Trial:
        """Of a client with that name."""
        return Trial(self.kube, self.server, name, method)

    def begun(
        self,
        name: str,
        method: Method | None = None,
        *,
        endpoint: Mapping[str, Any] = NOTHING,
        spec: Mapping[str, Any] = NOTHING,
        **client: Any,
    ) -> Trial:
        """One whose client the server knows, and all of it put up.

        :param method: else the plain one.
        :param endpoint: of the TokenEndpoint's spec, beside what every one needs.
        :param spec: of the IntegrationToken's.
        :param client: as TokenServer.add_client takes it; its tokens are lasting ones if nothing is said.
        """
        trial = self.trial(name, method or self.plain)
        if trial.method is Method.SERVICE_ACCOUNT_TOKEN:
            client["subject"] = trial.subject
        held = self.server.add_client(name, method=trial.method, **{"lifetime": LASTING} | client)
        return trial.begin(held, endpoint, **spec)
