"""The schema and the operator's typed values agree on fields, defaults and words."""

from collections.abc import Iterator
from copy import deepcopy
from enum import StrEnum
from typing import Any

import pytest
from integration_token.api.endpoint import (
    BasicEncoding,
    Endpoint,
    EndpointKind,
    RequestEncoding,
    parse_endpoint,
)
from integration_token.api.integration import DeletionPolicy, Integration, parse_integration
from integration_token.api.token import GrantIdentity, StoredToken, Token
from integration_token.errors import UserActionRequired
from integration_token.oauth.authentication import METHODS
from integration_token.oauth.grant_type import GRANT_TYPES
from integration_token.renewal.rollover import Rollover

from tests.chart.rendering import Document, Helm, Kubectl, of_kind
from tests.chart.resource import WHOLE, cluster_endpoint, endpoint, token
from tests.unit.situation import Situation

KINDS = tuple(WHOLE)


def _schema(helm: Helm, kind: str) -> Document:
    (crd,) = (
        crd for crd in of_kind("CustomResourceDefinition", helm.template()) if crd["spec"]["names"]["kind"] == kind
    )
    (version,) = crd["spec"]["versions"]
    schema = version["schema"]["openAPIV3Schema"]["properties"]
    assert isinstance(schema, dict)
    return schema


def _leaves(schema: Document, path: tuple[str, ...] = ()) -> Iterator[tuple[str, ...]]:
    """The paths of the leaf fields."""
    for name, child in schema.get("properties", {}).items():
        yield from _leaves(child, (*path, name))
    if "properties" not in schema:
        yield path


def _parse(document: Document) -> Endpoint | Integration:
    """The typed value, as if the API server had stored the document like this."""
    body = deepcopy(document)
    body["metadata"] |= {"uid": "1", "generation": 1}
    kind = body["kind"]
    return parse_integration(body) if kind == "IntegrationToken" else parse_endpoint(EndpointKind(kind), body)


def _without(document: Document, path: tuple[str, ...]) -> Document | None:
    """The document without one field, or None if it doesn't have the field."""
    copy = deepcopy(document)
    parent: Any = copy["spec"]
    for name in path[:-1]:
        parent = parent.get(name, {})
    return copy if parent.pop(path[-1], None) is not None else None


@pytest.mark.parametrize("kind", KINDS)
def test_every_field_counts(helm: Helm, kind: str) -> None:
    """The operator reads every field in a spec: each makes a difference."""
    for path in _leaves(_schema(helm, kind)["spec"]):
        pairs = [(whole, without) for whole in WHOLE[kind] if (without := _without(whole, path))]
        assert pairs, f"no example has {path}"
        for whole, without in pairs:
            assert _differ(whole, without), path


def _differ(one: Document, other: Document) -> bool:
    try:
        return _parse(one) != _parse(other)
    except UserActionRequired:  # a missing required field is noticed at once
        return True


@pytest.mark.parametrize("kind", KINDS)
def test_the_examples_are_accepted(kubectl: Kubectl, kind: str) -> None:
    """The API server accepts what the operator considers a complete resource, and the stored value is the same."""
    for document in WHOLE[kind]:
        stored = kubectl.dry_run(document)
        assert _parse(document | {"spec": stored["spec"]}) == _parse(document)


@pytest.mark.parametrize("document", [endpoint(), cluster_endpoint(), token()], ids=lambda document: document["kind"])
def test_defaults_are_the_same(kubectl: Kubectl, document: Document) -> None:
    """The API server fills in the same values that the operator assumes."""
    stored = kubectl.dry_run(document)
    assert stored["spec"] != document["spec"]
    assert _parse(document | {"spec": stored["spec"]}) == _parse(document)


@pytest.mark.parametrize(
    ("kind", "path", "words"),
    [
        ("TokenEndpoint", ("requestEncoding",), RequestEncoding),
        ("TokenEndpoint", ("clientAuthenticationMethod",), METHODS),
        ("TokenEndpoint", ("basicEncoding",), BasicEncoding),
        ("TokenEndpoint", ("grant",), GRANT_TYPES),
        ("IntegrationToken", ("endpointRef", "kind"), EndpointKind),
        ("IntegrationToken", ("target", "deletionPolicy"), DeletionPolicy),
    ],
)
def test_words_are_the_same(helm: Helm, kind: str, path: tuple[str, ...], words: type[StrEnum]) -> None:
    """An enum field allows the words that the operator knows."""
    schema = _schema(helm, kind)["spec"]
    for name in path:
        schema = schema["properties"][name]
    assert schema["enum"] == list(words)


def test_both_endpoint_kinds_are_the_same(helm: Helm) -> None:
    """A ClusterTokenEndpoint only adds namespaceSelector and caBundleRef, which excludes caBundle."""
    namespaced, cluster = _schema(helm, "TokenEndpoint"), _schema(helm, "ClusterTokenEndpoint")
    for own in ("namespaceSelector", "caBundleRef"):
        del cluster["spec"]["properties"][own]
    rules = cluster["spec"]["x-kubernetes-validations"]
    rules.remove(next(rule for rule in rules if "caBundleRef" in rule["rule"]))
    assert cluster["spec"] == namespaced["spec"]
    assert cluster["status"] == namespaced["status"]


def test_status_is_all_in_the_schema(helm: Helm) -> None:
    """The status that the operator writes has exactly the schema's fields: none is dropped or always empty."""
    integration = _parse(token())
    assert isinstance(integration, Integration)
    held = StoredToken(
        Token(access_token="t", issued=0.0, expires=3600.0, assumed=True, scope=("read",)),
        GrantIdentity(endpoint_uid="1", grant_hash="2", credentials_revision="3/4"),
    )
    situation = Situation(
        now=1.0,
        target="shop-token",
        stored=held,
        matches=True,
        expires=3600.0,
        renews=1800.0,
        failure=None,
        rate_limited=False,
        why="",
        scopes_reduced=False,
        asked=True,
        renewed=True,
        handled_renew_request="now",
        rollover=Rollover(low=2160, high=4320),
    )
    status = situation.status(integration)
    properties = _schema(helm, "IntegrationToken")["status"]["properties"]
    assert status.keys() == properties.keys()
    assert all(
        condition.keys() == properties["conditions"]["items"]["properties"].keys() for condition in status["conditions"]
    )
