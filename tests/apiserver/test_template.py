"""Secrets of a type, as the real API server accepts them: the documented ones, and changes of type."""

import base64
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Final

import pytest

from tests.apiserver.kube import Document
from tests.apiserver.quota import no_more_secrets
from tests.apiserver.stage import REPAIR, TARGET_LABEL, Stage, Token
from tests.unit.document import manifests

PAGES: Final = [
    Path(__file__).parents[2] / "operator" / "docs" / name
    for name in ("integrationtoken.md", "consuming.md", "programs.md")
]

PULL_SECRET: Final = "kubernetes.io/dockerconfigjson"
GIT: Final[Document] = {
    "type": "kubernetes.io/basic-auth",
    "data": {"username": "oauth2", "password": "${token}"},
}

LEAST: Final[dict[str, dict[str, str]]] = {
    "kubernetes.io/basic-auth": {"username": ""},
    PULL_SECRET: {".dockerconfigjson": '{"auths": {}}'},
    "kubernetes.io/dockercfg": {".dockercfg": "{}"},
    "kubernetes.io/ssh-auth": {"ssh-privatekey": "x"},
    "kubernetes.io/tls": {"tls.crt": "", "tls.key": ""},
    "example.com/any": {},
}
"""The least that the operator requires of a Secret of each type: the API server must not require more."""


def _documented() -> Iterator[Document]:
    """The documents' IntegrationTokens whose template has data."""
    for page in PAGES:
        for document in manifests(page.read_text()):
            if document.get("kind") == "IntegrationToken" and "template" in document["spec"].get("target", {}):
                yield document


DOCUMENTED: Final = {document["metadata"]["name"]: document for document in _documented()}


def _encoded(text: str) -> str:
    return base64.b64encode(text.encode()).decode()


def _uid(token: Token) -> str:
    uid: str = (token.secret() or {}).get("metadata", {}).get("uid", "")
    return uid


@pytest.fixture(scope="module")
def documented(stage: Stage) -> dict[str, Token]:
    """The documents' IntegrationTokens, with an existing endpoint and credentials."""
    tokens = {}
    for name, document in DOCUMENTED.items():
        target = {**document["spec"]["target"], "name": f"{name}-target"}
        tokens[name] = stage.token(name, target=target)
    return {name: token.until_ready() for name, token in tokens.items()}


def test_there_are_manifests() -> None:
    """The other tests need them: a pull secret, a Git Secret, and files without a type."""
    types = [one["spec"]["target"]["template"].get("type", "Opaque") for one in DOCUMENTED.values()]
    assert {PULL_SECRET, GIT["type"], "Opaque"} <= set(types)


@pytest.mark.parametrize("name", DOCUMENTED)
def test_manifests_of_the_documents_make_secrets_of_their_type(documented: dict[str, Token], name: str) -> None:
    """The API server accepts each, with the three keys and those of the template, and no placeholder is left."""
    token, template = documented[name], DOCUMENTED[name]["spec"]["target"]["template"]
    secret = token.secret()
    assert secret is not None
    assert secret["type"] == template.get("type", "Opaque")
    assert token.data().keys() == {"token", "authorization", "expires_at", *template["data"]}
    assert not [text for text in token.data().values() if "${" in text]
    assert token.held == token.minted()[0]
    assert "TemplateWithoutPlaceholder" not in token.events()


def test_documented_values_are_what_their_readers_expect(documented: dict[str, Token]) -> None:
    """The kubelet, Flux and a program that reads JSON."""
    pull, git, files = documented["registry"], documented["git"], documented["shop-files"]
    assert json.loads(pull.data()[".dockerconfigjson"]) == {
        "auths": {"registry.example.com": {"auth": _encoded(f"robot:{pull.held}")}}
    }
    assert (git.data()["username"], git.data()["password"]) == ("oauth2", git.held)
    assert json.loads(files.data()["credentials.json"])["access_token"] == files.held
    assert files.data()["token.b64"] == _encoded(files.held)


@pytest.mark.parametrize("kind", LEAST)
def test_what_the_operator_lets_pass_the_api_server_takes(stage: Stage, kind: str) -> None:
    """None of Kubernetes' own types requires more than the operator checks."""
    name = f"least-{kind.rpartition('/')[2]}"
    token = stage.token(name, target={"template": {"type": kind, "data": LEAST[kind]}}).until_ready()
    assert (token.secret() or {})["type"] == kind


