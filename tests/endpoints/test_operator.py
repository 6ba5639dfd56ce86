"""The operator, on a real control plane, gets tokens from servers written by others."""

import json
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor, wait
from contextlib import closing
from typing import TYPE_CHECKING

import pytest

from tests.apiserver.canary import PIECE, Canary
from tests.apiserver.kube import Kube
from tests.apiserver.ledger import Ledger
from tests.apiserver.operator import Operator, usual
from tests.cluster import etcd
from tests.cluster.plane import ControlPlane
from tests.endpoints import case, federation, trial
from tests.endpoints.authlib import Authlib
from tests.endpoints.conftest import Start
from tests.endpoints.keycloak import Keycloak
from tests.endpoints.oidc_provider import OIDCProvider
from tests.endpoints.server import Answer, TokenServer
from tests.endpoints.site import RENEWALS, Site

if TYPE_CHECKING:
    from tests.endpoints.case import Result

QUICK: tuple[type[TokenServer], ...] = (Keycloak, OIDCProvider, Authlib)
"""The servers that every test run starts."""

Results = dict[str, dict[str, "Future[Result]"]]
"""By server and case."""


@pytest.fixture(scope="module")
def ledger() -> Ledger:
    """What the operator leaves behind."""
    return Ledger()


@pytest.fixture(scope="module")
def operator(plane: ControlPlane, ledger: Ledger) -> Iterator[Operator]:
    """Run like the chart's Deployment."""
    with usual(plane, *federation.values(plane, *QUICK), ledger=ledger) as running:
        yield running


@pytest.fixture(scope="module")
def results(plane: ControlPlane, operator: Operator, start: Start) -> Iterator[Results]:
    """All of them start at once."""
    servers = [start(kind) for kind in QUICK]
    kube = Kube(plane)
    with ThreadPoolExecutor(max_workers=96) as pool:
        yield {server.name: case.begin(pool, Site(kube, server)) for server in servers}
    kube.close()


@pytest.mark.parametrize(("server", "name"), [(kind.name, each) for kind in QUICK for each in case.cases(kind)])
def test_the_case_goes_well(results: Results, server: str, name: str) -> None:
    """See case.py for what each of them is."""
    failure = results[server][name].result().failure
    if failure is not None:
        raise failure


def test_a_namespace_without_any_secret_costs_one_token_request_at_each_side(
    results: Results, plane: ControlPlane, operator: Operator
) -> None:
    """Each token request costs one TokenRequest at the API server and one write; only the target Secret exists."""
    namespace = f"{Keycloak.name}-renew-{federation.METHOD.lower()}"
    results[Keycloak.name][f"{federation.METHOD}, renewals"].result()
    calls = Counter(
        (event["verb"], event["objectRef"].get("subresource", ""), event["objectRef"]["resource"])
        for event in plane.audit_events()
        if event["user"]["username"] == operator.installation.user
        and event.get("objectRef", {}).get("namespace") == namespace
    )
    assert calls["create", "token", "serviceaccounts"] == 1 + RENEWALS
    assert (calls["create", "", "secrets"], calls["update", "", "secrets"]) == (1, RENEWALS)
    kube = Kube(plane)
    assert [secret["metadata"]["name"] for secret in kube.list("Secret", namespace)] == ["shop"]
    kube.close()


def test_no_secret_stands_anywhere_but_where_its_owner_put_it(
    results: Results, plane: ControlPlane, operator: Operator, start: Start, ledger: Ledger
) -> None:
    """No client secret, private key, assertion or token appears anywhere else.

    That covers the operator's debug log, metrics, command line and environment, events and statuses, the API server's
    audit log, and every version of every object in etcd. Only target Secrets hold access tokens, and nothing more.
    """
    for futures in results.values():
        wait(futures.values())
    servers = [start(kind) for kind in QUICK]
    issued = {token for server in servers for token in server.issued()}
    # Shorter ones are made up: a case sends them to be refused.
    sent = {secret for server in servers for secret in server.sent() if len(secret) >= PIECE}
    with closing(Kube(plane)) as kube:
        kept = [each for each in kube.list("Secret") if each["metadata"]["name"] == trial.CREDENTIALS]
        owned = set[str]().union(*map(trial.secrets, kept))
        texts = operator.traces() | kube.texts() | ledger.seen
    held = {
        f"{number} {key}": value.decode("latin-1") for number, (key, value) in enumerate(etcd.versions(plane.directory))
    }
    targets = {name for name in held if name.endswith("/shop") and "/registry/secrets/" in name}
    credentials = {name for name in held if name.endswith(f"/{trial.CREDENTIALS}") and "/registry/secrets/" in name}
    written = {token for token in issued if any(token in held[name] for name in targets)}
    assert len(written) > len(QUICK) * RENEWALS
    assert len(owned) > len(QUICK)

    texts |= {operator.log.name: operator.log.read_text(), "audit log": json.dumps(plane.audit_events())}
    assert "asking the endpoint" in texts[operator.log.name], "the log is at level debug"
    texts |= {name: held[name] for name in held.keys() - targets - credentials}
    assert Canary(ledger.secrets | sent | issued | owned).leaks(texts) == []
    # Some claims of an assertion are also in the token issued for it.
    proofs = owned | {each.rpartition(".")[2] for each in sent}
    assert Canary(proofs).leaks({name: held[name] for name in targets}) == []


def test_a_restart_asks_no_server_for_anything(results: Results, operator: Operator, start: Start) -> None:
    """The stored tokens are valid, whoever issued them."""
    for futures in results.values():
        for future in futures.values():
            future.result()

    def requests() -> list[tuple[Answer, ...]]:
        return [start(kind).requests(name) for kind in QUICK for name in ("wrong", "issue-clientsecretpost")]

    before = requests()
    operator.restart()
    assert requests() == before
