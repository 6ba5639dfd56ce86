"""From credentials to a Secret with a token: what a user gets, and sees."""

import re
from datetime import UTC, datetime

import pytest

from tests.apiserver.ledger import Ledger
from tests.apiserver.stage import SOON, TARGET_LABEL, Login, Stage
from tests.cluster.plane import ControlPlane
from tests.fakes.issuer import Policy

TIME = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ")
PRECISE_TIME = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z")


def _seconds(text: str) -> float:
    return datetime.fromisoformat(text).astimezone(UTC).timestamp()


def test_secret_holds_token_header_and_expiry(stage: Stage) -> None:
    """The Secret holds the bare token, the complete Authorization header, and the expiry that the endpoint stated."""
    token = stage.token("shop").until_ready()

    (minted,) = token.minted()
    (record,) = token.requests()
    data = token.data()
    assert sorted(data) == ["authorization", "expires_at", "token"]
    assert data["token"] == minted
    assert data["authorization"] == f"Bearer {minted}"
    assert TIME.fullmatch(data["expires_at"])
    assert record.expires is not None
    assert record.expires - 2 < _seconds(data["expires_at"]) <= record.expires


def test_secret_says_whose_it_is_and_what_it_holds(stage: Stage) -> None:
    """The Secret has owner and label; its annotations give the grant and the times, but no digest of a secret."""
    token = stage.token("owned").until_ready()

    secret, resource = token.secret(), token.document()
    assert secret is not None
    metadata = secret["metadata"]
    assert secret["type"] == "Opaque"
    assert "immutable" not in secret
    assert metadata["labels"] == {TARGET_LABEL: "owned"}
    assert metadata["ownerReferences"] == [
        {
            "apiVersion": "integrationtoken.dev/v1alpha1",
            "kind": "IntegrationToken",
            "name": "owned",
            "uid": resource["metadata"]["uid"],
            "controller": True,
        }
    ]
    credentials = stage.kube.get("Secret", stage.namespace, token.credentials)["metadata"]
    endpoint = stage.kube.get("TokenEndpoint", stage.namespace, "login")["metadata"]
    annotations = {key.removeprefix("integrationtoken.dev/"): value for key, value in metadata["annotations"].items()}
    assert PRECISE_TIME.fullmatch(annotations.pop("issue-time"))
    assert re.fullmatch(r"[0-9a-f]{64}", annotations.pop("grant-hash"))
    assert annotations == {
        "endpoint-uid": endpoint["uid"],
        "credentials-uid": credentials["uid"],
        "credentials-resource-version": credentials["resourceVersion"],
        "lifetime-seconds": "3600.000",
        "scope": "font:list font:read media:list media:read",
    }


def test_grant_hash_does_not_depend_on_the_credentials(stage: Stage) -> None:
    """Two clients with one spec have the same hash: it covers only the grant's non-secret inputs."""
    ref = {"name": "twins"}
    stage.credentials("twins", "issue.twin", stage.client("issue.twin"))
    one = stage.token("one-hash", credentials=False, credentialsSecretRef=ref).until_ready()
    before = one.secret()
    stage.kube.delete("Secret", stage.namespace, "twins")
    stage.credentials("twins", "issue.twin", stage.client("issue.twin"))
    one.until(lambda: len(stage.login.requests("issue.twin")) == 2, "another request")
    other = stage.token("other-hash", credentials=False, credentialsSecretRef=ref).until_ready()

    after = other.secret()
    assert before is not None
    assert after is not None
    key = "integrationtoken.dev/grant-hash"
    assert before["metadata"]["annotations"][key] == after["metadata"]["annotations"][key]


def test_status_shows_everything(stage: Stage) -> None:
    """The status has the target, the times, the scopes, and four conditions with their generation."""
    token = stage.token("told", policy=Policy(lifetime=1000, lead=100), scopes=["read"]).until_ready()

    resource = token.document()
    status = resource["status"]
    issued, expires, renews = (_seconds(status[f"{name}Time"]) for name in ("issue", "expiration", "renewal"))
    assert status["targetName"] == "told"
    assert status["scope"] == ["read"]
    assert status["observedGeneration"] == resource["metadata"]["generation"] == 1
    assert status["lifetimeSeconds"] == 1000
    assert 999 <= expires - issued <= 1000
    assert 239 <= expires - renews <= 241
    assert "lastHandledRenewRequest" not in status
    conditions = {condition["type"]: condition for condition in status["conditions"]}
    assert [(kind, c["status"], c["reason"]) for kind, c in conditions.items()] == [
        ("Ready", "True", "TokenValid"),
        ("Refreshed", "True", "Refreshed"),
        ("Stalled", "False", "Progressing"),
        ("RolloverTooLate", "Unknown", "RolloverUnknown"),
    ]
    assert conditions["Ready"]["message"] == f"the token is valid until {status['expirationTime']}"
    assert {c["observedGeneration"] for c in conditions.values()} == {1}
    assert token.data()["expires_at"] == status["expirationTime"]


