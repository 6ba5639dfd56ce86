"""One grant, one request: what resources with the same credentials share, and what nobody else gets."""

import itertools
from typing import Any

import pytest
from integration_token.api.value import parse_time
from prometheus_client.parser import text_string_to_metric_families

from tests.apiserver.kube import Kube
from tests.apiserver.ledger import Ledger
from tests.apiserver.operator import Operator
from tests.apiserver.stage import REPAIR, Login, Stage, Token
from tests.fakes.issuer import Policy
from tests.fakes.record import Outcome

CLUSTER = "ClusterTokenEndpoint"
SELECTOR = {"matchLabels": {"shared": "yes"}}

FORGED: dict[str, dict[str, Any]] = {
    "its token": {"token": "made-up"},
    "its expiry": {"expires": parse_time("2077-01-01T00:00:00Z")},
}

_NUMBERS = itertools.count(1)


@pytest.fixture(scope="module")
def market(kube: Kube, ledger: Ledger, login: Login, operator: Operator) -> Stage:
    """Another namespace."""
    return Stage(kube, ledger, login, "sharing-market")


class Shared:
    """A ClusterTokenEndpoint, and a client that resources in several namespaces have in common."""

    def __init__(self, stage: Stage, operator: Operator, policy: Policy | None = None, **spec: Any) -> None:
        """Creates the endpoint, and makes the client known to it."""
        self.name = f"sharing-{next(_NUMBERS)}"
        self._login = stage.login
        self._operator = operator
        self.secret = stage.client(self.name, policy=policy)
        stage.endpoint(self.name, kind=CLUSTER, **spec)

    def token(self, stage: Stage, name: str, **spec: Any) -> Token:
        """A resource of the shared grant, with a credentials Secret of its own."""
        return stage.token(
            f"{self.name}-{name}", client_id=self.name, secret=self.secret, kind=CLUSTER, endpoint=self.name, **spec
        )

    @property
    def requests(self) -> int:
        """How many the endpoint got."""
        return len(self._login.requests(self.name))

    def saved(self) -> float:
        """How many the operator says that it saved, for this endpoint."""
        families = text_string_to_metric_families(self._operator.metrics())
        return sum(
            sample.value
            for family in families
            for sample in family.samples
            if sample.name == "integration_token_requests_saved_total"
            and sample.labels == {"kind": CLUSTER, "namespace": "", "endpoint": self.name}
        )


@pytest.fixture
def shared(stage: Stage, operator: Operator) -> Shared:
    """For all namespaces."""
    return Shared(stage, operator)


@pytest.fixture(scope="module", autouse=True)
def quick(stage: Stage, market: Stage, operator: Operator) -> list[Token]:
    """Three sharers of a token of 10 s, begun before all else."""
    shared = Shared(stage, operator, Policy(lifetime=10, lead=4))
    return [shared.token(stage, "one"), shared.token(stage, "two"), shared.token(market, "three")]


def _times(token: Token) -> dict[str, Any]:
    """What status tells of the token that is held."""
    return {key: token.status()[key] for key in ("issueTime", "expirationTime", "lifetimeSeconds", "scope")}


def _until_renewed(token: Token) -> None:
    token.until(lambda: token.held == token.minted()[-1] != token.minted()[0], "the newest token")


def _until_repaired(token: Token, held: str) -> None:
    token.until(lambda: token.held == held, "the token to be back", REPAIR)


def test_one_request_serves_all_resources_of_a_grant(stage: Stage, market: Stage, shared: Shared) -> None:
    """Three resources in two namespaces, created together, get one token by one request, and a metric says so."""
    tokens = [shared.token(stage, "one"), shared.token(stage, "two"), shared.token(market, "three")]
    for token in tokens:
        token.until_ready()

    assert shared.requests == 1
    assert {token.held for token in tokens} == set(tokens[0].minted())
    assert all(_times(token) == _times(tokens[0]) for token in tokens)
    assert len({token.data()["expires_at"] for token in tokens}) == 1
    assert all(token.until_event("Issued") and token.events() == ["Issued"] for token in tokens)
    assert shared.saved() == 2


def test_late_comer_copies(stage: Stage, market: Stage, shared: Shared) -> None:
    """Who comes later gets the token that another holds, with its times, and the endpoint is not asked."""
    first = shared.token(stage, "first").until_ready()

    late = shared.token(market, "late", target={"template": {"data": {"header": "is ${authorization}"}}}).until_ready()

    assert late.held == first.held
    assert late.data()["header"] == f"is Bearer {first.held}"
    assert _times(late) == _times(first)
    assert shared.requests == 1
    assert shared.saved() == 1


def test_renewal_of_one_reaches_all(stage: Stage, market: Stage, shared: Shared) -> None:
    """A new token that one asked for is copied by the others at once, each of them saying so."""
    tokens = [shared.token(stage, "one"), shared.token(stage, "two"), shared.token(market, "three")]
    for token in tokens:
        token.until_ready()
    stage.login.endpoint.roll_over(shared.name)

    tokens[0].request_poll()

    for token in tokens:
        _until_renewed(token)
        token.until_event("Renewed")
        token.until_ready()
    assert shared.requests == 2
    assert shared.saved() == 4


