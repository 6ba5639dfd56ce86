"""What each client authentication method and grant sends, read and verified as a server would."""

import json
from typing import Any
from urllib.parse import parse_qs

import jwt
import pytest
from integration_token.api.condition import Reason
from integration_token.api.endpoint import BasicEncoding, RequestEncoding
from integration_token.api.grant import Assertion, TokenExchange
from integration_token.errors import EndpointUnusable, UserActionRequired
from integration_token.oauth.part import GrantInputs, TokenRequestSpec
from integration_token.oauth.refusal import Asked
from integration_token.oauth.request import TokenRequest, build_request, needs
from integration_token.oauth.response import Answer, read_answer

from tests.unit.signing import certificate_pem, jwk, key_of, pem, rsa_key, thumbprint
from tests.unit.virtual import EPOCH

URL = "https://login.example/token"
CLIENT = "shop"
SECRET = "kV7-Wq2xRz9Lm4Tn8Yb3Hc6Jd1Fg5Ps0aE"
ACCOUNT = jwt.encode({"sub": "system:serviceaccount:store:shop"}, pem(key_of("P-256")), algorithm="ES256")
CLIENT_ASSERTION_TYPE = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"


def spec_of(authentication: str, grant: str = "ClientCredentials", **changes: Any) -> TokenRequestSpec:
    """The spec that a request is built from; changes apply to its inputs, or to credentials of that name."""
    credentials = {"client_id": CLIENT, "client_secret": SECRET, "private_key": pem(rsa_key())}
    credentials |= {name: changes.pop(name) for name in ("client_secret", "private_key") if name in changes}
    if "certificate_text" in changes:
        credentials["certificate"] = changes.pop("certificate_text")
    fields: dict[str, Any] = {
        "token_url": URL,
        "encoding": RequestEncoding.FORM,
        "parameters": (),
        "audience": "",
        "scopes": (),
        "authentication": authentication,
        "grant_type": grant,
    }
    inputs = GrantInputs(**fields | changes)
    return TokenRequestSpec(
        inputs,
        {name: credentials[name] for name in needs(inputs).credentials},
        account_token=ACCOUNT if needs(inputs).account else "",
        places={name: f"key {name} of Secret shop" for name in credentials},
    )


def body(request: TokenRequest) -> dict[str, str]:
    """The request's fields, each of which appears once."""
    return {name: value for name, [value] in parse_qs(request.body.decode(), strict_parsing=True).items()}


def sent(*args: Any, **changes: Any) -> dict[str, str]:
    """The body of such a request."""
    return body(build_request(spec_of(*args, **changes), EPOCH))


def claims_of(assertion: str, key: Any, algorithm: str) -> dict[str, Any]:
    """The claims of an assertion whose signature is valid."""
    checks = {"verify_exp": False, "verify_iat": False, "verify_aud": False}
    return dict(jwt.decode(assertion, key, algorithms=[algorithm], options=checks))  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("kind", "algorithm"),
    [("RSA", "RS256"), ("P-256", "ES256"), ("P-384", "ES384"), ("P-521", "ES512"), ("Ed25519", "EdDSA")],
)
@pytest.mark.parametrize("write", [pem, jwk], ids=["PEM", "JWK"])
def test_an_assertion_is_signed_by_what_suits_the_key(kind: str, algorithm: str, write: Any) -> None:
    """Its claims suit all servers: one audience, issued slightly in the past, valid for a minute at most, an ID."""
    fields = sent("PrivateKeyJWT", private_key=write(key_of(kind)))
    assertion = fields.pop("client_assertion")
    assert fields == {
        "grant_type": "client_credentials",
        "client_id": CLIENT,
        "client_assertion_type": CLIENT_ASSERTION_TYPE,
    }
    claims = claims_of(assertion, key_of(kind).public_key(), algorithm)
    assert claims.pop("jti")
    assert claims == {"iss": CLIENT, "sub": CLIENT, "aud": URL, "iat": EPOCH - 5, "exp": EPOCH + 55}
    assert jwt.get_unverified_header(assertion) == {"typ": "JWT", "alg": algorithm}


