"""A namespace without any credentials Secret: the API server's own tokens, verified by an endpoint.

The installation is for that namespace only, and its chart names one account.
"""

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

import jwt
import pytest
from integration_token.api.names import ALLOWED_AUDIENCES_ANNOTATION, ALLOWED_HOSTS_ANNOTATION

from tests.apiserver.canary import Canary
from tests.apiserver.kube import Document, Kube
from tests.apiserver.ledger import Ledger
from tests.apiserver.operator import Installation, Operator
from tests.apiserver.stage import CREDENTIALS_LABEL, Login, Stage, Token
from tests.cluster.account_token import ISSUER
from tests.cluster.plane import ControlPlane
from tests.fakes.issuer import Policy
from tests.fakes.token_endpoint import TokenEndpoint

NAMESPACE = "accounts"
ACCOUNT = "shop"
GRANTED = (ACCOUNT, "again", "unlisted", "curious", "missing", "unlabelled")
"""The accounts that the chart names."""
METHOD = {"clientAuthenticationMethod": "ServiceAccountToken", "requestEncoding": "Form", "audience": ""}


@dataclass
class Federation:
    """A server that trusts the cluster's tokens and records which it was shown."""

    kube: Kube
    ledger: Ledger
    url: str = ""
    """The audience that it expects."""
    claims: list[dict[str, Any]] = field(default_factory=list)
    """The claims of each token that it accepted."""

    def accepts(self, _: str, assertion: str) -> bool:
        """Whether the API server signed it for this endpoint, and nobody has used it before."""
        self.ledger.note(assertion)
        keys = jwt.PyJWKSet.from_dict(self.kube.jwks())
        try:
            key = keys[jwt.get_unverified_header(assertion)["kid"]]
            claims = jwt.decode(assertion, key, algorithms=["ES256"], audience=self.url, issuer=ISSUER)
        except (jwt.InvalidTokenError, KeyError):
            return False
        fresh = claims["jti"] not in {known["jti"] for known in self.claims}
        self.claims.append(claims)
        return fresh and claims["aud"] == [self.url]


@pytest.fixture(scope="module")
def federation(other_kube: Kube, ledger: Ledger) -> Federation:
    """Starts without any requests."""
    return Federation(other_kube, ledger)


@pytest.fixture(scope="module")
def place(other_kube: Kube, ledger: Ledger, federation: Federation) -> Iterator[Stage]:
    """The namespace, with an endpoint that accepts accounts."""
    login = Login()
    policy = Policy(lifetime=10, lead=6)
    login.endpoint = TokenEndpoint(policy=policy, federated=federation.accepts, audiences=None)
    ledger.endpoints.append(login.endpoint)
    with login.endpoint as served:
        federation.url = served.url
        stage = Stage(other_kube, ledger, login, NAMESPACE, endpoint=False)
        stage.endpoint("login", **METHOD)
        yield stage


@pytest.fixture(scope="module", autouse=True)
def running(other_plane: ControlPlane, ledger: Ledger, place: Stage) -> Iterator[Operator]:
    """For that namespace only, with the accounts that the tests create except one."""
    values = ["crds.enabled=false", "endpoints.insecure=true", f"namespaces={{{NAMESPACE}}}"]
    for number, name in enumerate(GRANTED):
        values += [
            f"serviceAccounts[{number}].{key}={value}" for key, value in (("namespace", NAMESPACE), ("name", name))
        ]
    with Operator(Installation(other_plane, "accounts-operator", *values), ledger) as operator:
        yield operator


def account(
    stage: Stage, name: str, *, hosts: str = "127.0.0.1", audiences: str = "", released: bool = True
) -> Document:
    """A ServiceAccount, with its owner's consent."""
    annotations = {ALLOWED_HOSTS_ANNOTATION: hosts, ALLOWED_AUDIENCES_ANNOTATION: audiences}
    labels = {CREDENTIALS_LABEL: "true"} if released else {}
    metadata = {"name": name, "namespace": stage.namespace, "labels": labels, "annotations": annotations}
    return stage.kube.create({"apiVersion": "v1", "kind": "ServiceAccount", "metadata": metadata})


