"""@node-oauth/oauth2-server by itself."""

import pytest

from tests.endpoints import contract
from tests.endpoints.node_oauth import NodeOAuth
from tests.endpoints.server import Method


@pytest.mark.parametrize("method", sorted(NodeOAuth.methods))
def test_token(node_oauth: NodeOAuth, method: Method) -> None:
    """A client gets a token by each method."""
    contract.check_token(node_oauth, method)


@pytest.mark.parametrize("method", sorted(NodeOAuth.methods))
def test_rotation(node_oauth: NodeOAuth, method: Method) -> None:
    """A rotated secret, key or certificate replaces the one before."""
    contract.check_rotation(node_oauth, method)


def test_refusals(node_oauth: NodeOAuth) -> None:
    """A client without the grant is unauthorized; one that is gone is a bad request, as by the body."""
    assert contract.refused(node_oauth, "website", granted=False) == (400, "unauthorized_client")
    assert contract.refused(node_oauth, "former", disabled=True) == (400, "invalid_client")
