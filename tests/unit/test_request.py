"""A grant becomes the bytes of its token request, in the format of the RFC or the endpoint's documents."""

import base64
import json
from collections.abc import Callable
from dataclasses import replace
from importlib.metadata import version
from typing import Any
from urllib.parse import parse_qs, quote_plus, unquote_plus

import pytest
from integration_token.api.condition import Reason
from integration_token.api.endpoint import RequestEncoding
from integration_token.errors import UserActionRequired
from integration_token.oauth.authentication.client_secret_basic import basic_authorization
from integration_token.oauth.part import GrantInputs, TokenRequestSpec
from integration_token.oauth.request import TokenRequest
from integration_token.oauth.request import build_request as build_request_at
from integration_token.telemetry.redaction import redact

from tests.fakes.request import read_request

CLIENT_ID = "shop:é %41+&="
CLIENT_SECRET = 's3cr:et "quoted" \\ /+%26&=~*é 密'
URL = "https://login.example/oauth/token"

JSON = RequestEncoding.JSON
FORM = RequestEncoding.FORM
POST = "ClientSecretPost"
BASIC = "ClientSecretBasic"

EVERY_WAY = pytest.mark.parametrize(
    ("encoding", "authentication"),
    [(JSON, POST), (JSON, BASIC), (FORM, POST), (FORM, BASIC)],
    ids=["JSON and Post", "JSON and Basic", "Form and Post", "Form and Basic"],
)


def grant(encoding: RequestEncoding = JSON, authentication: str = POST, **changes: Any) -> TokenRequestSpec:
    """A grant with every input set, with changes."""
    fields: dict[str, Any] = {
        "token_url": URL,
        "audience": "https://api.example/?a=1&b=é",
        "scopes": ("font:list", "media:read"),
        "parameters": (("organization", "Söhne & Co"), ("resource", "urn:x")),
        "encoding": encoding,
        "authentication": authentication,
    }
    return TokenRequestSpec(GrantInputs(**fields | changes), {"client_id": CLIENT_ID, "client_secret": CLIENT_SECRET})


def build_request(spec: TokenRequestSpec) -> TokenRequest:
    """Its request, at a time that doesn't matter."""
    return build_request_at(spec, 0.0)


def body(request: TokenRequest) -> dict[str, str]:
    """The fields of the request's body."""
    if request.headers["Content-Type"] == "application/json":
        return dict(json.loads(request.body))
    return {name: value for name, [value] in parse_qs(request.body.decode("ascii"), strict_parsing=True).items()}


@EVERY_WAY
def test_a_strict_endpoint_reads_what_the_grant_says(encoding: RequestEncoding, authentication: str) -> None:
    """Credentials, audience, scopes and parameters arrive unchanged, whatever their characters."""
    request = build_request(grant(encoding, authentication))
    headers = {name.lower(): value for name, value in request.headers.items()}
    read = read_request(headers, "", request.body)
    assert (read.grant.client_id, read.client_secret, read.basic) == (CLIENT_ID, CLIENT_SECRET, authentication is BASIC)
    assert read.grant.audience == "https://api.example/?a=1&b=é"
    assert read.grant.scopes == ("font:list", "media:read")
    assert dict(read.grant.parameters) == {"organization": "Söhne & Co", "resource": "urn:x"}
    assert request.url == URL
    assert headers["accept"] == "application/json"


@EVERY_WAY
def test_what_a_grant_lacks_is_not_sent(encoding: RequestEncoding, authentication: str) -> None:
    """Some endpoints refuse an empty audience or scope."""
    fields = body(build_request(grant(encoding, authentication, audience="", scopes=(), parameters=())))
    credentials = set() if authentication is BASIC else {"client_id", "client_secret"}
    assert set(fields) == {"grant_type"} | credentials
    assert fields["grant_type"] == "client_credentials"


def test_credentials_stand_in_one_place_alone() -> None:
    """RFC 6749, 2.3: a client must not use more than one method per request."""
    for encoding in (JSON, FORM):
        request = build_request(grant(encoding, BASIC))
        assert not {"client_id", "client_secret"} & set(body(request))
        request = build_request(grant(encoding, POST))
        assert "Authorization" not in request.headers
        assert (body(request)["client_id"], body(request)["client_secret"]) == (CLIENT_ID, CLIENT_SECRET)


@EVERY_WAY
def test_the_credentials_as_basic_are_secret_whichever_way_they_were_sent(
    encoding: RequestEncoding, authentication: str
) -> None:
    """An endpoint that supports both may echo them in this form, in pieces too short to match the secret itself."""
    pair = {"client_id": "client", "client_secret": "Sj&JRT&JPo1OPD+r"}
    secrets = build_request(TokenRequestSpec(grant(encoding, authentication).inputs, pair)).secrets
    header = basic_authorization(*pair.values()).removeprefix("Basic ")
    said = " ".join(header[at : at + 12] for at in range(0, len(header), 12))
    assert redact(said, secrets).strip("*= ") == ""


