"""A cluster that several installations divide by namespace, as when one leader can't handle it all.

They use the second plane: the first plane's operator serves all namespaces.
"""

from collections.abc import Iterator
from contextlib import ExitStack

import pytest

from tests.apiserver.kube import Kube
from tests.apiserver.ledger import Ledger
from tests.apiserver.operator import Installation, Operator
from tests.apiserver.stage import SOON, Login, Stage, Token
from tests.cluster.plane import ControlPlane
from tests.cluster.poll import poll

NAMESPACES = ("north", "middle", "south")


class Split:
    """Two installations, each with its own Lease, and a token in each namespace."""

    def __init__(self, plane: ControlPlane, ledger: Ledger, tokens: dict[str, Token]) -> None:
        self.tokens = tokens
        self._plane = plane
        self._ledger = ledger
        self._stack = ExitStack()

    def divide(self, **served: tuple[str, ...]) -> dict[str, Operator]:
        """Installs or upgrades both for those namespaces, and returns their operators once each has seen its own."""
        self.stop()
        operators = {}
        for release, namespaces in served.items():
            values = ("crds.enabled=false", "endpoints.insecure=true", f"namespaces={{{','.join(namespaces)}}}")
            installation = Installation(self._plane, release, "replicas=2", *values)
            operators[release] = operator = Operator(installation, self._ledger, f"--lease-namespace={release}")
            operator.start()
            self._stack.callback(operator.stop)
        for operator in operators.values():
            operator.await_ready()
        poll(
            lambda: all(serving(operator) == set(served[release]) for release, operator in operators.items()),
            "each to serve its namespaces",
            SOON,
        )
        return operators

    def stop(self) -> None:
        """Stops the operators."""
        self._stack.close()

    def writers(self, namespace: str) -> list[str]:
        """The releases whose accounts wrote the namespace's Secret or status, in order, from the audit log."""
        accounts = [
            event["user"]["username"].split(":")[2]
            for event in self._plane.audit_events()
            if event["verb"] in {"create", "update", "patch"}
            and event["user"]["username"].startswith("system:serviceaccount:")
            and event.get("objectRef", {}).get("namespace") == namespace
            and event["objectRef"]["resource"] in {"secrets", "integrationtokens"}
        ]
        return [account for account in accounts if account in ("upper", "lower")]


def serving(operator: Operator) -> set[str]:
    """The namespaces whose tokens an operator reports as ready."""
    return {namespace for namespace in NAMESPACES if ready(namespace) in operator.metrics()}


def ready(namespace: str) -> str:
    """The line of the metrics."""
    return f'integration_token_ready_status{{namespace="{namespace}",name="shop"}} 1.0'


@pytest.fixture(scope="module")
def split(other_plane: ControlPlane, other_kube: Kube, ledger: Ledger, login: Login) -> Iterator[Split]:
    """Installs nothing yet."""
    tokens = {name: Stage(other_kube, ledger, login, name).token("shop") for name in NAMESPACES}
    split = Split(other_plane, ledger, tokens)
    yield split
    split.stop()


def test_each_installation_serves_its_namespaces_alone_and_a_namespace_can_move(split: Split) -> None:
    """Both lead their own namespaces; one that moves costs no request and no write, and is renewed by the other."""
    upper, lower = split.divide(upper=("north", "middle"), lower=("south",)).values()
    assert (serving(upper), serving(lower)) == ({"north", "middle"}, {"south"})
    assert upper.leads
    assert lower.leads
    writers = {name: split.writers(name) for name in NAMESPACES}
    assert writers == {"north": ["upper"] * 2, "middle": ["upper"] * 2, "south": ["lower"] * 2}

    upper, lower = split.divide(upper=("north",), lower=("middle", "south")).values()
    assert (serving(upper), serving(lower)) == ({"north"}, {"middle", "south"})
    assert {name: split.writers(name) for name in NAMESPACES} == writers
    assert {len(token.requests()) for token in split.tokens.values()} == {1}

    moved = split.tokens["middle"]
    moved.stage.login.endpoint.roll_over(moved.client_id)
    moved.request_poll()
    moved.until(lambda: moved.data()["token"] == moved.minted()[-1] != moved.minted()[0], "the renewal")
    moved.until(lambda: split.writers("middle")[2:] == ["lower"] * 2, "the other installation's writes")
