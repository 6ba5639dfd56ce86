"""The credentials Secret's data becomes the request's values, or a message that reveals nothing of it."""

import base64
import json
from typing import Any

import pytest
from integration_token.api.integration import Integration, parse_integration
from integration_token.controller.credentials import read_values
from integration_token.errors import UserActionRequired
from integration_token.oauth.part import MULTILINE

SECRET = "gEh3im"
PEM = f"-----BEGIN PRIVATE KEY-----\n{SECRET}AAAA\r\n-----END PRIVATE KEY-----\n"
KEYS = {"client_id": "client_id", "client_secret": "client_secret"}


def integration(**credentials: str) -> Integration:
    """An IntegrationToken with this reference to its Secret."""
    spec = {"endpointRef": {"name": "login"}, "credentialsSecretRef": {"name": "shop", **credentials}}
    return parse_integration({"metadata": {"namespace": "store", "name": "shop", "uid": "uid"}, "spec": spec})


def encoded(**data: str | bytes) -> dict[str, str]:
    """A Secret's data as the API encodes it."""
    return {
        key: base64.b64encode(value if isinstance(value, bytes) else value.encode()).decode()
        for key, value in data.items()
    }


def of_json(value: Any, keys: dict[str, str] | None = None) -> dict[str, str]:
    """The credentials read from one JSON value, or from this text."""
    text = value if isinstance(value, str | bytes) else json.dumps(value)
    return read_values(encoded(client=text), keys or KEYS, integration(jsonKey="client"))


def refusal(value: Any, keys: dict[str, str] | None = None) -> str:
    """Why one JSON value is refused."""
    with pytest.raises(UserActionRequired) as caught:
        of_json(value, keys)
    assert caught.value.reason == "CredentialsInvalid"
    assert caught.value.__cause__ is None
    assert SECRET not in f"{caught.value.message} {caught.value!r}"
    return caught.value.message


@pytest.mark.parametrize("name", ["private_key", "certificate"])
def test_keys_and_certificates_have_several_lines(name: str) -> None:
    """They may be as long as the longest key with its chain."""
    long = PEM.ljust(MULTILINE[name], "\n")
    assert read_values(encoded(pem=long), {name: "pem"}, integration()) == {name: long}
    assert of_json({"pem": PEM}, {name: "pem"}) == {name: PEM}
    with pytest.raises(UserActionRequired, match=f"key pem of Secret shop is longer than {MULTILINE[name]} characters"):
        read_values(encoded(pem=long + "\n"), {name: "pem"}, integration())
    with pytest.raises(UserActionRequired, match="key pem of Secret shop contains a control character"):
        read_values(encoded(pem=PEM + "\0"), {name: "pem"}, integration())


@pytest.mark.parametrize("name", ["client_id", "client_secret", "headersFrom.X-Key"])
def test_all_else_has_one_line(name: str) -> None:
    """At most 4096 characters."""
    assert read_values(encoded(a="x" * 4096), {name: "a"}, integration()) == {name: "x" * 4096}
    for value, hint in ((f"{SECRET}\n", "printf"), (SECRET.ljust(4097), "longer than 4096"), ("", "is empty")):
        with pytest.raises(UserActionRequired, match=f"key a of Secret shop.*{hint}") as caught:
            read_values(encoded(a=value), {name: "a"}, integration())
        assert SECRET not in caught.value.message


def test_one_json_object_holds_them_all() -> None:
    """Under the member names that the spec gives; the private key may itself be an object."""
    jwk = {"kty": "OKP", "crv": "Ed25519", "d": SECRET}
    document = {"id": "shop", "secret": "s3cret", "jwk": jwk, "api key": "k3y", "other": [1, 2]}
    keys = {"client_id": "id", "client_secret": "secret", "private_key": "jwk", "headersFrom.X-Key": "api key"}
    values = of_json(document, keys)
    assert json.loads(values.pop("private_key")) == jwk
    assert values == {"client_id": "shop", "client_secret": "s3cret", "headersFrom.X-Key": "k3y"}


@pytest.mark.parametrize(
    ("value", "hint"),
    [
        pytest.param("", "is not a JSON object", id="an empty text"),
        pytest.param(SECRET, "is not a JSON object", id="only a secret"),
        pytest.param([{"client_id": SECRET}], "is not a JSON object", id="a list"),
        pytest.param('{"client_id": "shop", "client_secret": "gEh3im"', "is not a JSON object", id="half an object"),
        pytest.param("[" * 60000, "is not a JSON object", id="endless nesting"),
        pytest.param("9" * 6000, "is not a JSON object", id="an endless number"),
        pytest.param(b"{\xff}", "is not UTF-8 text", id="not text"),
        pytest.param(" " * 65537, "is longer than 65536 characters", id="an endless object"),
    ],
)
def test_what_is_no_json_object_is_refused(value: Any, hint: str) -> None:
    """The message names the key that should hold one."""
    assert refusal(value).startswith(f"key client of Secret shop {hint}")


@pytest.mark.parametrize(
    ("member", "hint"),
    [
        pytest.param(7, "is not a string; put it in quotes", id="a number"),
        pytest.param(None, "is not a string", id="null"),
        pytest.param({"value": SECRET}, "is not a string", id="an object"),
        pytest.param([SECRET], "is not a string", id="a list"),
        pytest.param("", "is empty", id="an empty text"),
        pytest.param(f"{SECRET}\n", "contains a line break", id="a line break"),
        pytest.param(f"{SECRET}\ud800", "contains a line break or another control character", id="half a character"),
        pytest.param(SECRET.ljust(4097, "x"), "is longer than 4096 characters", id="an endless text"),
    ],
)
def test_a_member_that_cannot_be_used_is_refused(member: Any, hint: str) -> None:
    """The message names the member and where it is."""
    message = refusal({"client_id": "shop", "client_secret": member})
    assert message.startswith(f"member client_secret of the JSON object in key client of Secret shop {hint}")


def test_a_missing_member_or_key_is_named() -> None:
    """The message says what to do about it."""
    assert refusal({"client_id": SECRET}) == (
        "member client_secret of the JSON object in key client of Secret shop is missing;"
        " add it or set another member in spec.credentialsSecretRef"
    )
    with pytest.raises(UserActionRequired, match=r"key client of Secret shop is missing.*jsonKey"):
        read_values(encoded(client_id="shop"), KEYS, integration(jsonKey="client"))
    with pytest.raises(UserActionRequired, match="key client_secret of Secret shop is missing"):
        read_values(encoded(client_id="shop"), KEYS, integration())
