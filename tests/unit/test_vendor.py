"""Requests to vendors whose servers can't be run here match the vendors' published pages."""

from collections.abc import Callable
from pathlib import Path
from typing import Any, Final

import jwt
import pytest
from integration_token.api.endpoint import EndpointKind, parse_endpoint
from integration_token.api.integration import parse_integration
from integration_token.oauth.part import TokenRequestSpec
from integration_token.oauth.request import TokenRequest, build_request, grant_inputs

from tests.fakes.vendor import anthropic, auth0, entra, google, google_sts, grafx, okta, openai, openrouter, salesforce
from tests.fakes.vendor.shape import Refused
from tests.unit.document import manifests
from tests.unit.signing import certificate_pem, key_of, pem, rsa_key, thumbprint
from tests.unit.virtual import EPOCH

DOCUMENTS: Final = Path(__file__).parents[2] / "operator" / "docs"


def documented(page: str, kind: str, name: str) -> dict[str, Any]:
    """The spec of a manifest that a page tells users to copy, the last with that name."""
    found = manifests((DOCUMENTS / page).read_text())
    spec: dict[str, Any] = [each["spec"] for each in found if (each["kind"], each["metadata"]["name"]) == (kind, name)][
        -1
    ]
    return spec


TENANT = "https://login.microsoftonline.com/8f1f2a4e-3f0c-4a35-9f57-6f0a2f7a1c11/oauth2/v2.0/token"
ENTRA: dict[str, Any] = {
    "tokenURL": TENANT,
    "requestEncoding": "Form",
    "clientAuthenticationMethod": "PrivateKeyJWT",
    "assertion": {"signingAlgorithm": "PS256"},
}
ANTHROPIC: dict[str, Any] = {
    "tokenURL": "https://api.anthropic.com/v1/oauth/token",
    "clientAuthenticationMethod": "None",
    "grant": "JWTBearer",
    "assertion": {"audience": "https://api.anthropic.com"},
    "parameters": {
        "federation_rule_id": "fdrl_01",
        "organization_id": "3f0c8f1f-2a4e-4a35-9f57-6f0a2f7a1c11",
        "service_account_id": "svac_01",
    },
}
OPENAI: dict[str, Any] = {
    "tokenURL": "https://auth.openai.com/oauth/token",
    "clientAuthenticationMethod": "None",
    "grant": "TokenExchange",
    "assertion": {"audience": "https://api.openai.com/v1"},
    "parameters": {"identity_provider_id": "idp_01", "service_account_id": "user-01"},
}
OPENROUTER: dict[str, Any] = {
    "tokenURL": "https://openrouter.ai/api/v1/oauth/token",
    "requestEncoding": "Form",
    "clientAuthenticationMethod": "None",
    "grant": "TokenExchange",
    "assertion": {"audience": "https://openrouter.ai"},
    "parameters": {"federation_policy_id": "4b2f7d1e-8c3a-4e5f-9a6b-1c2d3e4f5a6b"},
}


def request(endpoint: dict[str, Any], integration: dict[str, Any], **given: Any) -> TokenRequest:
    """The request for an endpoint and a resource with these specs."""
    metadata = {"namespace": "store", "name": "shop", "uid": "uid"}
    parsed = parse_endpoint(EndpointKind.NAMESPACED, {"metadata": metadata, "spec": endpoint})
    resource = parse_integration({"metadata": metadata, "spec": {"endpointRef": {"name": "shop"}, **integration}})
    inputs = grant_inputs(parsed, resource, "store/shop/uid" if resource.service_account else "")
    return build_request(TokenRequestSpec(inputs, **given), EPOCH)


def to_entra(**changes: Any) -> None:
    """A request to Entra with a certificate."""
    text = certificate_pem(rsa_key())
    credentials = {"client_id": "5c0c", "private_key": pem(rsa_key()), "certificate": text}
    secret = {"name": "shop", "certificateKey": "tls.crt"}
    sent = request(
        ENTRA | changes,
        {"credentialsSecretRef": secret, "scopes": ["https://graph.microsoft.com/.default"]},
        credentials=credentials,
    )
    entra.check(sent.headers, sent.body, TENANT, rsa_key().public_key(), thumbprint(text), EPOCH)


SUBJECT: Final = "system:serviceaccount:store:shop"
FEDERATED: Final = documented("authentication.md", "ClusterTokenEndpoint", "entra")
GOOGLE_STS: Final = documented("endpoints.md", "ClusterTokenEndpoint", "google-cloud")


def account_token(audience: str) -> str:
    """The token that an API server signs for the ServiceAccount."""
    claims = {"aud": audience, "sub": SUBJECT, "iat": EPOCH, "exp": EPOCH + 600}
    return jwt.encode(claims, pem(key_of("P-256")), algorithm="ES256", headers={"kid": "k1"})


