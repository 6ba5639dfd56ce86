"""What a token costs: writes, counted in the API server's audit log, and requests, counted at the endpoint."""

from collections import Counter
from collections.abc import Iterable

import pytest

from tests.apiserver.operator import Operator
from tests.apiserver.stage import Stage, Token
from tests.cluster.plane import ControlPlane
from tests.fakes import fault
from tests.fakes.issuer import Policy
from tests.fakes.record import Record

WRITES = {"create", "update", "patch", "delete", "deletecollection"}


class Audit:
    """The operator's writes in a namespace, and of cluster-wide objects, since the last check.

    Events are counted separately, as is the status of endpoints, which is written once for all tokens.
    """

    def __init__(self, plane: ControlPlane, operator: Operator, namespace: str) -> None:
        self._plane = plane
        self._user = operator.installation.user
        self._namespace = namespace
        self._seen = len(plane.audit_events())

    def writes(self) -> Counter[tuple[str, str, str]]:
        """How often there was each verb, resource (with its subresource), and name."""
        events = self._plane.audit_events()
        new, self._seen = events[self._seen :], len(events)
        return Counter(
            (event["verb"], "/".join(filter(None, (ref["resource"], ref.get("subresource")))), ref.get("name", ""))
            for event in new
            if event["user"]["username"] == self._user and event["verb"] in WRITES
            for ref in [event["objectRef"]]
            if ref["resource"] not in {"events", "tokenendpoints"}
            and ref.get("namespace", self._namespace) == self._namespace
        )


@pytest.fixture
def audit(plane: ControlPlane, operator: Operator, stage: Stage) -> Audit:
    """Counts from the beginning of the test."""
    return Audit(plane, operator, stage.namespace)


@pytest.fixture(scope="module", autouse=True)
def learning(learner: Token) -> Token:
    """Started first, so that something has been learned when the operator is restarted."""
    return learner


def most_in_a_minute(records: Iterable[Record]) -> int:
    """The most requests in any 60 s."""
    times = sorted(record.received for record in records)
    return max((sum(start <= time < start + 60 for time in times) for start in times), default=0)


def test_first_token_costs_two_writes(stage: Stage, audit: Audit) -> None:
    """Issuing a token takes one create of the Secret and one patch of the status, and nothing else."""
    tokens = [stage.token(f"first-{number}") for number in range(3)]
    for token in tokens:
        token.until_ready()
        token.until_event("Issued")

    expected = Counter({("create", "secrets", token.name): 1 for token in tokens})
    expected.update({("patch", "integrationtokens/status", token.name): 1 for token in tokens})
    assert audit.writes() == expected


def test_renewal_costs_two_writes_and_a_poll_none(stage: Stage, audit: Audit) -> None:
    """A renewal is one update and one patch; a poll that returns the same token causes no write and no event."""
    # The early one rolls over before its window of 5 s opens, the late one between the two polls of its window of 7 s.
    early = stage.token("early", policy=Policy(lifetime=10, lead=6))
    late = stage.token("late", policy=Policy(lifetime=14, lead=4), renewBefore="7s")
    for token, renewals in (late, 1), (early, 2):
        token.until_event("Renewed", renewals, seconds=30)
        token.patch(suspend=True)
        token.until_condition("Refreshed", "False", "Suspended")

    writes = audit.writes()

    for token in (early, late):
        renewals = len(token.minted()) - 1
        # The late one's old token was returned once, seconds before it expired.
        told = "RolloverTooLate" if token is late else "LifetimeTooShort"
        assert sorted(token.events()) == sorted(["Issued", told, *["Renewed"] * renewals])
        assert writes["create", "secrets", token.name] == 1
        assert writes["update", "secrets", token.name] == renewals
        # One for each token, and one for the suspension.
        assert writes["patch", "integrationtokens/status", token.name] == renewals + 2
    assert len(early.requests()) == len(early.minted())
    assert len(late.requests()) == 2 * len(late.minted()) - 1
    assert sum(writes.values()) == 2 * (len(early.minted()) + len(late.minted())) + 2
    for token in (early, late):
        token.delete()  # otherwise they would expire, and say so, while other tests count


def test_same_token_is_no_write(stage: Stage, audit: Audit) -> None:
    """A user's renewal request is recorded in the status; the Secret isn't written."""
    token = stage.token("same").until_ready()
    token.until_event("Issued")
    audit.writes()

    token.request_poll()
    token.until(lambda: token.status().get("lastHandledRenewRequest"), "the poll")

    assert audit.writes() == {("patch", "integrationtokens/status", "same"): 1}
    assert token.events() == ["Issued"]


