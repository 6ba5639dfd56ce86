"""Restores from a backup, in whatever order and to wherever, cost at most one token request per resource.

A restore creates objects without status and with new UIDs; ownerReferences stay as they were, and so name UIDs that no
longer exist.
"""

from contextlib import suppress
from typing import Any, Final

import pytest
from integration_token.api.names import ISSUE_TIME_ANNOTATION, MANAGER
from integration_token.api.value import parse_time

from tests.apiserver.kube import Document
from tests.apiserver.stage import COLLECTED, Stage, Token

_OWN: Final = ("name", "namespace", "labels", "annotations", "ownerReferences")
"""What backup tools keep of an object's metadata."""


def saved(document: Document) -> Document:
    """An object as in a backup."""
    metadata = {key: value for key, value in document["metadata"].items() if key in _OWN}
    return {key: value for key, value in document.items() if key != "status"} | {"metadata": metadata}


class Backup:
    """All objects that belong to a token."""

    def __init__(self, token: Token) -> None:
        """Saves them."""
        self._token = token
        found = {
            "endpoint": token.kube.get("TokenEndpoint", token.namespace, token.name),
            "credentials": token.kube.get("Secret", token.namespace, token.credentials),
            "target": token.kube.get("Secret", token.namespace, token.target),
            "resource": token.document(),
        }
        self.documents = {name: saved(document) for name, document in found.items()}

    def lose(self) -> None:
        """Deletes all of them, and waits until they are gone."""
        for name in ("resource", "endpoint", "credentials", "target"):
            document = self.documents[name]
            with suppress(AssertionError):  # the garbage collector may have been faster
                self._token.kube.delete(document["kind"], self._token.namespace, document["metadata"]["name"])
        self._token.until(lambda: self._token.secret() is None, "the Secret to go")

    def restore(self, *names: str) -> None:
        """Creates these of them; like a restore, it leaves existing ones as they are."""
        for name in names:
            document = self.documents[name]
            with suppress(AssertionError):  # it exists
                self._token.kube.create(document)
            if name != "target":  # which the garbage collector may delete again, as it has no owner
                self._token.kube.get(document["kind"], self._token.namespace, document["metadata"]["name"])


def tokens(stage: Stage, name: str, **spec: Any) -> Token:
    """A token with its own endpoint."""
    stage.endpoint(name)
    return stage.token(name, endpoint=name, **spec).until_ready()


@pytest.fixture(scope="module")
def orphan(stage: Stage) -> Token:
    """A token of which only the target was restored, as the first step in this module."""
    token = tokens(stage, "orphan")
    backup = Backup(token)
    backup.lose()
    backup.restore("target")
    return token


ORDERS: Final = {
    "by kind, Secrets first": ("credentials", "target", "resource", "endpoint"),
    "the resource first": ("resource", "endpoint", "credentials", "target"),
    "the target last but one": ("endpoint", "credentials", "target", "resource"),
    "without the target, which needs no backup": ("credentials", "resource", "endpoint"),
}


@pytest.mark.usefixtures("orphan")
@pytest.mark.parametrize("order", ORDERS)
def test_restored_namespace_has_good_tokens_after_one_request_each(stage: Stage, order: str) -> None:
    """In a new cluster or the same one: endpoint, credentials and resource have new UIDs.

    The old Secret's content isn't trusted.
    """
    token = tokens(stage, f"order-{list(ORDERS).index(order)}")
    backup = Backup(token)
    backup.lose()
    backup.restore(*ORDERS[order])
    token.until_ready()
    (owner,) = (token.secret() or {})["metadata"]["ownerReferences"]
    assert owner["uid"] == token.document()["metadata"]["uid"]
    assert token.held == token.minted()[-1]
    assert len(token.requests()) == 2, "one before the loss, and one after it"


def test_restored_secret_without_an_owner_is_valid_if_endpoint_and_credentials_stayed(stage: Stage) -> None:
    """A single resource that was deleted by mistake, and its retained Secret: nothing is requested."""
    token = tokens(stage, "retained", target={"deletionPolicy": "Retain"})
    backup, held = Backup(token), token.held
    for kind in ("IntegrationToken", "Secret"):
        token.kube.delete(kind, token.namespace, token.name)
    token.until(lambda: token.secret() is None, "the Secret to go")
    backup.restore("target", "resource")
    token.until_ready()
    assert token.held == held
    assert len(token.requests()) == 1


def test_older_token_that_is_valid_stays_until_its_renewal_is_due(stage: Stage) -> None:
    """As after a restore of etcd: what the API server returns is the older state."""
    token = tokens(stage, "older")
    older = token.kube.get("Secret", token.namespace, token.target)
    stage.login.endpoint.roll_over(token.client_id)
    token.request_poll()
    token.until(lambda: token.held == token.minted()[-1] != token.minted()[0], "the next token")
    metadata = {key: older["metadata"][key] for key in ("name", "namespace", "annotations")}
    restored = {"apiVersion": "v1", "kind": "Secret", "metadata": metadata, "data": older["data"]}
    token.kube.apply(restored, MANAGER)
    issued = metadata["annotations"][ISSUE_TIME_ANNOTATION]
    token.until(lambda: _same_second(token.status()["issueTime"], issued), "the status to tell of the older token")
    assert token.held == token.minted()[0]
    assert token.condition()["status"] == "True"
    assert len(token.requests()) == 2


def test_older_token_that_has_expired_is_replaced_at_once(stage: Stage) -> None:
    """With one request."""
    token = tokens(stage, "expired")
    annotations = token.kube.get("Secret", token.namespace, token.target)["metadata"]["annotations"]
    stage.login.endpoint.roll_over(token.client_id)
    token.forge(expires=parse_time(annotations[ISSUE_TIME_ANNOTATION]) + 0.001)
    token.until(lambda: token.held == token.minted()[-1] and len(token.minted()) == 2, "the next token")
    token.until_ready()
    assert len(token.requests()) == 2


def test_target_that_is_restored_alone_is_taken_away_by_the_garbage_collector(orphan: Token) -> None:
    """Its owner's UID no longer exists, so documents must not advise restoring targets long before their resources."""
    orphan.until(lambda: orphan.secret() is None, "the garbage collector's work", COLLECTED)
    assert len(orphan.requests()) == 1


def _same_second(one: str, other: str) -> bool:
    return abs(parse_time(one) - parse_time(other)) < 1
