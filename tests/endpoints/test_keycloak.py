"""What Keycloak has in addition to the other servers."""

import json
from typing import Final

from tests.cluster.plane import ControlPlane
from tests.endpoints import jose
from tests.endpoints.grant import ask
from tests.endpoints.keycloak import Keycloak
from tests.endpoints.realm import Realm
from tests.endpoints.server import Method

NAMESPACE: Final = "store"


def test_service_account_token(keycloak: Keycloak, plane: ControlPlane) -> None:
    """A client without a secret gets a token with its service account's token, but not with another account's."""
    subject = f"system:serviceaccount:{NAMESPACE}:shop"
    held = keycloak.add_client("shop", method=Method.SERVICE_ACCOUNT_TOKEN, lifetime=20, subject=subject)
    plane.kubectl("create", "namespace", NAMESPACE)
    mine, other = (_token(plane, name, keycloak.audience) for name in ("shop", "shop-2"))
    # The first assertion is slow, which may take a second off the response's lifetime.
    assert ask(keycloak, held, Method.SERVICE_ACCOUNT_TOKEN, assertion=other).status_code == 401
    assert ask(keycloak, held, Method.SERVICE_ACCOUNT_TOKEN, assertion=mine).json()["expires_in"] == 20
    assert [answer.status for answer in keycloak.requests("shop")] == [200]


def test_token_is_a_jwt_without_a_date_header(keycloak: Keycloak) -> None:
    """Only the token's own times show Keycloak's clock: its responses have no Date, and the front adds none."""
    answer = ask(keycloak, keycloak.add_client("dated", lifetime=20), Method.CLIENT_SECRET_POST)
    claims = jose.claims_of(answer.json()["access_token"])
    assert int(str(claims["exp"])) - int(str(claims["iat"])) == 20
    assert "date" not in answer.headers


def test_an_api_knows_its_tokens_by_the_published_keys(keycloak: Keycloak) -> None:
    """Including their expiry; changed claims aren't accepted."""
    held = keycloak.add_client("proven", lifetime=20)
    token = ask(keycloak, held, Method.CLIENT_SECRET_POST).json()["access_token"]
    header, _, signature = token.split(".")
    claims = jose.claims_of(token)
    later = jose.encoded(json.dumps(claims | {"exp": 2**32}).encode())
    realm = Realm(keycloak)
    proven = realm.find(token)
    assert proven is not None
    assert proven.expires == claims["exp"]
    assert realm.find(f"{header}.{later}.{signature}") is None


def _token(plane: ControlPlane, account: str, audience: str) -> str:
    """The token of a new ServiceAccount."""
    plane.kubectl("create", "serviceaccount", account, f"--namespace={NAMESPACE}")
    return plane.kubectl("create", "token", account, f"--namespace={NAMESPACE}", f"--audience={audience}").strip()
