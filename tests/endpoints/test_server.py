"""Each server by itself: what the operator's cases rely on.

With `FURTHER_SERVERS=1` it includes servers that take minutes to build, or are another version of a tested one.
"""

import os
from typing import Final

import pytest

from tests.endpoints import contract
from tests.endpoints.authlib import Authlib
from tests.endpoints.conftest import Start
from tests.endpoints.django_oauth_toolkit import DjangoOAuthToolkit
from tests.endpoints.hydra import Hydra
from tests.endpoints.keycloak import Keycloak, OlderKeycloak
from tests.endpoints.node_oauth import NodeOAuth
from tests.endpoints.oidc_provider import OIDCProvider
from tests.endpoints.server import Method, TokenServer
from tests.endpoints.spring_authorization_server import SpringAuthorizationServer

Refusal = tuple[int, str]
"""Status and error code."""

USUAL: Final[dict[type[TokenServer], Refusal]] = {
    Keycloak: (401, "unauthorized_client"),
    OIDCProvider: (400, "invalid_request"),
    NodeOAuth: (400, "unauthorized_client"),
    DjangoOAuthToolkit: (400, "unauthorized_client"),
    Authlib: (400, "unauthorized_client"),
    SpringAuthorizationServer: (400, "unauthorized_client"),
}
FURTHER: Final[dict[type[TokenServer], Refusal]] = {
    OlderKeycloak: USUAL[Keycloak],
    Hydra: (400, "unauthorized_client"),
}
UNGRANTED: Final = FURTHER if os.environ.get("FURTHER_SERVERS") == "1" else USUAL
"""Each server's response to a client that may not use the grant."""

FORMER: Final[dict[type[TokenServer], Refusal]] = dict.fromkeys(UNGRANTED, (401, "invalid_client")) | {
    NodeOAuth: (400, "invalid_client"),
    Authlib: (400, "invalid_client"),
}
"""The response to a removed client: for some a bad request, if the credentials are in the body."""

EACH: Final = pytest.mark.parametrize("kind", UNGRANTED, ids=lambda kind: kind.name)
BY_METHOD: Final = pytest.mark.parametrize(
    ("kind", "method"),
    [
        pytest.param(kind, method, id=f"{kind.name} {method}")
        for kind in UNGRANTED
        for method in sorted(kind.methods - {Method.SERVICE_ACCOUNT_TOKEN})
    ],
)
"""Without the method whose client holds nothing from the server."""


@BY_METHOD
def test_token(start: Start, kind: type[TokenServer], method: Method) -> None:
    """A client gets a token with each method."""
    contract.check_token(start(kind), method)


@BY_METHOD
def test_rotation(start: Start, kind: type[TokenServer], method: Method) -> None:
    """A rotated secret, key or certificate replaces the old one."""
    contract.check_rotation(start(kind), method)


@EACH
def test_a_client_without_the_grant_is_refused(start: Start, kind: type[TokenServer]) -> None:
    """With the documented code."""
    assert contract.refused(start(kind), "website", granted=False) == UNGRANTED[kind]


@EACH
def test_a_client_that_is_disabled_or_gone_is_refused(start: Start, kind: type[TokenServer]) -> None:
    """Like a client that never existed."""
    assert contract.refused(start(kind), "former", disabled=True) == FORMER[kind]


@EACH
def test_a_client_gets_the_scopes_that_it_has_and_no_other(start: Start, kind: type[TokenServer]) -> None:
    """Other scopes are refused by some servers, and omitted by others."""
    contract.check_scopes(start(kind))


@EACH
def test_a_restart_forgets_no_client(start: Start, kind: type[TokenServer]) -> None:
    """Only the server's process restarts: clients see the same address."""
    contract.check_restart(start(kind))