def test_no_two_assertions_have_one_id() -> None:
    """Most servers refuse an ID that they have seen."""
    found = [sent("PrivateKeyJWT")["client_assertion"] for _ in range(3)]
    assert len({claims_of(each, rsa_key().public_key(), "RS256")["jti"] for each in found}) == 3


def test_an_assertion_says_what_the_endpoint_wants() -> None:
    """Audience, lifetime, algorithm and key ID come from the endpoint's spec."""
    wanted = Assertion(audience="https://issuer.example", lifetime=600, signing_algorithm="PS256", key_id="k1")
    assertion = sent("PrivateKeyJWT", assertion=wanted)["client_assertion"]
    claims = claims_of(assertion, rsa_key().public_key(), "PS256")
    assert (claims["aud"], claims["exp"] - claims["iat"]) == ("https://issuer.example", 600)
    assert jwt.get_unverified_header(assertion) == {"typ": "JWT", "alg": "PS256", "kid": "k1"}


def test_a_jwk_states_its_id_and_algorithm() -> None:
    """Unless the endpoint's spec says otherwise."""
    key = jwk(rsa_key(), kid="of-the-key", alg="PS256")
    header = jwt.get_unverified_header(sent("PrivateKeyJWT", private_key=key)["client_assertion"])
    assert (header["kid"], header["alg"]) == ("of-the-key", "PS256")
    wanted = Assertion(signing_algorithm="RS256", key_id="k1")
    header = jwt.get_unverified_header(sent("PrivateKeyJWT", private_key=key, assertion=wanted)["client_assertion"])
    assert (header["kid"], header["alg"]) == ("k1", "RS256")


def test_a_certificate_is_named_by_its_thumbprint_if_the_spec_names_one() -> None:
    """As Entra requires, with PS256; otherwise the certificate isn't read."""
    text = certificate_pem(rsa_key())
    wanted = Assertion(signing_algorithm="PS256")
    assertion = sent("PrivateKeyJWT", certificate=True, certificate_text=text, assertion=wanted)["client_assertion"]
    assert jwt.get_unverified_header(assertion) == {"typ": "JWT", "alg": "PS256", "x5t#S256": thumbprint(text)}
    assert "certificate" not in spec_of("PrivateKeyJWT").credentials


@pytest.mark.parametrize("algorithm", ["", "HS256", "HS384", "HS512"])
def test_the_secret_signs_and_is_not_sent(algorithm: str) -> None:
    """HS256, unless the endpoint requires another algorithm."""
    secret = 2 * SECRET
    fields = sent("ClientSecretJWT", client_secret=secret, assertion=Assertion(signing_algorithm=algorithm))
    claims = claims_of(fields["client_assertion"], secret, algorithm or "HS256")
    assert (claims["iss"], claims["sub"], claims["aud"], fields["client_id"]) == (CLIENT, CLIENT, URL, CLIENT)
    assert "client_secret" not in fields


def test_a_certificate_goes_to_the_connection() -> None:
    """Only the client ID goes into the body."""
    key, text = pem(rsa_key()), certificate_pem(rsa_key())
    request = build_request(spec_of("TLSClientAuth", private_key=jwk(rsa_key()), certificate_text=text), EPOCH)
    assert body(request) == {"grant_type": "client_credentials", "client_id": CLIENT}
    assert request.certificate is not None
    assert (request.certificate.key, request.certificate.chain) == (key, text)


def test_a_service_accounts_token_proves_who_the_client_is() -> None:
    """The client ID is sent if the spec states one, and no credentials Secret is needed."""
    proof = {"client_assertion_type": CLIENT_ASSERTION_TYPE, "client_assertion": ACCOUNT}
    assert sent("ServiceAccountToken") == {"grant_type": "client_credentials", **proof}
    stated = sent("ServiceAccountToken", client_id=CLIENT)
    assert stated == {"grant_type": "client_credentials", "client_id": CLIENT, **proof}
    assert build_request(spec_of("ServiceAccountToken"), EPOCH).secrets == (ACCOUNT,)


