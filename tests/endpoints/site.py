"""Where the cases of one server take place, and how each of them begins."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

from tests.apiserver.kube import Kube
from tests.endpoints.server import Method, TokenServer
from tests.endpoints.trial import Trial

LIFETIME: Final = 20
"""Lifetime in seconds of tokens that are renewed while the case waits."""
LASTING: Final = 600
"""Lifetime in seconds of tokens that aren't."""
RENEWALS: Final = 3

REFUSED: Final = frozenset({"InvalidClient", "UnauthorizedClient"})
"""Reasons for wrong credentials: servers disagree on the error code (RFC 6749, 5.2)."""

NOTHING: Final[Mapping[str, Any]] = {}


@dataclass(frozen=True)
class Site:
    """A control plane with an operator, and the server."""

    kube: Kube
    server: TokenServer

    @property
    def plain(self) -> Method:
        """A method with a client secret that every server of this kind supports."""
        return Method.CLIENT_SECRET_POST

    def trial(self, name: str, method: Method) -> Trial:
        """The trial of a client with that name."""
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
        """A trial whose client the server knows, with everything created.

        :param method: the plain one by default.
        :param endpoint: fields of the TokenEndpoint's spec, in addition to the required ones.
        :param spec: of the IntegrationToken.
        :param client: arguments of TokenServer.add_client; by default its tokens are lasting ones.
        """
        trial = self.trial(name, method or self.plain)
        if trial.method is Method.SERVICE_ACCOUNT_TOKEN:
            client["subject"] = trial.subject
        held = self.server.add_client(name, method=trial.method, **{"lifetime": LASTING} | client)
        return trial.begin(held, endpoint, **spec)
