"""What a resource refers to but can't use: each case has its own reason and a message that says what to do."""

from collections.abc import Mapping

import pytest

from tests.apiserver.stage import CREDENTIALS_LABEL, SOON, Stage, Token

GRACE = 11.0
"""Seconds after a resource's creation without warnings about what is missing."""
LABELLED = {CREDENTIALS_LABEL: "true"}


def _refused(token: Token, reason: str) -> str:
    """The message of a resource that waits for what may still arrive, and has sent no request."""
    message: str = token.until_failing(reason)["message"]
    condition = token.condition("Refreshed")
    assert (condition["status"], condition["reason"], condition["message"]) == ("False", reason, message)
    assert token.condition("Stalled")["status"] == "False"
    assert not token.events()
    assert not token.requests()
    assert token.secret() is None
    return message


def test_missing_credentials(stage: Stage) -> None:
    """A missing credentials Secret is CredentialsNotFound until it exists; if that is soon, there is no warning."""
    token = stage.token("missing", credentials=False)
    assert _refused(token, "CredentialsNotFound") == (
        "Secret missing-credentials does not exist; create it or fix spec.credentialsSecretRef"
    )

    stage.credentials("missing-credentials", token.client_id, stage.login.clients[token.client_id])

    token.until_ready()
    token.until_event("Issued")
    assert token.events() == ["Issued"]


def test_what_does_not_arrive_is_warned_of(stage: Stage) -> None:
    """An event reports it once, ten seconds after the resource's creation, and another when it arrives after all."""
    tokens = [stage.token("never", endpoint="never"), stage.token("nowhere-else", credentials=False)]
    reasons = ("EndpointNotFound", "CredentialsNotFound")
    messages = [token.until_failing(reason)["message"] for token, reason in zip(tokens, reasons, strict=True)]
    assert not any(token.events() for token in tokens)
    for token, reason, message in zip(tokens, reasons, messages, strict=True):
        assert token.until_event(reason, seconds=GRACE + SOON) == [message]

    stage.endpoint("never")

    tokens[0].until_ready()
    tokens[0].until_event("Recovered")


@pytest.mark.parametrize(
    "labels", [{}, {CREDENTIALS_LABEL: "false"}, {CREDENTIALS_LABEL: "True"}, {CREDENTIALS_LABEL: ""}]
)
def test_unlabelled_credentials(stage: Stage, labels: Mapping[str, str]) -> None:
    """A Secret without the label is reported soon, though unwatched, and never sent: the message has the command."""
    name = "unlabelled" + "".join(labels.values()).lower() + str(len(labels))
    token = stage.token(name, credentials=False)
    data = {"client_id": token.client_id, "client_secret": stage.login.clients[token.client_id]}
    stage.secret(token.credentials, data, labels=labels)
    message = token.until_failing("CredentialsNotLabelled")["message"]
    command = message.partition("; run: ")[2]
    assert command == f"kubectl label secret --namespace reference {token.credentials} {CREDENTIALS_LABEL}=true"
    assert not token.requests()

    stage.kube.patch("Secret", stage.namespace, token.credentials, {"metadata": {"labels": LABELLED}})

    token.until_ready()


def test_withdrawn_label(stage: Stage) -> None:
    """Credentials whose label is removed are no longer sent: Ready is False, and the Secret stays as it is."""
    token = stage.token("withdrawn").until_ready()
    before = token.secret()

    stage.kube.patch("Secret", stage.namespace, token.credentials, {"metadata": {"labels": {CREDENTIALS_LABEL: None}}})

    token.until_failing("CredentialsNotLabelled")
    assert token.secret() == before
    token.request_poll()
    stage.kube.patch("Secret", stage.namespace, token.credentials, {"metadata": {"labels": LABELLED}})
    token.until_requests(2)
    token.until_ready()


BAD_VALUES: dict[str, tuple[dict[str, str | bytes], str]] = {
    "no-id": ({"client_secret": "s"}, "key client_id of Secret {} is missing; add it or set another key"),
    "no-secret": ({"client_id": "i"}, "key client_secret of Secret {} is missing; add it or set another key"),
    "empty": ({"client_id": "i", "client_secret": ""}, "key client_secret of Secret {} is empty; set it"),
    "binary": (
        {"client_id": "i", "client_secret": b"\xff\xfe"},
        "key client_secret of Secret {} is not UTF-8 text; set it again as UTF-8",
    ),
    "newline": (
        {"client_id": "i", "client_secret": "secret\n"},
        "key client_secret of Secret {} contains a line break or another control character; set it again",
    ),
    "nul": (
        {"client_id": "i\0d", "client_secret": "secret"},
        "key client_id of Secret {} contains a line break or another control character; set it again",
    ),
    "nothing": ({}, "key client_id of Secret {} is missing; add it or set another key"),
}