def test_no_method_at_all_sends_nothing_but_a_stated_client_id() -> None:
    """The grant itself is proof enough."""
    assert sent("None", client_id=CLIENT) == {"grant_type": "client_credentials", "client_id": CLIENT}
    exchange = TokenExchange(requested_token_type="urn:ietf:params:oauth:token-type:access_token")
    assert sent("None", "TokenExchange", token_exchange=exchange, audience="https://api.example") == {
        "grant_type": "urn:ietf:params:oauth:grant-type:token-exchange",
        "subject_token": ACCOUNT,
        "subject_token_type": "urn:ietf:params:oauth:token-type:jwt",
        "requested_token_type": "urn:ietf:params:oauth:token-type:access_token",
        "audience": "https://api.example",
    }


def test_parameters_replace_nothing_of_the_grant() -> None:
    """The endpoint's author doesn't choose whose token is exchanged."""
    fields = sent("None", "TokenExchange", parameters=(("subject_token", "another"), ("resource", "urn:x")))
    assert (fields["subject_token"], fields["resource"]) == (ACCOUNT, "urn:x")


def test_the_jwt_bearer_grant_sends_the_accounts_token() -> None:
    """If there is one, with any client authentication method."""
    fields = sent("ClientSecretPost", "JWTBearer", account="store/shop/uid")
    assert fields == {
        "grant_type": "urn:ietf:params:oauth:grant-type:jwt-bearer",
        "assertion": ACCOUNT,
        "client_id": CLIENT,
        "client_secret": SECRET,
    }


def test_the_jwt_bearer_grant_signs_for_a_subject() -> None:
    """Additional claims never replace the operator's own."""
    wanted = Assertion(subject="ada@example.com", claims=(("iss", "another"), ("scope", "read")))
    fields = sent("None", "JWTBearer", assertion=wanted)
    claims = claims_of(fields.pop("assertion"), rsa_key().public_key(), "RS256")
    assert (claims["iss"], claims["sub"], claims["scope"]) == (CLIENT, "ada@example.com", "read")
    assert fields == {"grant_type": "urn:ietf:params:oauth:grant-type:jwt-bearer"}
    plain = sent("None", "JWTBearer")["assertion"]
    assert claims_of(plain, rsa_key().public_key(), "RS256")["sub"] == CLIENT


def test_basic_is_left_as_it_is_for_servers_that_decode_nothing() -> None:
    """A colon in the client ID would be taken for the separator, so it is refused."""
    spec = spec_of("ClientSecretBasic", client_secret="a b%/+é", basic_encoding=BasicEncoding.NONE)
    assert build_request(spec, EPOCH).headers["Authorization"] == "Basic c2hvcDphIGIlLyvDqQ=="
    with pytest.raises(UserActionRequired, match="the client ID contains a colon"):
        sent("ClientSecretBasic", basic_encoding=BasicEncoding.NONE, client_id="a:b")


@pytest.mark.parametrize(
    ("method", "changes", "said"),
    [
        (
            "ClientSecretJWT",
            {"client_secret": "x" * 31},
            "key client_secret of Secret shop is shorter than the 32 bytes",
        ),
        (
            "ClientSecretJWT",
            {"assertion": Assertion(signing_algorithm="HS512")},
            "key client_secret of Secret shop is shorter than the 64 bytes that HS512 requires",
        ),
        ("ClientSecretJWT", {"client_secret": jwk(rsa_key())}, "is a key or a certificate, not a client secret"),
        (
            "PrivateKeyJWT",
            {"assertion": Assertion(signing_algorithm="ES384")},
            "of the endpoint is ES384; store a key of type P-384, or have that field removed or set to RS256 or PS256",
        ),
    ],
)
def test_what_cannot_sign_is_reported(method: str, changes: dict[str, Any], said: str) -> None:
    """The message names the Secret and key, and says what to do."""
    with pytest.raises(UserActionRequired) as caught:
        sent(method, **changes)
    assert caught.value.reason == Reason.CREDENTIALS_INVALID
    assert said in caught.value.message