@EVERY_WAY
@pytest.mark.parametrize("write", [quote_plus, str], ids=["a plus for a space", "not encoded"])
def test_every_form_of_basic_is_secret(
    write: Callable[[str], str], encoding: RequestEncoding, authentication: str
) -> None:
    """Including forms that aren't sent: an endpoint may reformat what it received."""
    pair = {"client_id": "a client", "client_secret": "S j&J R/P o1+D r"}
    secrets = build_request(TokenRequestSpec(grant(encoding, authentication).inputs, pair)).secrets
    header = base64.b64encode(":".join(map(write, pair.values())).encode()).decode()
    said = " ".join(header[at : at + 12] for at in range(0, len(header), 12))
    assert redact(said, secrets).strip("*= ") == ""


@EVERY_WAY
def test_the_operator_identifies_itself(encoding: RequestEncoding, authentication: str) -> None:
    """Some firewalls block requests without a User-Agent."""
    agent = build_request(grant(encoding, authentication)).headers["User-Agent"]
    assert agent == f"integration-token-operator/{version('integration-token-operator')}"


def test_basic_encodes_both_credentials_as_a_form_before_base64() -> None:
    """RFC 6749, 2.3.1: otherwise a colon would end the client ID. A space is %20: not every server decodes `+`."""
    header = build_request(grant(authentication=BASIC)).headers["Authorization"]
    scheme, _, encoded = header.partition(" ")
    client_id, colon, secret = base64.b64decode(encoded, validate=True).decode("ascii").partition(":")
    assert (scheme, colon) == ("Basic", ":")
    assert (unquote_plus(client_id), unquote_plus(secret)) == (CLIENT_ID, CLIENT_SECRET)
    assert client_id == "shop%3A%C3%A9%20%2541%2B%26%3D"


@pytest.mark.parametrize("text", ['a"b', "a\\b", "line\u2028break", "a&b=c", "100%", "a+b c", "é", "密码", "</script>"])
def test_a_value_cannot_break_out_of_its_field(text: str) -> None:
    """It neither ends its own field nor starts another."""
    for encoding in (JSON, FORM):
        request = build_request(grant(encoding, audience=text, parameters=((text, text),)))
        assert len(body(request)) == 6
        assert body(request)["audience"] == body(request)[text] == text


def test_parameters_cannot_replace_the_credentials() -> None:
    """The Secret's credentials are sent, whatever the endpoint's spec says."""
    parameters = (("client_id", "other"), ("client_secret", "other"))
    for encoding in (JSON, FORM):
        fields = body(build_request(grant(encoding, POST, parameters=parameters)))
        assert (fields["client_id"], fields["client_secret"]) == (CLIENT_ID, CLIENT_SECRET)


@EVERY_WAY
def test_nothing_that_can_be_printed_shows_the_credentials(encoding: RequestEncoding, authentication: str) -> None:
    """In none of the forms in which the request holds them."""
    wanted = grant(encoding, authentication)
    request = build_request(wanted)
    printed = f"{wanted!r} {wanted!s} {request!r} {request!s} {[wanted, request]}"
    begin = base64.b64encode(b"shop").decode()[:5]
    hidden = [CLIENT_ID, CLIENT_SECRET, "s3cr", "shop", "Basic ", begin, "client_credentials"]
    assert not [part for part in hidden if part in printed]
    assert URL in printed


@pytest.mark.parametrize(
    ("encoding", "sent"), [(FORM, b"resource=b&resource=a&tenant=1"), (JSON, b'"resource": ["b", "a"], "tenant": "1"')]
)
def test_a_parameter_with_several_values_is_repeated(encoding: RequestEncoding, sent: bytes) -> None:
    """In order, as RFC 8707 does with `resource`. In JSON it becomes a list."""
    parameters = (("resource", ("b", "a")), ("tenant", "1"))
    assert sent in build_request(grant(encoding, BASIC, parameters=parameters)).body


@EVERY_WAY
def test_headers_come_from_the_spec_and_from_the_secret(encoding: RequestEncoding, authentication: str) -> None:
    """One replaces the operator's header of the same name, in any case; secret values never show."""
    spec = grant(encoding, authentication, headers=(("ACCEPT", "*/*"), ("X-A", "1")), headers_from=(("X-Key", "key"),))
    spec = replace(spec, credentials={**spec.credentials, "headersFrom.X-Key": "k3y-of-the-shop"})
    request = build_request(spec)
    assert request.headers["ACCEPT"] == "*/*"
    assert "Accept" not in request.headers
    assert (request.headers["X-A"], request.headers["X-Key"]) == ("1", "k3y-of-the-shop")
    assert request.headers["Content-Type"] == build_request(grant(encoding, authentication)).headers["Content-Type"]
    assert "k3y-of-the-shop" in request.secrets
    assert "k3y-of-the-shop" not in f"{spec!r} {request!r}"


@pytest.mark.parametrize("value", ["k3y\r\nHost: x", "k3y\n", " k3y", "k3y ", "k3y\t", "k3yé", "k3y\x00"])
def test_what_fits_no_header_is_not_sent_in_one(value: str) -> None:
    """The message names the key and the header, and shows nothing of the value."""
    spec = grant(headers_from=(("X-Key", "api_key"),))
    spec = replace(spec, credentials={**spec.credentials, "headersFrom.X-Key": value})
    with pytest.raises(UserActionRequired, match=r"key api_key of the credentials Secret.*sends as X-Key") as caught:
        build_request(spec)
    assert caught.value.reason == Reason.CREDENTIALS_INVALID
    assert "k3y" not in caught.value.message
