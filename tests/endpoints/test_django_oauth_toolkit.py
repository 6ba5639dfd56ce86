"""Django OAuth Toolkit by itself."""

import pytest

from tests.endpoints import contract
from tests.endpoints.django_oauth_toolkit import DjangoOAuthToolkit
from tests.endpoints.server import Method


@pytest.mark.parametrize("method", sorted(DjangoOAuthToolkit.methods))
def test_token(django_oauth_toolkit: DjangoOAuthToolkit, method: Method) -> None:
    """A client gets a token by each method."""
    contract.check_token(django_oauth_toolkit, method)


@pytest.mark.parametrize("method", sorted(DjangoOAuthToolkit.methods))
def test_rotation(django_oauth_toolkit: DjangoOAuthToolkit, method: Method) -> None:
    """A rotated secret, key or certificate replaces the one before."""
    contract.check_rotation(django_oauth_toolkit, method)


def test_refusals(django_oauth_toolkit: DjangoOAuthToolkit) -> None:
    """A client without the grant is unauthorized; one that is gone is unknown."""
    assert contract.refused(django_oauth_toolkit, "website", granted=False) == (400, "unauthorized_client")
    assert contract.refused(django_oauth_toolkit, "former", disabled=True) == (401, "invalid_client")