@pytest.mark.parametrize(("method", "algorithm"), [("ClientSecretJWT", "RS256"), ("PrivateKeyJWT", "HS256")])
def test_an_algorithm_of_the_other_method_is_the_endpoints_fault(method: str, algorithm: str) -> None:
    """Changing the credentials wouldn't help."""
    with pytest.raises(EndpointUnusable, match=f"cannot sign with {algorithm}|can sign with {algorithm}"):
        sent(method, assertion=Assertion(signing_algorithm=algorithm))


EVERY = [
    pytest.param("ClientSecretJWT", "ClientCredentials", {}, id="a secret that signs"),
    pytest.param("PrivateKeyJWT", "ClientCredentials", {}, id="PEM"),
    pytest.param("PrivateKeyJWT", "ClientCredentials", {"private_key": jwk(rsa_key())}, id="JWK"),
    pytest.param("PrivateKeyJWT", "ClientCredentials", {"private_key": pem(key_of("P-256"))}, id="a short key"),
    pytest.param("TLSClientAuth", "ClientCredentials", {"certificate_text": certificate_pem(rsa_key())}, id="TLS"),
    pytest.param("ServiceAccountToken", "ClientCredentials", {}, id="an account's token"),
    pytest.param("None", "TokenExchange", {}, id="exchange"),
    pytest.param("None", "JWTBearer", {}, id="a signed grant"),
    pytest.param("None", "JWTBearer", {"account": "store/shop/uid"}, id="an account's grant"),
]


def _hidden(spec: TokenRequestSpec) -> list[str]:
    """The secret texts of a request and of its inputs."""
    request = build_request(spec, EPOCH)
    fields = body(request)
    found = [fields[name] for name in ("client_assertion", "subject_token", "assertion") if name in fields]
    found += [spec.account_token, spec.credentials.get("client_secret", "")]
    key = spec.credentials.get("private_key", "")
    if key.startswith("{"):
        found += [value for name, value in json.loads(key).items() if name in {"d", "p", "q", "dp", "dq", "qi"}]
    elif key:
        found += [*key.splitlines()[1:-1], "".join(key.splitlines()[1:-1])]
    return [text for text in found if text]


@pytest.mark.parametrize(("method", "grant", "changes"), EVERY)
def test_a_server_that_sends_it_back_shows_nothing(method: str, grant: str, changes: dict[str, Any]) -> None:
    """Whole, split into lines, spaced out or in hex: no eight characters of it appear in the message."""
    spec = spec_of(method, grant, **changes)
    request = build_request(spec, EPOCH)
    fields = body(request)
    secret = [fields[name] for name in ("client_assertion", "subject_token", "assertion") if name in fields]
    for text in {*_hidden(spec), *secret}:
        for form in (text, text[-40:], " ".join(text[at : at + 12] for at in range(0, 96, 12)), text.encode().hex()):
            answer = json.dumps({"error": "invalid_client", "error_description": f"we do not take {form} here"})
            with pytest.raises(UserActionRequired) as caught:
                _read(answer, request, method)
            said = caught.value.message.replace(" ", "")
            pieces = {text[at : at + 8] for at in range(len(text) - 7)}
            # An assertion's public claims, such as its type, are no secret, but its text is.
            assert not [piece for piece in pieces if piece in said]
            assert form[:16] not in caught.value.message


def _read(answer: str, request: TokenRequest, method: str) -> None:
    asked = Asked("TokenEndpoint login", URL, RequestEncoding.FORM, method, "")
    read_answer(
        Answer(400, {}, answer.encode(), EPOCH),
        asked=asked,
        scopes=(),
        default_lifetime=60,
        secrets=request.secrets,
        received=EPOCH,
    )


@pytest.mark.parametrize(("method", "grant", "changes"), EVERY)
def test_nothing_that_can_be_printed_shows_it(method: str, grant: str, changes: dict[str, Any]) -> None:
    """Neither a request's inputs nor the request."""
    spec = spec_of(method, grant, **changes)
    request = build_request(spec, EPOCH)
    printed = f"{spec!r} {request!r} {request.certificate!r}"
    assert not [text for text in _hidden(spec) if text[:12] in printed or text in printed]
    assert URL in printed
