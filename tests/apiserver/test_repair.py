"""What happens to a target Secret that somebody else changes, deletes, or had before us."""

import time
from contextlib import suppress
from typing import Any, Final

import pytest

from tests.apiserver.kube import Document, NotFound
from tests.apiserver.stage import REPAIR, SOON, TARGET_LABEL, Stage, Token

CONTESTED: Final = 35.0
"""Seconds within which a target that somebody kept changing is repaired."""

PREFIX = "integrationtoken.dev/"


def _contents(secret: Document | None) -> tuple[Any, ...]:
    """The parts of a Secret that matter to its users and to the operator."""
    if secret is None:
        return ()
    metadata = secret["metadata"]
    return (
        secret["type"],
        secret.get("data"),
        metadata.get("labels"),
        {key: value for key, value in metadata.get("annotations", {}).items() if key.startswith(PREFIX)},
        metadata.get("ownerReferences"),
        secret.get("immutable"),
    )


def _until_repaired(token: Token, before: Document | None) -> None:
    token.until(lambda: _contents(token.secret()) == _contents(before), "the Secret to be as before", REPAIR)


UNTRUSTED: dict[str, dict[str, Any]] = {
    "token and header alike": {"stringData": {"token": "made-up", "authorization": "Bearer made-up"}},
    "the expiry": {"stringData": {"expires_at": "2099-01-01T00:00:00Z"}},
    "expiry and lifetime to nonsense": {
        "metadata": {"annotations": {f"{PREFIX}issue-time": "never", f"{PREFIX}lifetime-seconds": "nan"}}
    },
    "all data": {"data": None},
}
"""Changes after which the Secret can't be trusted: one request is sent."""

TRUSTED: dict[str, dict[str, Any]] = {
    "a key added": {"stringData": {"extra": "not ours"}},
    "our label changed": {"metadata": {"labels": {TARGET_LABEL: "somebody"}}},
    "the owner removed": {"metadata": {"ownerReferences": None}},
    "an annotation of ours added": {"metadata": {"annotations": {f"{PREFIX}expiry-assumed": "false"}}},
    "a key of the template changed": {"stringData": {"env": "made-up"}},
}
"""Changes that leave the token trusted as the endpoint's response for the grant: no request is sent."""


@pytest.mark.parametrize("what", UNTRUSTED)
def test_target_that_cannot_be_trusted_is_refilled(stage: Stage, what: str) -> None:
    """A token, header or record changed by hand is replaced at once, with one request."""
    token = stage.token(f"untrusted-{list(UNTRUSTED).index(what)}").until_ready()
    before = token.secret()

    token.edit_secret(**UNTRUSTED[what])

    token.until(lambda: token.held == token.minted()[0] and "made-up" not in str(token.data()), "the token", REPAIR)
    token.until_requests(2)
    token.until_ready()
    kept = [f"{PREFIX}{name}" for name in ("endpoint-uid", "grant-hash", "credentials-resource-version")]

    def record(secret: Document | None) -> list[str]:
        annotations = (secret or {}).get("metadata", {}).get("annotations", {})
        return [annotations.get(key, "") for key in kept]

    token.until(lambda: record(token.secret()) == record(before), "the record to be as before", REPAIR)
    assert token.data()["authorization"] == f"Bearer {token.held}"
    assert token.data()["expires_at"] == token.status()["expirationTime"] < "2099"
    assert len(token.requests()) == 2


@pytest.mark.parametrize("what", TRUSTED)
def test_other_changes_are_undone_without_a_request(stage: Stage, what: str) -> None:
    """Other changes are undone at once, with one event and without a request."""
    template = {"metadata": {"labels": {"team": "shop"}}, "data": {"env": "TOKEN=${token}"}}
    token = stage.token(f"trusted-{list(TRUSTED).index(what)}", target={"template": template}).until_ready()
    before = token.secret()

    token.edit_secret(**TRUSTED[what])

    _until_repaired(token, before)
    restored = f"Secret {token.name} was changed or deleted by someone else and has been restored"
    assert token.until_event("Repaired") == [restored]
    assert token.condition()["status"] == "True"
    assert len(token.requests()) == 1


def test_somebody_who_changes_it_back_each_time_is_not_fought(stage: Stage) -> None:
    """A tool that keeps writing sees few of its changes undone; the status names it, and recovers soon after."""
    token = stage.token("fought-over").until_ready()
    before = (token.secret() or {})["metadata"]["resourceVersion"]
    for number in range(60):
        token.edit_secret(stringData={"extra": str(number)})
    message = token.until_condition("Refreshed", "False", "TargetContested")["message"]
    assert message.startswith("field manager 'tests' keeps changing Secret fought-over")

    token.until(lambda: "extra" not in token.data(), "the repair", CONTESTED)
    token.until_ready()
    assert len(token.requests()) == 1
    assert len(token.events()) <= 10
    assert (token.secret() or {})["metadata"]["resourceVersion"] != before