def test_deleted_target_is_repaired_by_a_copy(stage: Stage, market: Stage, shared: Shared) -> None:
    """Whichever of the Secrets is deleted or forged comes again from another one, and nothing is asked for."""
    tokens = [shared.token(stage, "one").until_ready(), shared.token(market, "two").until_ready()]
    held = tokens[0].held

    for token in tokens:
        token.kube.delete("Secret", token.namespace, token.target)
        _until_repaired(token, held)
        token.edit_secret(stringData={"token": "made-up", "authorization": "Bearer made-up"})
        _until_repaired(token, held)

    assert all(token.until_ready().held == held for token in tokens)
    assert shared.requests == 1


def test_token_endpoint_is_not_shared_with_another_namespace(stage: Stage, market: Stage, operator: Operator) -> None:
    """Two TokenEndpoints that look alike are asked apart, for the same client; within each namespace one is enough."""
    secret = stage.client("sharing.apart")
    stage.endpoint("apart")
    market.endpoint("apart")

    tokens = [
        place.token(f"apart-{number}", client_id="sharing.apart", secret=secret, endpoint="apart")
        for place in (stage, market)
        for number in (1, 2)
    ]

    assert len({token.until_ready().held for token in tokens}) == 1, "the endpoint itself caches by client"
    assert len(stage.login.requests("sharing.apart")) == 2


def test_namespace_that_is_no_longer_selected_gets_no_copy(stage: Stage, market: Stage, operator: Operator) -> None:
    """Its Secret stays as it is, with NotAllowed, while the others are renewed; selected again, it copies."""
    for place in (stage, market):
        stage.kube.patch("Namespace", "", place.namespace, {"metadata": {"labels": {"shared": "yes"}}})
    shared = Shared(stage, operator, namespaceSelector=SELECTOR)
    stays, leaves = (shared.token(place, "token").until_ready() for place in (stage, market))
    assert shared.requests == 1
    before = leaves.secret()

    stage.kube.patch("Namespace", "", market.namespace, {"metadata": {"labels": {"shared": "no"}}})
    leaves.until_failing("NotAllowed")
    stage.login.endpoint.roll_over(shared.name)
    stays.request_poll()
    _until_renewed(stays)
    late = shared.token(market, "late")
    late.until_failing("NotAllowed")

    assert late.secret() is None
    assert leaves.secret() == before
    stage.kube.patch("Namespace", "", market.namespace, {"metadata": {"labels": {"shared": "yes"}}})
    for token in (leaves, late):
        token.until_ready()
        assert token.held == stays.held
    assert shared.requests == 2


def test_new_secret_costs_one_request_for_all(stage: Stage, market: Stage, shared: Shared) -> None:
    """Credentials that are rotated in several Secrets are sent once; each resource says that they prove nothing yet."""
    tokens = [shared.token(stage, "one"), shared.token(stage, "two"), shared.token(market, "three")]
    held = {token.until_ready().held for token in tokens}
    secret = stage.client(shared.name)

    for token in tokens:
        token.set_credentials(client_secret=secret)

    for token in tokens:
        token.until_event("CredentialsNotVerified")
        token.until_ready()
    assert {token.held for token in tokens} == held
    assert [record.outcome for record in tokens[0].requests()] == [Outcome.MINTED, Outcome.REPEATED]
    assert shared.saved() == 4


def test_who_has_another_secret_gets_no_token(stage: Stage, market: Stage, shared: Shared) -> None:
    """The client ID alone is not enough: a guess is sent to the endpoint, refused, and brings nothing."""
    holder = shared.token(stage, "holder").until_ready()
    thief = shared.token(market, "thief", credentials=False)

    market.credentials(thief.credentials, shared.name, market.ledger.odd_secret())

    thief.until_failing("AccessDenied")
    assert thief.secret() is None
    assert [record.outcome for record in holder.requests()] == [Outcome.MINTED, Outcome.REJECTED]
    assert shared.saved() == 0
    holder.until_ready()


@pytest.mark.parametrize("what", FORGED)
def test_forged_secret_deceives_no_other_namespace(stage: Stage, market: Stage, shared: Shared, what: str) -> None:
    """Who writes to a target as if they were the operator chooses neither token nor expiry for another namespace."""
    forger = shared.token(market, "forger").until_ready()
    genuine, expires = forger.held, forger.status()["expirationTime"]

    forger.forge(**FORGED[what])
    forger.request_poll()
    forger.until(lambda: "lastHandledRenewRequest" in forger.status(), "an answer to the wish")
    late = shared.token(stage, "late").until_ready()

    assert late.held == genuine
    assert abs(parse_time(late.status()["expirationTime"]) - parse_time(expires)) < 2


def test_refusal_is_shared_as_well(stage: Stage, market: Stage, shared: Shared) -> None:
    """A wrong secret that several resources have is sent once, and all of them say what came of it."""
    wrong = stage.ledger.odd_secret()
    tokens = [shared.token(place, f"wrong-{place.namespace}", credentials=False) for place in (stage, market)]
    for token in tokens:
        token.stage.credentials(token.credentials, shared.name, wrong)

    messages = {token.until_failing("AccessDenied")["message"] for token in tokens}

    assert len(messages) == 1
    assert shared.requests == 1


def test_renewal_in_time_costs_one_request_for_all(quick: list[Token]) -> None:
    """Tokens of 10 s that three resources share: one request for each, and no Secret is left behind."""
    for token in quick:
        token.until_event("Renewed", 2, seconds=30)
    records = quick[0].requests()

    assert {record.outcome for record in records} == {Outcome.MINTED}
    for token in quick:
        _until_renewed(token)
        token.delete()
