"""Every input of a token request distinguishes grants, wherever grants are compared: no input can be forgotten."""

from dataclasses import dataclass, fields, replace
from typing import Any

import pytest
from integration_token.api.endpoint import BasicEncoding, Endpoint, EndpointKind, RequestEncoding, parse_endpoint
from integration_token.api.grant import Assertion, TokenExchange
from integration_token.api.integration import parse_integration
from integration_token.oauth import request
from integration_token.oauth.grant_type import GRANT_TYPES
from integration_token.oauth.part import Contribution, GrantInputs, Needs, TokenRequestSpec
from integration_token.oauth.request import build_request, grant_hash, grant_inputs
from integration_token.state.grant import GrantState
from integration_token.state.grants import Grants
from integration_token.workqueue.key import token_key
from integration_token.workqueue.scheduler import Scheduler

from tests.unit.virtual import FakeClock

ENDPOINT = parse_endpoint(
    EndpointKind.NAMESPACED,
    {
        "metadata": {"namespace": "store", "name": "login", "uid": "endpoint-uid"},
        "spec": {"tokenURL": "https://login.example/token"},
    },
)
SHOP = parse_integration(
    {
        "metadata": {"namespace": "store", "name": "shop", "uid": "uid"},
        "spec": {"endpointRef": {"name": "login"}, "credentialsSecretRef": {"name": "shop-integration"}},
    }
)
INPUTS = grant_inputs(ENDPOINT, SHOP, "")
CREDENTIALS = {"client_id": "shop", "client_secret": "s3cret", "headersFrom.X-Api-Key": "k3y"}

OTHER: dict[str, Any] = {
    "token_url": "https://other.example/token",
    "encoding": RequestEncoding.FORM,
    "authentication": "ClientSecretBasic",
    "parameters": (("organization", "1"),),
    "audience": "https://api.example",
    "scopes": ("read",),
    "grant_type": "Another",
    "basic_encoding": BasicEncoding.NONE,
    "assertion": Assertion(audience="https://login.example"),
    "token_exchange": TokenExchange(requested_token_type="urn:ietf:params:oauth:token-type:access_token"),
    "headers": (("X-Tenant", "1"),),
    "headers_from": (("X-Api-Key", "api_key"),),
    "access_token_pointer": "/data/token",
    "expires_in_pointer": "/data/ttl",
    "client_id": "another",
    "account": "store/shop/uid",
    "certificate": True,
}
"""A different value for each input."""

ELSEWHERE = {
    *("basic_encoding", "assertion", "token_exchange", "access_token_pointer", "expires_in_pointer", "account"),
    "certificate",
}
"""Inputs that only other methods and grants send, or none do: their own tests cover them."""

FIELDS = [each.name for each in fields(GrantInputs)]


@dataclass(frozen=True)
class More(GrantInputs):
    """The inputs, plus one that a later version may add."""

    resource: str = ""


def later(**changes: Any) -> More:
    """A later version's inputs for the same request."""
    return More(**{name: getattr(INPUTS, name) for name in FIELDS} | changes)


@pytest.fixture
def grants(clock: FakeClock) -> Grants:
    """An empty store of grants."""

    async def work(_: object) -> None:
        raise AssertionError("nothing is to be worked on")

    return Grants(Scheduler(clock, work, work))


def shared(grants: Grants, one: TokenRequestSpec, other: TokenRequestSpec, endpoint: Endpoint = ENDPOINT) -> bool:
    """Whether two resources with these requests have the same grant."""
    first = grants.join(token_key("store", "shop"), GrantState(), ENDPOINT, one)
    return grants.join(token_key("store", "other"), GrantState(), endpoint, other) is first


def hashed(monkeypatch: pytest.MonkeyPatch, inputs: GrantInputs) -> str:
    """The hash on the target Secret of a resource with these inputs."""
    with monkeypatch.context() as patch:
        patch.setattr(request, "grant_inputs", lambda *_: inputs)
        return grant_hash(ENDPOINT, SHOP)