def test_targets_deleted_as_fast_as_they_appear_are_there_soon_after(stage: Stage) -> None:
    """Twenty targets, for five seconds: each is recreated now and then, and its status says whether it exists.

    Six seconds after the deletions end none is missing.
    """
    tokens = [stage.token(f"hunted-{number}") for number in range(20)]
    for token in tokens:
        token.until_ready()
    end = time.monotonic() + 5
    while time.monotonic() < end:
        for token in tokens:
            with suppress(NotFound):
                stage.kube.delete("Secret", stage.namespace, token.target)
    deadline = time.monotonic() + 6
    for token in tokens:
        token.until(token.secret, "the Secret", max(0.1, deadline - time.monotonic()))
    for token in tokens:
        token.until_ready()
        assert len(token.requests()) <= 5


@pytest.mark.parametrize("immutable", [True, False])
def test_target_that_cannot_be_changed_is_replaced(stage: Stage, immutable: bool) -> None:
    """An immutable one, or one of another type, is replaced; the event says whether pods must be restarted.

    A valid token needs no request.
    """
    token = stage.token(f"immutable-{immutable}".lower()).until_ready()
    uid = (token.secret() or {})["metadata"]["uid"]
    if immutable:
        token.edit_secret(immutable=True, metadata={"labels": {"foreign": "kept"}})
    else:
        # The type of a Secret can't be changed: somebody creates one of another type first.
        held = token.secret()
        assert held is not None
        metadata = {
            key: held["metadata"][key] for key in ("name", "namespace", "labels", "annotations", "ownerReferences")
        }
        metadata["labels"]["foreign"] = "kept"
        stage.kube.patch("IntegrationToken", stage.namespace, token.name, {"spec": {"suspend": True}})
        token.until_condition("Refreshed", "False", "Suspended")
        stage.kube.delete("Secret", stage.namespace, token.name)
        stage.kube.create({**held, "metadata": metadata, "type": "example.com/other"})
        stage.kube.patch("IntegrationToken", stage.namespace, token.name, {"spec": {"suspend": False}})

    def replaced() -> bool:
        secret = token.secret()
        return (
            secret is not None and secret["metadata"]["uid"] != uid and secret["type"] == "Opaque" and bool(token.held)
        )

    token.until(replaced, "another Secret", REPAIR)
    (message,) = token.until_event("TargetReplaced")
    assert ("restart the pods that mount it" if immutable else "pods that mount it receive it") in message
    secret = token.secret()
    assert secret is not None
    assert "immutable" not in secret
    assert secret["metadata"]["labels"] == {"foreign": "kept", TARGET_LABEL: token.name}
    assert token.held == token.minted()[0]
    assert len(token.requests()) == (1 if immutable else 2)


def test_foreign_labels_of_a_replaced_target_outlive_the_next_renewal(stage: Stage) -> None:
    """What others added to a replaced Secret is not mistaken for ours at the next write."""
    token = stage.token("replaced-foreign").until_ready()
    token.edit_secret(
        immutable=True, metadata={"labels": {"foreign": "kept"}, "annotations": {"example.com/a": "kept"}}
    )
    token.until_event("TargetReplaced")

    stage.login.endpoint.roll_over(token.client_id)
    token.request_poll()
    token.until(lambda: token.held == token.minted()[-1] != token.minted()[0], "the next token")

    metadata = (token.secret() or {})["metadata"]
    assert metadata["labels"] == {"foreign": "kept", TARGET_LABEL: token.name}
    assert metadata["annotations"]["example.com/a"] == "kept"