def to_entra_federated(changes: dict[str, Any]) -> None:
    """A request to Entra with the ServiceAccount's token, from the page's manifests."""
    resource = documented("authentication.md", "IntegrationToken", "shop") | changes
    token = account_token(FEDERATED["assertion"]["audience"])
    sent = request(FEDERATED, resource, credentials={}, account_token=token)
    entra.check_federated(sent.headers, sent.body, key_of("P-256").public_key(), SUBJECT, EPOCH)


def to_google_sts(changes: dict[str, Any]) -> None:
    """A request to Google Cloud with the ServiceAccount's token, from the page's manifest."""
    endpoint = GOOGLE_STS | changes
    resource = {"serviceAccountRef": {"name": "shop"}, "scopes": ["https://www.googleapis.com/auth/cloud-platform"]}
    token = account_token(endpoint["assertion"]["audience"])
    sent = request(endpoint, resource, credentials={}, account_token=token)
    google_sts.check(sent.headers, sent.body, key_of("P-256").public_key(), GOOGLE_STS["audience"], EPOCH)


def by_account(check: Callable[..., None], endpoint: dict[str, Any], changes: dict[str, Any]) -> None:
    """A request with a ServiceAccount's token, for the audience in the endpoint's spec."""
    audience = endpoint["assertion"]["audience"]
    resource = {"serviceAccountRef": {"name": "shop"}}
    sent = request(endpoint | changes, resource, credentials={}, account_token=account_token(audience))
    check(sent.headers, sent.body, key_of("P-256").public_key(), audience, EPOCH)


def test_a_request_is_as_the_page_has_it() -> None:
    """With settings from the endpoint's spec only."""
    to_entra()
    by_account(anthropic.check, ANTHROPIC, {})
    by_account(openai.check, OPENAI, {})
    by_account(openrouter.check, OPENROUTER, {})
    to_entra_federated({})
    to_google_sts({})


@pytest.mark.parametrize(
    "changes",
    [
        {"assertion": {}},
        {"requestEncoding": "JSON"},
        {"assertion": {"signingAlgorithm": "PS256", "lifetime": "20m"}},
        {"assertion": {"signingAlgorithm": "PS256", "audience": "https://login.microsoftonline.com"}},
        {"parameters": {"resource": "urn:x"}},
    ],
)
def test_entra_takes_nothing_else(changes: dict[str, Any]) -> None:
    """Another algorithm, encoding, lifetime, audience or field."""
    with pytest.raises(Refused):
        to_entra(**changes)


@pytest.mark.parametrize(
    "changes",
    [
        {"requestEncoding": "Form"},
        {"grant": "TokenExchange"},
        {"parameters": {}},
        {"parameters": {**ANTHROPIC["parameters"], "service_account_id": "shop"}},
        {"audience": "https://api.anthropic.com"},
    ],
)
def test_anthropic_takes_nothing_else(changes: dict[str, Any]) -> None:
    """Another encoding, grant or field."""
    with pytest.raises(Refused):
        by_account(anthropic.check, ANTHROPIC, changes)


@pytest.mark.parametrize("changes", [{"grant": "JWTBearer"}, {"parameters": {}}, {"audience": "https://api.example"}])
@pytest.mark.parametrize(
    ("check", "endpoint", "encoding"), [(openai.check, OPENAI, "Form"), (openrouter.check, OPENROUTER, "JSON")]
)
def test_an_exchange_takes_nothing_else(
    check: Callable[..., None], endpoint: dict[str, Any], encoding: str, changes: dict[str, Any]
) -> None:
    """Another grant, field, encoding or type of token."""
    exchange = {"tokenExchange": {"subjectTokenType": "urn:ietf:params:oauth:token-type:access_token"}}
    for changed in (changes, {"requestEncoding": encoding}, exchange):
        with pytest.raises(Refused):
            by_account(check, endpoint, changed)


@pytest.mark.parametrize(
    "changes",
    [{"scopes": []}, {"scopes": ["User.Read"]}, {"clientID": "shop"}, {"audience": "https://graph.microsoft.com"}],
)
def test_entra_takes_nothing_else_with_a_token_of_the_cluster(changes: dict[str, Any]) -> None:
    """Another scope, ID or field."""
    with pytest.raises(Refused):
        to_entra_federated(changes)


@pytest.mark.parametrize(
    "changes",
    [
        {"requestEncoding": "JSON"},
        {"grant": "JWTBearer"},
        {"audience": "//iam.googleapis.com/projects/1"},
        {"assertion": {"audience": "https://sts.googleapis.com"}},
        {"tokenExchange": {}},
    ],
)
def test_google_sts_takes_nothing_else(changes: dict[str, Any]) -> None:
    """Another encoding, grant, provider, audience or requested type."""
    with pytest.raises(Refused):
        to_google_sts(changes)


