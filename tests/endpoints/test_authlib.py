"""Authlib's server by itself."""

import pytest

from tests.endpoints import contract
from tests.endpoints.authlib import Authlib
from tests.endpoints.server import Method


@pytest.mark.parametrize("method", sorted(Authlib.methods))
def test_token(authlib: Authlib, method: Method) -> None:
    """A client gets a token by each method."""
    contract.check_token(authlib, method)


@pytest.mark.parametrize("method", sorted(Authlib.methods))
def test_rotation(authlib: Authlib, method: Method) -> None:
    """A rotated secret, key or certificate replaces the one before."""
    contract.check_rotation(authlib, method)


def test_refusals(authlib: Authlib) -> None:
    """A client without the grant is unauthorized; one that is gone is a bad request, as by the body."""
    assert contract.refused(authlib, "website", granted=False) == (400, "unauthorized_client")
    assert contract.refused(authlib, "former", disabled=True) == (400, "invalid_client")