@pytest.mark.parametrize("name", FIELDS)
def test_every_input_makes_another_grant(grants: Grants, monkeypatch: pytest.MonkeyPatch, name: str) -> None:
    """In the stored hash, in the key for sharing tokens, and in the request."""
    changed = replace(INPUTS, **{name: OTHER[name]})
    monkeypatch.setitem(GRANT_TYPES, "Another", _Another())
    one, other = TokenRequestSpec(INPUTS, CREDENTIALS), TokenRequestSpec(changed, CREDENTIALS)
    assert hashed(monkeypatch, changed) != grant_hash(ENDPOINT, SHOP)
    assert not shared(grants, one, other)
    assert (build_request(one, 0.0) == build_request(other, 0.0)) is (name in ELSEWHERE)


def test_an_input_that_is_added_makes_another_grant_without_more_ado(
    grants: Grants, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Adding its field is all it takes."""
    added = later(resource="urn:fonts")
    assert hashed(monkeypatch, added) not in {grant_hash(ENDPOINT, SHOP), hashed(monkeypatch, later(resource="urn:x"))}
    assert not shared(grants, TokenRequestSpec(later(), CREDENTIALS), TokenRequestSpec(added, CREDENTIALS))


def test_an_input_that_is_added_changes_no_hash_if_it_is_not_used(
    grants: Grants, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Otherwise an upgrade would request every stored token again."""
    assert hashed(monkeypatch, later()) == grant_hash(ENDPOINT, SHOP)
    assert shared(grants, TokenRequestSpec(INPUTS, CREDENTIALS), TokenRequestSpec(later(), CREDENTIALS))


@pytest.mark.parametrize("name", CREDENTIALS)
def test_every_credential_makes_another_grant(grants: Grants, name: str) -> None:
    """Only in the key for sharing tokens: no hash of a secret is stored anywhere."""
    one = TokenRequestSpec(INPUTS, CREDENTIALS)
    assert shared(grants, one, TokenRequestSpec(INPUTS, dict(CREDENTIALS)))
    grants.forget(token_key("store", "other"))
    assert not shared(grants, one, TokenRequestSpec(INPUTS, {**CREDENTIALS, name: "another"}))


def test_a_credential_cannot_pass_for_another(grants: Grants) -> None:
    """A value under one name differs from the same value under another."""
    swapped = {"client_id": CREDENTIALS["client_secret"], "client_secret": CREDENTIALS["client_id"]}
    assert not shared(grants, TokenRequestSpec(INPUTS, CREDENTIALS), TokenRequestSpec(INPUTS, swapped))


@pytest.mark.parametrize(
    "endpoint",
    [
        pytest.param(replace(ENDPOINT, uid="another"), id="created anew"),
        pytest.param(replace(ENDPOINT, ref=replace(ENDPOINT.ref, name="other")), id="of another name"),
        pytest.param(replace(ENDPOINT, ref=replace(ENDPOINT.ref, namespace="vault")), id="in another namespace"),
    ],
)
def test_every_endpoint_has_grants_of_its_own(grants: Grants, endpoint: Endpoint) -> None:
    """Even if its spec is the same as another's."""
    spec = TokenRequestSpec(INPUTS, CREDENTIALS)
    assert not shared(grants, spec, spec, endpoint)


class _Another:
    """A grant type with another request."""

    def needs(self, inputs: GrantInputs) -> Needs:
        """It needs nothing of its own."""
        return Needs()

    def contribute(self, spec: TokenRequestSpec, now: float) -> Contribution:
        """Adds another grant name."""
        return Contribution({"grant_type": "another"})


@pytest.mark.parametrize("keys", [{"privateKeyKey": "key.pem"}, {"certificateKey": "tls.key"}, {"jsonKey": "tls.key"}])
def test_each_key_that_the_spec_names_makes_another_grant(keys: dict[str, str]) -> None:
    """Whatever its name: another key holds another credential."""
    metadata = {"namespace": "store", "name": "shop", "uid": "uid"}
    secret = {"name": "shop-integration", **keys}
    named = parse_integration(
        {"metadata": metadata, "spec": {"endpointRef": {"name": "login"}, "credentialsSecretRef": secret}}
    )
    assert grant_hash(ENDPOINT, named) != grant_hash(ENDPOINT, SHOP)