KEY = {"client_id": "shop", "private_key": pem(rsa_key())}
SECRET = {"credentialsSecretRef": {"name": "shop"}}
GRAFX: dict[str, Any] = {
    "tokenURL": "https://integration-login.chiligrafx.com/oauth/token",
    "audience": grafx.AUDIENCE,
}
AUTH0: dict[str, Any] = {
    "tokenURL": "https://shop.eu.auth0.com/oauth/token",
    "requestEncoding": "Form",
    "audience": "https://api.example",
    "clientAuthenticationMethod": "PrivateKeyJWT",
    "assertion": {"audience": "https://shop.eu.auth0.com/"},
}
OKTA: dict[str, Any] = {
    "tokenURL": "https://shop.okta.com/oauth2/v1/token",
    "requestEncoding": "Form",
    "clientAuthenticationMethod": "PrivateKeyJWT",
}
SALESFORCE: dict[str, Any] = {
    "tokenURL": "https://login.salesforce.com/services/oauth2/token",
    "requestEncoding": "Form",
    "grant": "JWTBearer",
    "clientAuthenticationMethod": "None",
    "assertion": {"audience": salesforce.AUDIENCE, "subject": "shop@example.com", "lifetime": "2m"},
}
GOOGLE: dict[str, Any] = {
    "tokenURL": google.URL,
    "requestEncoding": "Form",
    "grant": "JWTBearer",
    "clientAuthenticationMethod": "None",
    "assertion": {"keyID": "k1", "claims": {"scope": "https://www.googleapis.com/auth/cloud-platform"}},
}


def to_grafx(changes: dict[str, Any]) -> None:
    """A request with a client secret."""
    sent = request(GRAFX | changes, SECRET, credentials={"client_id": "shop", "client_secret": "s3cret"})
    grafx.check(sent.headers, sent.body)


def to_auth0(changes: dict[str, Any]) -> None:
    """A request with a key."""
    sent = request(AUTH0 | changes, SECRET, credentials=KEY)
    auth0.check(sent.headers, sent.body, "https://shop.eu.auth0.com/", rsa_key().public_key(), EPOCH)


def to_okta(changes: dict[str, Any]) -> None:
    """A request with a key."""
    sent = request(OKTA | changes, SECRET | {"scopes": ["okta.users.read"]}, credentials=KEY)
    okta.check(sent.headers, sent.body, OKTA["tokenURL"], rsa_key().public_key(), EPOCH)


def to_salesforce(changes: dict[str, Any]) -> None:
    """A request on behalf of a user."""
    sent = request(SALESFORCE | changes, SECRET, credentials=KEY)
    salesforce.check(sent.headers, sent.body, rsa_key().public_key(), "shop", "shop@example.com", EPOCH)


def to_google(changes: dict[str, Any]) -> None:
    """A request as a Google service account."""
    sent = request(GOOGLE | changes, SECRET, credentials=KEY)
    google.check(sent.headers, sent.body, rsa_key().public_key(), "shop", "k1", EPOCH)


Ask = Callable[[dict[str, Any]], None]
KEYED: dict[str, tuple[Ask, list[dict[str, Any]]]] = {
    "GraFx": (
        to_grafx,
        [{"audience": ""}, {"requestEncoding": "Form"}, {"clientAuthenticationMethod": "ClientSecretBasic"}],
    ),
    "Auth0": (
        to_auth0,
        [
            {"assertion": {}},
            {"assertion": {**AUTH0["assertion"], "lifetime": "10m"}},
            {"assertion": {"audience": "https://shop.eu.auth0.com"}},
            {"audience": ""},
        ],
    ),
    "Okta": (to_okta, [{"assertion": {"audience": "https://shop.okta.com"}}, {"requestEncoding": "JSON"}]),
    "Salesforce": (
        to_salesforce,
        [
            {"assertion": {**SALESFORCE["assertion"], "subject": ""}},
            {"assertion": {**SALESFORCE["assertion"], "lifetime": "10m"}},
            {"assertion": {**SALESFORCE["assertion"], "audience": ""}},
            {"clientAuthenticationMethod": "PrivateKeyJWT"},
        ],
    ),
    "Google": (
        to_google,
        [
            {"assertion": {"keyID": "k1"}},
            {"assertion": {"claims": GOOGLE["assertion"]["claims"]}},
            {"requestEncoding": "JSON"},
            {"parameters": {"scope_hint": "x"}},
        ],
    ),
}


@pytest.mark.parametrize("ask", [ask for ask, _ in KEYED.values()], ids=KEYED)
def test_a_request_with_a_secret_or_a_key_is_as_the_page_has_it(ask: Ask) -> None:
    """With settings from the endpoint's spec only."""
    ask({})


@pytest.mark.parametrize(
    ("ask", "changes"),
    [
        pytest.param(ask, each, id=f"{name} {number}")
        for name, (ask, all_) in KEYED.items()
        for number, each in enumerate(all_)
    ],
)
def test_a_request_with_other_settings_is_refused(ask: Ask, changes: dict[str, Any]) -> None:
    """Each setting is needed, or its value is the only one possible."""
    with pytest.raises(Refused):
        ask(changes)
