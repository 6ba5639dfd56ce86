"""The fake endpoint accepts client authentication only as a strict server would."""

import base64
import json
import ssl
import urllib.error
import urllib.parse
import urllib.request
from collections.abc import Iterator
from typing import Any

import jwt
import pytest
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from tests.fakes.assertion import ASSERTION_TYPE, KnownKey
from tests.fakes.certificate import ClientAuthority
from tests.fakes.token_endpoint import AUDIENCE, TokenEndpoint

NOW = 1_800_000_000
KEY = ec.generate_private_key(ec.SECP256R1())
PUBLIC = KEY.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo).decode()
SECRET = "a client secret of more than 32 bytes"


@pytest.fixture
def endpoint() -> Iterator[TokenEndpoint]:
    """An endpoint that knows two keys."""
    keys = {"shop": KnownKey("ES256", PUBLIC, key_id="one"), "mac": KnownKey("HS256", SECRET)}
    with TokenEndpoint(keys=keys, clock=lambda: NOW) as endpoint:
        yield endpoint


def ask(
    endpoint: TokenEndpoint,
    fields: dict[str, str],
    headers: dict[str, str] | None = None,
    context: ssl.SSLContext | None = None,
) -> tuple[int, dict[str, Any]]:
    """Status and JSON object of the response to a form."""
    body = urllib.parse.urlencode({"grant_type": "client_credentials", "audience": AUDIENCE, **fields}).encode()
    request = urllib.request.Request(endpoint.url, body, headers or {})  # noqa: S310  # it is ours
    try:
        with urllib.request.urlopen(request, context=context) as answer:  # noqa: S310
            return answer.status, json.load(answer)
    except urllib.error.HTTPError as error:
        with error:
            return error.code, json.load(error)


def by_assertion(endpoint: TokenEndpoint, client_id: str = "shop", **changed: Any) -> dict[str, str]:
    """The fields of a good request, with changed claims."""
    claims = {"iss": client_id, "sub": client_id, "aud": endpoint.url, "iat": NOW - 5, "exp": NOW + 55, "jti": "1" * 16}
    claims = {name: value for name, value in (claims | changed).items() if value is not None}
    if client_id == "mac":
        assertion = jwt.encode(claims, SECRET, "HS256")
    else:
        assertion = jwt.encode(claims, KEY, "ES256", {"kid": "one"})
    return {"client_id": client_id, "client_assertion_type": ASSERTION_TYPE, "client_assertion": assertion}


@pytest.mark.parametrize("client_id", ["shop", "mac"])
def test_an_assertion_is_taken_once(endpoint: TokenEndpoint, client_id: str) -> None:
    """Signed with a key or with a secret."""
    fields = by_assertion(endpoint, client_id)
    assert ask(endpoint, fields)[0] == 200
    assert ask(endpoint, fields) == (
        401,
        {"error": "invalid_client", "error_description": "the assertion was used before"},
    )


@pytest.mark.parametrize(
    ("changed", "said"),
    [
        ({"aud": ["a", "b"]}, "aud must be a single text"),
        ({"aud": "https://other.example"}, "aud must be a single text"),
        ({"iss": "other"}, "iss and sub must be the client ID"),
        ({"iat": NOW + 1}, "iat must be within the last minute"),
        ({"iat": NOW - 61}, "iat must be within the last minute"),
        ({"exp": NOW}, "exp must be within the next minute"),
        ({"exp": NOW + 61}, "exp must be within the next minute"),
        ({"jti": None}, "claims that are missing or unknown: jti"),
        ({"scope": "read"}, "claims that are missing or unknown: scope"),
    ],
)
def test_an_assertion_with_other_claims_is_refused(endpoint: TokenEndpoint, changed: dict[str, Any], said: str) -> None:
    """The error says what is wrong."""
    status, answer = ask(endpoint, by_assertion(endpoint, **changed))
    assert (status, answer["error"]) == (401, "invalid_client")
    assert said in answer["error_description"]


def test_an_assertion_of_another_key_or_header_is_refused(endpoint: TokenEndpoint) -> None:
    """Key, kid and algorithm must match."""
    claims = jwt.decode(by_assertion(endpoint)["client_assertion"], options={"verify_signature": False})
    other = ec.generate_private_key(ec.SECP256R1())
    for assertion in (
        jwt.encode(claims, other, "ES256", {"kid": "one"}),
        jwt.encode(claims, KEY, "ES256", {"kid": "two"}),
        jwt.encode(claims, KEY, "ES256"),
        jwt.encode(claims, SECRET, "HS256", {"kid": "one"}),
        "no.jwt",
    ):
        status, answer = ask(endpoint, by_assertion(endpoint) | {"client_assertion": assertion})
        assert (status, answer["error"]) == (401, "invalid_client")


def test_a_certificate_proves_its_client_alone() -> None:
    """Without one there is no connection."""
    authority = ClientAuthority()
    with TokenEndpoint(tls=True, client_certificates=authority) as endpoint:
        context = authority.issue("shop").context(endpoint.ca_pem)
        assert ask(endpoint, {"client_id": "shop"}, context=context)[0] == 200
        assert ask(endpoint, {"client_id": "other"}, context=context)[0] == 401
        with pytest.raises(OSError, match=r".*"):
            ask(endpoint, {"client_id": "shop"}, context=ssl.create_default_context(cadata=endpoint.ca_pem))


def test_plain_basic_is_not_decoded() -> None:
    """At an endpoint that is set up like that."""
    secret = "a+b%20ü"
    with TokenEndpoint(clients={"shop": secret}, plain_basic=True) as endpoint:
        header = "Basic " + base64.b64encode(f"shop:{secret}".encode()).decode()
        assert ask(endpoint, {}, {"Authorization": header})[0] == 200
        encoded = "Basic " + base64.b64encode(f"shop:{urllib.parse.quote(secret)}".encode()).decode()
        assert ask(endpoint, {}, {"Authorization": encoded})[0] == 401