@pytest.mark.parametrize("kind", [kind for kind in LEAST if LEAST[kind]])
def test_missing_keys_are_reported_before_a_token_is_asked_for(stage: Stage, kind: str) -> None:
    """The resource is Stalled and names them; once fixed, it gets its token at once."""
    token = stage.token(f"lacking-{kind.rpartition('/')[2]}", target={"template": {"type": kind, "data": {"a": ""}}})
    message = token.until_failing("InvalidSpec")["message"]
    assert kind in message
    assert all(key in message for key in LEAST[kind])
    assert token.condition("Stalled")["status"] == "True"
    assert token.secret() is None
    assert not token.requests()

    token.patch(target={"template": {"data": {"a": None, **LEAST[kind]}}})

    token.until_ready()
    assert len(token.requests()) == 1


def test_changed_type_replaces_the_secret_with_the_same_token(stage: Stage) -> None:
    """No request is sent, other controllers' additions survive this and the next renewal, and an event reports it."""
    token = stage.token("retyped", target={"template": {"data": {"password": "${token}"}}}).until_ready()
    labels, annotations = {"argocd.argoproj.io/instance": "shop"}, {"argocd.argoproj.io/tracking-id": "shop:/Secret:x"}
    token.edit_secret(metadata={"labels": labels, "annotations": annotations})
    before = token.secret()
    assert before is not None

    token.patch(target={"template": GIT})

    token.until(lambda: (token.secret() or {}).get("type") == GIT["type"], "the Secret of another type", REPAIR)
    token.until_ready()
    after = token.secret()
    assert after is not None
    assert after["metadata"]["uid"] != before["metadata"]["uid"]
    assert after["data"] == before["data"] | {"username": _encoded("oauth2")}
    assert after["metadata"]["labels"] == {**labels, TARGET_LABEL: token.name}
    assert after["metadata"]["annotations"] == before["metadata"]["annotations"]
    (message,) = token.until_event("TargetReplaced")
    assert "recreated with type kubernetes.io/basic-auth" in message
    assert len(token.requests()) == 1

    stage.login.endpoint.roll_over(token.client_id)
    token.request_poll()

    token.until(lambda: token.held == token.minted()[-1] != token.minted()[0], "the next token")
    metadata = (token.secret() or {})["metadata"]
    assert metadata["uid"] == after["metadata"]["uid"]
    assert metadata["labels"] == {**labels, TARGET_LABEL: token.name}
    assert metadata["annotations"].items() >= annotations.items()
    assert token.data()["password"] == token.held


def test_replacement_that_the_api_server_would_refuse_leaves_the_secret(stage: Stage) -> None:
    """The API server is asked before the Secret is deleted: the token stays in use, and the condition says why.

    Once nothing prevents it, the Secret is replaced, still without a request.
    """
    token = stage.token("refused").until_ready()
    before = token.secret()
    with no_more_secrets(stage):
        token.patch(target={"template": GIT})

        message = token.until_condition("Refreshed", "False", "WriteFailed")["message"]
        assert "exceeded quota: no-more-secrets" in message
        assert token.condition()["status"] == "True"
        assert token.secret() == before
    token.patch(target={"template": {"data": {"username": "git"}}})

    token.until(lambda: (token.secret() or {}).get("type") == GIT["type"], "the Secret of another type", REPAIR)
    assert token.held == token.minted()[0]
    assert len(token.requests()) == 1


def test_types_back_and_forth_cost_no_request(stage: Stage) -> None:
    """Ten changes in quick succession: the last type wins, with the first token."""
    token = stage.token("undecided").until_ready()
    kinds = [GIT, {"type": "Opaque", "data": None}] * 5
    for template in kinds:
        token.patch(target={"template": template})

    token.until_ready()
    token.until(lambda: (token.secret() or {}).get("type") == "Opaque" and token.held, "the last Secret", REPAIR)
    assert token.held == token.minted()[0]
    assert len(token.requests()) == 1


def test_template_that_lost_its_placeholders_is_reported(stage: Stage) -> None:
    """As after a tool that treats `${token}` as one of its own variables."""
    template = {**GIT, "data": {"username": "oauth2", "password": ""}}
    token = stage.token("eaten", target={"template": template}).until_ready()
    (message,) = token.until_event("TemplateWithoutPlaceholder")
    assert "$${token}" in message
