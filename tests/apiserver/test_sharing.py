"""One grant, one request, with the API server's watches between the resources; unit tests cover the rules."""

import itertools
from typing import Any

import pytest
from integration_token.api.value import parse_time
from prometheus_client.parser import text_string_to_metric_families

from tests.apiserver.kube import Kube
from tests.apiserver.ledger import Ledger
from tests.apiserver.operator import Operator
from tests.apiserver.stage import Login, Stage, Token

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
    """A ClusterTokenEndpoint, and a client that resources in several namespaces share."""

    def __init__(self, stage: Stage, operator: Operator, **spec: Any) -> None:
        """Creates the endpoint, and registers the client."""
        self.name = f"sharing-{next(_NUMBERS)}"
        self._login = stage.login
        self._operator = operator
        self.secret = stage.client(self.name)
        stage.endpoint(self.name, kind=CLUSTER, **spec)

    def token(self, stage: Stage, name: str, **spec: Any) -> Token:
        """A resource of the shared grant, with its own credentials Secret."""
        return stage.token(
            f"{self.name}-{name}", client_id=self.name, secret=self.secret, kind=CLUSTER, endpoint=self.name, **spec
        )

    @property
    def requests(self) -> int:
        """How many requests the endpoint got."""
        return len(self._login.requests(self.name))

    def saved(self) -> float:
        """How many requests the operator says that it saved, for this endpoint."""
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


def _times(token: Token) -> dict[str, Any]:
    """The token's times in the status."""
    return {key: token.status()[key] for key in ("issueTime", "expirationTime", "lifetimeSeconds", "scope")}


def _until_renewed(token: Token) -> None:
    token.until(lambda: token.held == token.minted()[-1] != token.minted()[0], "the newest token")


def test_one_request_serves_all_resources_of_a_grant(stage: Stage, market: Stage, shared: Shared) -> None:
    """Three resources in two namespaces get one token by one request, now and at the renewal, and each reports it.

    A later resource copies it with its times. A metric counts the saved requests.
    """
    tokens = [shared.token(stage, "one"), shared.token(stage, "two"), shared.token(market, "three")]
    for token in tokens:
        token.until_ready()

    assert shared.requests == 1
    assert {token.held for token in tokens} == set(tokens[0].minted())
    assert all(_times(token) == _times(tokens[0]) for token in tokens)
    assert len({token.data()["expires_at"] for token in tokens}) == 1
    assert all(token.until_event("Issued") and token.events() == ["Issued"] for token in tokens)
    assert shared.saved() == 2
    stage.login.endpoint.roll_over(shared.name)

    tokens[0].request_poll()

    for token in tokens:
        _until_renewed(token)
        token.until_event("Renewed")
        token.until_ready()
    late = shared.token(market, "late", target={"template": {"data": {"header": "is ${authorization}"}}}).until_ready()
    assert late.data()["header"] == f"is Bearer {tokens[0].held}"
    assert _times(late) == _times(tokens[0])
    assert shared.requests == 2
    assert shared.saved() == 5


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


@pytest.mark.parametrize("what", FORGED)
def test_forged_secret_deceives_no_other_namespace(stage: Stage, market: Stage, shared: Shared, what: str) -> None:
    """Imitating the operator's writes to a target affects neither token nor expiry in another namespace."""
    forger = shared.token(market, "forger").until_ready()
    genuine, expires = forger.held, forger.status()["expirationTime"]

    forger.forge(**FORGED[what])
    forger.request_poll()
    forger.until(lambda: "lastHandledRenewRequest" in forger.status(), "an answer to the wish")
    late = shared.token(stage, "late").until_ready()

    assert late.held == genuine
    assert abs(parse_time(late.status()["expirationTime"]) - parse_time(expires)) < 2