def token_of(stage: Stage, name: str, account: str, **spec: Any) -> Token:
    """An IntegrationToken with that account, and no Secret."""
    spec |= {"credentialsSecretRef": None, "serviceAccountRef": {"name": account}, "clientID": f"{NAMESPACE}.{name}"}
    return stage.token(name, credentials=False, **spec)


def test_no_secret_and_one_token_of_the_account_for_each_request(
    place: Stage, running: Operator, federation: Federation, other_plane: ControlPlane
) -> None:
    """Three renewals: each is one read of the account, one TokenRequest, one token request and two writes.

    The endpoint verifies each token with the API server's keys; it is for this endpoint only, and valid for ten
    minutes.
    """
    uid = account(place, ACCOUNT)["metadata"]["uid"]
    seen = len(other_plane.audit_events())
    token = token_of(place, ACCOUNT, ACCOUNT)
    token.until_event("Renewed", 3, seconds=60)
    token.patch(suspend=True)
    token.until_condition("Refreshed", "False", "Suspended")

    requests = token.requests()
    minted = len(token.minted())
    calls = Counter(
        (event["verb"], "/".join(filter(None, (ref["resource"], ref.get("subresource")))))
        for event in other_plane.audit_events()[seen:]
        if event["user"]["username"] == running.installation.user
        for ref in [event["objectRef"]]
        if ref.get("name") == ACCOUNT
    )
    assert calls["create", "serviceaccounts/token"] == len(requests) == minted >= 4
    assert calls["get", "serviceaccounts"] <= len(requests) + 1
    assert calls["create", "secrets"] == 1
    assert calls["update", "secrets"] == minted - 1
    assert calls["patch", "integrationtokens/status"] == minted + 1
    for claims in federation.claims:
        assert claims["sub"] == f"system:serviceaccount:{NAMESPACE}:{ACCOUNT}"
        assert claims["kubernetes.io"]["serviceaccount"]["uid"] == uid
        assert 600 <= claims["exp"] - claims["iat"] <= 607
    names = {secret["metadata"]["name"] for secret in place.kube.list("Secret", NAMESPACE)}
    assert names == {ACCOUNT}


def test_an_account_that_was_made_again_is_another(place: Stage, federation: Federation) -> None:
    """The next request uses the new one, and the Secret says so."""
    account(place, "again")
    token = token_of(place, "again", "again").until_ready()
    place.kube.delete("ServiceAccount", NAMESPACE, "again")
    uid = account(place, "again")["metadata"]["uid"]

    def adopted() -> bool:
        annotations = (token.secret() or {"metadata": {"annotations": {}}})["metadata"]["annotations"]
        return bool(annotations.get("integrationtoken.dev/credentials-uid") == uid)

    token.until(adopted, "a token of the new account", 30)
    assert federation.claims[-1]["kubernetes.io"]["serviceaccount"]["uid"] == uid
    token.delete()


def test_no_account_without_its_owners_consent(place: Stage, federation: Federation) -> None:
    """Missing, not labelled, or for other hosts: the message says what to do, and a fix works within seconds."""
    account(place, "unlabelled", released=False)
    account(place, "unlisted", hosts="login.example.com")
    taken = len(federation.claims)
    tokens = {name: token_of(place, name, name) for name in ("missing", "unlabelled", "unlisted")}
    reasons = {
        "missing": "ServiceAccountNotFound",
        "unlabelled": "ServiceAccountNotLabelled",
        "unlisted": "HostNotAllowed",
    }
    messages = {name: token.until_failing(reasons[name])["message"] for name, token in tokens.items()}
    assert "create it" in messages["missing"]
    assert f"kubectl label serviceaccount --namespace {NAMESPACE} unlabelled" in messages["unlabelled"]
    assert ALLOWED_HOSTS_ANNOTATION in messages["unlisted"]
    assert len(federation.claims) == taken

    account(place, "missing")
    consent = {"labels": {CREDENTIALS_LABEL: "true"}, "annotations": {ALLOWED_HOSTS_ANNOTATION: "127.0.0.1"}}
    for name in ("unlabelled", "unlisted"):
        place.kube.patch("ServiceAccount", NAMESPACE, name, {"metadata": consent})
    for token in tokens.values():
        token.until_ready(seconds=70)
        token.delete()


