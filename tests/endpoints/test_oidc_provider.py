"""oidc-provider by itself."""

import pytest

from tests.endpoints import contract
from tests.endpoints.oidc_provider import OIDCProvider
from tests.endpoints.server import Method


@pytest.mark.parametrize("method", sorted(OIDCProvider.methods))
def test_token(oidc_provider: OIDCProvider, method: Method) -> None:
    """A client gets a token by each method."""
    contract.check_token(oidc_provider, method)


@pytest.mark.parametrize("method", sorted(OIDCProvider.methods))
def test_rotation(oidc_provider: OIDCProvider, method: Method) -> None:
    """A rotated secret, key or certificate replaces the one before."""
    contract.check_rotation(oidc_provider, method)


def test_refusals(oidc_provider: OIDCProvider) -> None:
    """To a client without the grant it says that the request is wrong; a client that is gone is unknown."""
    assert contract.refused(oidc_provider, "website", granted=False) == (400, "invalid_request")
    assert contract.refused(oidc_provider, "former", disabled=True) == (401, "invalid_client")