def test_event_reports_the_first_token(stage: Stage) -> None:
    """The first token causes one Normal event from the operator."""
    token = stage.token("eventful").until_ready()

    (message,) = token.until_event("Issued")
    assert re.fullmatch(r"Secret eventful holds a token that is valid for 3[56]\d\d s", message)
    (event,) = [e for e in stage.kube.list("Event", stage.namespace) if e["involvedObject"]["name"] == "eventful"]
    assert event["type"] == "Normal"
    assert event["source"]["component"] == event["reportingComponent"] == "integration-token-operator"
    assert event["involvedObject"]["uid"] == token.document()["metadata"]["uid"]


def test_template_adds_data_labels_and_annotations(stage: Stage) -> None:
    """The template's placeholders are filled in once, and what only looks like one stays."""
    template = {
        "metadata": {"labels": {"team": "shop"}, "annotations": {"example.com/contact": "shop@example.com"}},
        "data": {
            "config.ini": "[api]\ntoken=${token}\ntype=${token_type}\nuntil=${expires_at}\n",
            "header": "Authorization: ${authorization}",
            "scopes": "${scope}",
            "as-it-is": "$token ${HOME} $${scope} ${token",
        },
    }
    token = stage.token("templated", target={"name": "templated-token", "template": template}, scopes=["read", "write"])
    token.until_ready()

    secret, data = token.secret(), token.data()
    (minted,) = token.minted()
    assert secret is not None
    assert secret["metadata"]["labels"] == {"team": "shop", TARGET_LABEL: "templated"}
    assert secret["metadata"]["annotations"]["example.com/contact"] == "shop@example.com"
    assert data["config.ini"] == f"[api]\ntoken={minted}\ntype=Bearer\nuntil={data['expires_at']}\n"
    assert data["header"] == f"Authorization: Bearer {minted}"
    assert data["scopes"] == "read write"
    assert data["as-it-is"] == "$token ${HOME} $read write ${token"
    assert stage.kube.find("Secret", stage.namespace, "templated") is None


@pytest.mark.parametrize("method", ["ClientSecretPost", "ClientSecretBasic"])
@pytest.mark.parametrize("encoding", ["JSON", "Form"])
def test_every_encoding_and_method_reaches_the_endpoint(stage: Stage, encoding: str, method: str) -> None:
    """Client IDs and secrets with any characters arrive unchanged, in both encodings and with both methods."""
    name = f"{encoding}-{method}".lower()
    parameters = {"tenant": "a & b=c", "grüße": "+%20"}
    stage.endpoint(name, requestEncoding=encoding, clientAuthenticationMethod=method, parameters=parameters)

    token = stage.token(name, client_id=f'{name}: %2B+/"ü', endpoint=name, scopes=["read", "write"]).until_ready()

    (record,) = token.requests()
    assert record.audience == "https://api.example"
    assert record.scopes == ("read", "write")
    (minted,) = [minted for minted in stage.login.endpoint.issuer if minted.grant.client_id == token.client_id]
    assert dict(minted.grant.parameters) == parameters


def test_audience_of_the_token_overrides_the_endpoints(stage: Stage) -> None:
    """spec.audience takes precedence over the endpoint's."""
    token = stage.token("other-api", audience="https://other.example").until_ready()

    assert [record.audience for record in token.requests()] == ["https://other.example"]


def test_client_keys_can_be_named(stage: Stage) -> None:
    """The credentials Secret's keys can have other names."""
    secret = stage.client("issue.named-keys")
    data = {"user": "issue.named-keys", "password": secret}
    stage.secret("other-keys", data, labels={"integrationtoken.dev/credentials": "true"})
    ref = {"name": "other-keys", "clientIDKey": "user", "clientSecretKey": "password"}

    stage.token("named-keys", secret=secret, credentials=False, credentialsSecretRef=ref).until_ready()