def test_no_token_for_the_api_server(place: Stage, other_plane: ControlPlane, federation: Federation) -> None:
    """Neither by its issuer nor by its address, even if the account's owner lists both."""
    addresses = (ISSUER, other_plane.server)
    account(place, "curious", audiences=",".join(addresses))
    taken = len(federation.claims)
    for number, audience in enumerate(addresses):
        place.endpoint(f"curious-{number}", **METHOD, assertion={"audience": audience})
        token = token_of(place, f"curious-{number}", "curious", endpoint=f"curious-{number}")
        assert "identity in this cluster" in token.until_failing("AudienceNotAllowed")["message"]
    assert len(federation.claims) == taken
    references = (event.get("objectRef", {}) for event in other_plane.audit_events())
    assert not [ref for ref in references if (ref.get("subresource"), ref.get("name")) == ("token", "curious")]


@pytest.mark.parametrize("resource", ["serviceaccounts", "serviceaccounts/token"])
def test_the_operator_may_be_no_other_account(
    place: Stage, running: Operator, other_plane: ControlPlane, resource: str
) -> None:
    """It may read the accounts that the chart names and get their tokens, and nothing else.

    That holds for its own namespace and others; it may not list, watch, create or change any.
    """
    granted = {"serviceaccounts": "get", "serviceaccounts/token": "create"}[resource]

    def may(verb: str, name: str, namespace: str) -> bool:
        what = resource.partition("/")[0] + (f"/{name}" if name else "")
        part = [f"--subresource={each}" for each in resource.split("/")[1:]]
        answer = other_plane.kubectl(
            "auth", "can-i", verb, what, *part, f"--namespace={namespace}", f"--as={running.installation.user}",
            check=False,
        )  # fmt: skip
        return answer.startswith("yes")

    assert may(granted, ACCOUNT, NAMESPACE)
    named = (ACCOUNT, "ungranted", "default", "")
    others = {
        (name, namespace) for name in named for namespace in (NAMESPACE, "kube-system", running.installation.release)
    }
    others |= {(each["metadata"]["name"], each["metadata"]["namespace"]) for each in place.kube.list("ServiceAccount")}
    others -= {(name, NAMESPACE) for name in GRANTED}
    assert [each for each in others if may(granted, *each)] == []
    for verb in ("list", "watch", "create", "update", "patch", "delete", "impersonate", "*"):
        if (verb, resource) != ("create", "serviceaccounts/token"):
            assert not may(verb, ACCOUNT, NAMESPACE), verb
        assert not may(verb, "", NAMESPACE), verb


def test_an_account_that_the_chart_does_not_name(place: Stage, running: Operator) -> None:
    """Released, but not granted: the message names the chart's value, and the operator stays ready."""
    account(place, "ungranted")
    message = token_of(place, "ungranted", "ungranted").until_failing("ServiceAccountTokenRefused")["message"]
    assert f"add {{namespace: {NAMESPACE}, name: ungranted}} to the chart's value serviceAccounts" in message
    assert running.status("/readyz") == 200


def test_no_token_of_an_account_stays_anywhere(
    place: Stage, running: Operator, ledger: Ledger, other_plane: ControlPlane, federation: Federation
) -> None:
    """Not in etcd's files on disk, the operator's debug log, its metrics, or the API."""
    assert federation.claims
    canary = Canary(ledger.secrets)
    texts = {running.log.name: running.log.read_text(), **running.traces(), **place.kube.texts()}
    files = [path for path in other_plane.directory.rglob("*") if path.is_file() and "etcd" in str(path)]
    assert any(b"tokenendpoints" in path.read_bytes() for path in files)
    assert canary.leaks(texts) == []
    assertions = [secret.encode() for secret in ledger.secrets if secret.startswith("eyJ")]
    assert len(assertions) >= len(federation.claims)
    shown = [path for path in files for found in [path.read_bytes()] if any(each[-40:] in found for each in assertions)]
    assert shown == []
