"""Spring Authorization Server by itself."""

import pytest

from tests.endpoints import contract
from tests.endpoints.server import Method
from tests.endpoints.spring_authorization_server import SpringAuthorizationServer


@pytest.mark.parametrize("method", sorted(SpringAuthorizationServer.methods))
def test_token(spring: SpringAuthorizationServer, method: Method) -> None:
    """A client gets a token by each method."""
    contract.check_token(spring, method)


@pytest.mark.parametrize("method", sorted(SpringAuthorizationServer.methods))
def test_rotation(spring: SpringAuthorizationServer, method: Method) -> None:
    """A rotated secret, key or certificate replaces the one before."""
    contract.check_rotation(spring, method)


def test_refusals(spring: SpringAuthorizationServer) -> None:
    """A client without the grant is unauthorized; one that is gone is unknown."""
    assert contract.refused(spring, "website", granted=False) == (400, "unauthorized_client")
    assert contract.refused(spring, "former", disabled=True) == (401, "invalid_client")