@pytest.mark.parametrize("what", BAD_VALUES)
def test_credentials_that_cannot_be_sent(stage: Stage, what: str) -> None:
    """A key that is missing, empty, not text or has a line break is CredentialsInvalid, and nothing is sent."""
    data, said = BAD_VALUES[what]
    token = stage.token(f"bad-{what}", credentials=False)
    stage.secret(token.credentials, data, labels=LABELLED)

    message = token.until_failing("CredentialsInvalid")["message"]

    assert message.startswith(said.format(token.credentials))
    assert token.condition("Stalled")["status"] == "False"
    assert not token.requests()
    values = {"client_id": token.client_id, "client_secret": stage.login.clients[token.client_id]}
    token.set_credentials(**values)
    token.until_ready()


def test_token_endpoint_of_another_namespace_is_not_found(stage: Stage) -> None:
    """A TokenEndpoint serves only its own namespace, and differs from a ClusterTokenEndpoint of that name."""
    other = Stage(stage.kube, stage.ledger, stage.login, "reference-other", endpoint=False)

    assert "TokenEndpoint login does not exist" in _refused(other.token("elsewhere"), "EndpointNotFound")
    message = _refused(stage.token("cluster", kind="ClusterTokenEndpoint"), "EndpointNotFound")
    assert "ClusterTokenEndpoint login does not exist" in message


def test_namespace_that_is_not_selected(stage: Stage) -> None:
    """A namespace that namespaceSelector excludes is NotAllowed; once its labels match it is served.

    When they no longer match, it keeps its Secret.
    """
    selector = {"matchLabels": {"team": "shop"}, "matchExpressions": [{"key": "frozen", "operator": "DoesNotExist"}]}
    stage.endpoint("shops", kind="ClusterTokenEndpoint", namespaceSelector=selector)
    shop = Stage(stage.kube, stage.ledger, stage.login, "reference-shop", endpoint=False)
    token = shop.token("selected", kind="ClusterTokenEndpoint", endpoint="shops")
    assert _refused(token, "NotAllowed") == (
        "ClusterTokenEndpoint shops does not select namespace reference-shop;"
        " ask the cluster's administrator to widen spec.namespaceSelector"
    )

    def label(**labels: str | None) -> None:
        stage.kube.patch("Namespace", "", shop.namespace, {"metadata": {"labels": labels}})

    label(team="shop")
    token.until_ready()
    before = token.secret()
    label(frozen="yes")
    token.until_failing("NotAllowed")
    assert token.secret() == before
    label(frozen=None)
    token.until_ready()
    assert len(token.requests()) == 1

    stage.kube.patch(
        "ClusterTokenEndpoint", "", "shops", {"spec": {"namespaceSelector": {"matchLabels": {"team": "x"}}}}
    )
    token.until_failing("NotAllowed")
    stage.kube.patch("ClusterTokenEndpoint", "", "shops", {"spec": {"namespaceSelector": None}})
    token.until_ready()
    assert token.secret() == before


def test_credentials_can_be_narrowed_to_hosts(stage: Stage) -> None:
    """The credentials Secret's allowed-hosts annotation restricts where it is sent, and acts when it changes."""
    key = "integrationtoken.dev/allowed-hosts"
    tokens = {
        "listed": stage.token("listed", credentials=False),
        "elsewhere": stage.token("elsewhere", credentials=False),
    }
    for name, hosts in (("listed", "login.example, 127.0.0.1"), ("elsewhere", "login.example,127.0.0.10")):
        secret = stage.login.clients[tokens[name].client_id]
        stage.credentials(tokens[name].credentials, tokens[name].client_id, secret, annotations={key: hosts})

    tokens["listed"].until_ready()
    elsewhere = tokens["elsewhere"]
    assert elsewhere.until_failing("HostNotAllowed")["message"] == (
        "Secret elsewhere-credentials may not be sent to 127.0.0.1; add it to the Secret's annotation"
        " integrationtoken.dev/allowed-hosts or refer to another endpoint"
    )
    assert not elsewhere.requests()
    stage.kube.patch(
        "Secret", stage.namespace, elsewhere.credentials, {"metadata": {"annotations": {key: "127.0.0.1"}}}
    )
    elsewhere.until_ready()
    held = tokens["listed"].held
    stage.kube.patch("Secret", stage.namespace, tokens["listed"].credentials, {"metadata": {"annotations": {key: "x"}}})
    tokens["listed"].until_condition("Refreshed", "False", "HostNotAllowed")
    assert tokens["listed"].held == held
    assert len(tokens["listed"].requests()) == 1


def test_endpoint_that_cannot_be_reached(stage: Stage) -> None:
    """A name that doesn't resolve, and a port without a listener, are EndpointUnreachable and retried."""
    # Reserved for this purpose by RFC 2606; port 9 is discard's, where nothing listens here.
    stage.endpoint("nowhere", tokenURL="https://login.invalid/oauth/token")
    stage.endpoint("silent", tokenURL="http://127.0.0.1:9/oauth/token")
    tokens = [stage.token(name, endpoint=name) for name in ("nowhere", "silent")]

    messages = [token.until_failing("EndpointUnreachable", SOON * 2)["message"] for token in tokens]

    assert messages[0].startswith("cannot resolve the name login.invalid: ")
    assert messages[1].startswith("could not connect to 127.0.0.1:9: connection refused; check spec.tokenURL")
    assert all(message.endswith("; the next attempt is due within 1 min") for message in messages)
    assert [token.condition("Stalled")["status"] for token in tokens] == ["False", "False"]