def _all_states(stage: Stage) -> list[Token]:
    """Resources in every state in which they can stay, those with a good token first."""
    stage.endpoint("cluster-wide", kind="ClusterTokenEndpoint")
    good = [
        stage.token("good"),
        stage.token("good-cluster", kind="ClusterTokenEndpoint", endpoint="cluster-wide"),
        stage.token("good-retained", target={"deletionPolicy": "Retain", "template": {"data": {"a": "${token}"}}}),
        stage.token("good-bereft"),
        stage.token("good-suspended"),
    ]
    for token in good:
        token.until_ready()
    stage.kube.delete("Secret", stage.namespace, "good-bereft-credentials")
    good[3].until_condition("Refreshed", "False", "CredentialsNotFound")
    good[4].patch(suspend=True)
    good[4].until_condition("Refreshed", "False", "Suspended")
    stage.secret("foreign", {"token": "theirs"})
    stage.endpoint("bad-ca", caBundle="-----BEGIN CERTIFICATE-----\nbm90IG9uZQ==\n-----END CERTIFICATE-----\n")
    waiting = {
        "SecretNotOwned": stage.token("foreign"),
        "CredentialsNotFound": stage.token("no-credentials", credentials=False),
        "EndpointNotFound": stage.token("no-endpoint", endpoint="nowhere"),
        "InvalidCABundle": stage.token("bad-ca", endpoint="bad-ca"),
        "Suspended": stage.token("suspended", suspend=True),
    }
    for reason, token in waiting.items():
        token.until_failing(reason)
    return [*good, *waiting.values()]


def test_restart_costs_no_write_and_no_request(stage: Stage, operator: Operator, audit: Audit, learning: Token) -> None:
    """After a restart nothing is requested and nothing written, whatever state a resource is in."""
    tokens = _all_states(stage)
    learning.until(
        lambda: "rolloverLeadSeconds" in learning.status(), "a learned lead, for the tests that look later", 30
    )
    before = {token.name: (token.document(), token.secret()) for token in tokens}
    requests = {token.name: len(token.requests()) for token in tokens}
    audit.writes()

    operator.restart()

    def looked_at() -> bool:
        lines = operator.metrics().splitlines()
        label = f'name="good-suspended",namespace="{stage.namespace}"'
        alike = [line for line in lines if line.startswith("integration_token_expiration") and "good" in line]
        return any(label in line or "good-suspended" in line for line in alike) and not any(
            line.endswith(" 0.0") for line in alike
        )

    tokens[0].until(looked_at, "the good tokens to be looked at")
    # Whatever the restart causes has been done by then. One resource copies a token that was written before.
    stage.token("after-restart").until_ready()
    copy = stage.token("after-restart-copy", client_id=(good := tokens[0]).client_id, secret=good.client_secret)
    assert copy.until_ready().held == good.held
    writes = audit.writes()
    assert {key: count for key, count in writes.items() if not key[2].startswith("after-restart")} == {}
    assert {token.name: len(token.requests()) for token in tokens} == requests
    assert {token.name: (token.document(), token.secret()) for token in tokens} == before
    assert not any("Recovered" in token.events() for token in tokens)


def test_a_restart_does_not_report_a_failing_refresh_as_recovered(
    stage: Stage, operator: Operator, audit: Audit
) -> None:
    """A refresh that failed before a restart is still reported after it; a failing first token is requested again."""
    good = stage.token("still-failing").until_ready()
    good.fault(fault.status(403, "access_denied"))
    good.request_poll()
    good.until_condition("Refreshed", "False", "AccessDenied")
    none = stage.token("never-good", fault=fault.status(403, "access_denied"))
    none.until_failing("AccessDenied")
    before = good.status()
    audit.writes()

    operator.restart()
    none.until_requests(2)
    stage.token("after-another").until_ready()

    assert good.status() == before
    assert len(good.requests()) == 2
    assert {key for key in audit.writes() if key[2] != "after-another"} == set()
    good.mend()
    good.request_poll()
    good.until_condition("Refreshed", "True")
    good.until_event("Recovered")
    assert good.condition("Stalled")["status"] == "False"


def test_endpoints_rate_limit_is_kept(crowd: list[Token]) -> None:
    """Of 8 first tokens at 5 requests a minute, 5 come at once, and 3 report that they wait for the rate limit."""

    def states() -> Counter[tuple[str, str]]:
        return Counter((c.get("status", ""), c.get("reason", "")) for c in (token.condition() for token in crowd))

    wanted = {("True", "TokenValid"): 5, ("False", "RateLimited"): 3}
    crowd[0].until(lambda: states() == wanted, "5 tokens, and 3 that wait")
    waiting = [token for token in crowd if token.condition()["status"] == "False"]
    for token in waiting:
        assert token.condition("Refreshed")["reason"] == "RateLimited"
        assert token.condition("Stalled")["status"] == "False"
        assert "rate limit" in token.condition()["message"]
        assert not token.events()
    assert sum(len(token.requests()) for token in crowd) == 5