def test_somebody_elses_secret_is_never_touched(stage: Stage) -> None:
    """A Secret without our label, or owned by another controller, stays as it is; the condition says what to do.

    At most one token was requested.
    """
    owner = stage.kube.get("Namespace", "", stage.namespace)["metadata"]["uid"]
    reference = {"apiVersion": "v1", "kind": "Namespace", "name": stage.namespace, "uid": owner, "controller": True}
    stage.secret("unlabelled", {"token": "theirs"})
    stage.secret("other-label", {"token": "theirs"}, labels={TARGET_LABEL: "another"})
    stage.secret("controlled", {"token": "theirs"}, labels={TARGET_LABEL: "controlled"})
    stage.kube.patch("Secret", stage.namespace, "controlled", {"metadata": {"ownerReferences": [reference]}})
    names = ("unlabelled", "other-label", "controlled")
    before = {name: stage.kube.get("Secret", stage.namespace, name) for name in names}

    tokens = [stage.token(name) for name in names]

    for token in tokens:
        message = token.until_failing("SecretNotOwned")["message"]
        assert message == (
            f"Secret {token.name} exists and does not belong to this resource; delete it or set another"
            " spec.target.name"
        )
        assert token.condition("Stalled")["status"] == "True"
        assert len(token.requests()) <= 1
    assert {name: stage.kube.get("Secret", stage.namespace, name) for name in names} == before

    tokens[0].patch(target={"name": "unlabelled-token"})
    tokens[0].until_ready()
    assert stage.kube.get("Secret", stage.namespace, "unlabelled") == before["unlabelled"]
    stage.kube.delete("Secret", stage.namespace, "other-label")
    tokens[1].until_ready(2 * SOON)


def test_restored_backup_is_adopted(stage: Stage) -> None:
    """A Secret with our label and no owner is ours again; if its token is valid nothing is requested."""
    token = stage.token("restored").until_ready()
    backup = token.secret()
    assert backup is not None
    stage.kube.patch("IntegrationToken", stage.namespace, "restored", {"spec": {"suspend": True}})
    token.until_condition("Refreshed", "False", "Suspended")
    stage.kube.delete("Secret", stage.namespace, "restored")
    metadata = {key: backup["metadata"][key] for key in ("name", "namespace", "labels", "annotations")}
    # As a backup tool does it: including the managed fields.
    metadata["managedFields"] = backup["metadata"]["managedFields"]
    restored = {key: backup[key] for key in ("apiVersion", "kind", "type", "data")} | {"metadata": metadata}
    stage.kube.create(restored)
    stage.kube.patch("IntegrationToken", stage.namespace, "restored", {"spec": {"suspend": False}})

    _until_repaired(token, backup)
    token.until_ready()
    assert token.held == token.minted()[0]
    assert len(token.requests()) == 1


def test_foreign_labels_and_annotations_are_kept(stage: Stage) -> None:
    """What others added to the Secret survives a renewal and a repair; what left the template goes."""
    template = {"metadata": {"labels": {"team": "shop", "gone": "soon"}, "annotations": {"example.com/gone": "soon"}}}
    token = stage.token("foreign", target={"template": template}).until_ready()
    labels, annotations = {"backup": "yes"}, {"example.com/note": "mine"}
    token.edit_secret(metadata={"labels": labels, "annotations": annotations})

    stage.login.endpoint.roll_over(token.client_id)
    token.request_poll()
    token.until(lambda: token.held == token.minted()[-1] != token.minted()[0], "the next token")
    token.patch(target={"template": {"metadata": {"labels": {"team": "shop", "gone": None}, "annotations": None}}})

    def metadata() -> Document:
        found: Document = (token.secret() or {})["metadata"]
        return found

    token.until(lambda: "gone" not in metadata()["labels"], "the label to go")
    assert metadata()["labels"] == {"team": "shop", "backup": "yes", TARGET_LABEL: "foreign"}
    assert metadata()["annotations"]["example.com/note"] == "mine"
    assert "example.com/gone" not in metadata()["annotations"]


def test_other_field_managers_keep_their_metadata_and_not_our_data(stage: Stage) -> None:
    """A label server-side applied by another manager stays, even if the template has it too; data doesn't."""
    template = {"metadata": {"labels": {"shared": "yes"}}}
    token = stage.token("applied", target={"template": template}).until_ready()
    before = token.secret()
    assert before is not None
    document = {
        "apiVersion": "v1",
        "kind": "Secret",
        "metadata": {"name": "applied", "namespace": stage.namespace, "labels": {"gitops": "yes", "shared": "yes"}},
    }
    stage.kube.apply(document, "gitops")
    stage.kube.apply({**document, "stringData": {"token": "made-up", "extra": "x"}}, "gitops")

    token.until(lambda: token.held == token.minted()[0] and "extra" not in token.data(), "the token", REPAIR)
    token.patch(target={"template": None})
    token.until_condition("Ready", "True")
    stage.login.endpoint.roll_over(token.client_id)
    token.request_poll()
    token.until(lambda: token.held == token.minted()[-1] != token.minted()[0], "the next token")

    labels = (token.secret() or {})["metadata"]["labels"]
    assert labels == {"gitops": "yes", "shared": "yes", TARGET_LABEL: "applied"}
    # The other manager's next apply finds no conflict of our making.
    stage.kube.apply(document, "gitops")
    token.until(lambda: token.held == token.minted()[-1], "the token", REPAIR)