def test_https_with_a_ca_bundle(stage: Stage, ledger: Ledger) -> None:
    """An endpoint with a private CA works with caBundle; without it, or under another name, it is TLSFailed."""
    tls, misnamed = Login(tls=True), Login(tls=True, certificate_name="login.example")
    ledger.endpoints += [tls.endpoint, misnamed.endpoint]
    with tls.endpoint, misnamed.endpoint:
        trusting = Stage(stage.kube, ledger, tls, stage.namespace, endpoint=False)
        other = Stage(stage.kube, ledger, misnamed, stage.namespace, endpoint=False)
        trusting.endpoint("trusted", caBundle=tls.endpoint.ca_pem)
        trusting.endpoint("untrusted")
        other.endpoint("misnamed", caBundle=misnamed.endpoint.ca_pem)
        trusting.endpoint("plain", tokenURL=stage.login.endpoint.url.replace("http:", "https:"))
        good = trusting.token("trusted", endpoint="trusted")
        bad = {name: trusting.token(name, endpoint=name) for name in ("untrusted", "misnamed", "plain")}

        good.until_ready()
        said = {name: token.until_failing("TLSFailed")["message"] for name, token in bad.items()}
        assert [record.status for record in tls.endpoint.log] == [200]
        assert not misnamed.endpoint.log

    assert "is not trusted" in said["untrusted"]
    assert "set caBundle of the endpoint" in said["untrusted"]
    assert "is not trusted" in said["misnamed"]
    assert "set spec.tokenURL to a name in the certificate" in said["misnamed"]
    assert "points to an https port" in said["plain"]


def test_cluster_endpoint_serves_every_namespace(stage: Stage) -> None:
    """A ClusterTokenEndpoint without a selector serves tokens in any namespace."""
    stage.endpoint("everywhere", kind="ClusterTokenEndpoint")

    stage.token("from-cluster", kind="ClusterTokenEndpoint", endpoint="everywhere").until_ready()


def test_endpoints_tell_whether_they_can_be_used(stage: Stage) -> None:
    """Endpoints of both kinds have a Ready condition of their own, before any token is requested."""

    def ready(kind: str, namespace: str, name: str) -> tuple[str, str, int]:
        found = stage.kube.get(kind, namespace, name)
        status = found.get("status", {})
        for condition in status.get("conditions", []):
            if status["observedGeneration"] == found["metadata"]["generation"]:
                return condition["status"], condition["reason"], condition["observedGeneration"]
        return "", "", 0

    def until(kind: str, namespace: str, name: str, state: tuple[str, str, int]) -> None:
        token = stage.token(f"asks-{name}", endpoint=name, kind=kind)
        token.until(lambda: ready(kind, namespace, name) == state, f"{kind} {name} to be {state}")

    broken = "-----BEGIN CERTIFICATE-----\nbm90IG9uZQ==\n-----END CERTIFICATE-----\n"
    stage.endpoint("good")
    stage.endpoint("good-cluster", kind="ClusterTokenEndpoint")
    stage.endpoint("bad-ca", caBundle=broken)

    until("TokenEndpoint", stage.namespace, "good", ("True", "Valid", 1))
    until("ClusterTokenEndpoint", "", "good-cluster", ("True", "Valid", 1))
    until("TokenEndpoint", stage.namespace, "bad-ca", ("False", "InvalidCABundle", 1))
    stage.kube.patch("TokenEndpoint", stage.namespace, "bad-ca", {"spec": {"caBundle": ""}})
    until_mended = lambda: ready("TokenEndpoint", stage.namespace, "bad-ca") == ("True", "Valid", 2)  # noqa: E731
    stage.token("waits").until(until_mended, "the mended endpoint to be Ready")


def test_kubectl_prints_the_columns_and_waits(stage: Stage, plane: ControlPlane) -> None:
    """`kubectl get itok` and `kubectl wait` show and wait for what a user wants to know."""
    token = stage.token("listed")
    inside = f"--namespace={stage.namespace}"

    waited = plane.kubectl("wait", "itok", "listed", inside, "--for=condition=Ready", f"--timeout={SOON:.0f}s")
    assert waited == "integrationtoken.integrationtoken.dev/listed condition met\n"

    head, line = plane.kubectl("get", "itok", "listed", inside).splitlines()
    assert head.split() == ["NAME", "READY", "STATUS", "SECRET", "EXPIRES", "RENEWS", "AGE"]
    status = token.status()
    times = [status["expirationTime"], status["renewalTime"]]
    assert line.split()[:6] == ["listed", "True", "Refreshed", "listed", *times]

    head, line = plane.kubectl("get", "itok", "listed", inside, "--output=wide").splitlines()
    assert head.split()[7:] == ["ENDPOINT", "MESSAGE"]
    assert line.split()[7] == "login"
