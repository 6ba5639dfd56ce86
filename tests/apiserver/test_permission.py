"""Missing permissions of the operator's account are reported by verb and resource, and work as soon as granted.

An operator for one namespace runs on the second plane, and the tests change its Role.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final

import httpx
import pytest

from tests.apiserver.kube import Kube
from tests.apiserver.ledger import Ledger
from tests.apiserver.operator import Installation, Operator
from tests.apiserver.stage import Login, Stage
from tests.cluster.plane import ControlPlane
from tests.cluster.poll import poll

RELEASE: Final = "humble-operator"
ROLE: Final = f"{RELEASE}-integration-token-operator"

GRANTED: Final = 15.0
"""Seconds from the grant to its effect: retries are at most a few seconds apart by then."""


class Humble:
    """An operator, and its Role."""

    def __init__(self, operator: Operator, stage: Stage) -> None:
        """The Role is the chart's."""
        self.operator = operator
        self.stage = stage

    @contextmanager
    def without(self, verb: str, resource: str) -> Iterator[None]:
        """Within the block, the Role doesn't grant the verb on the resource."""
        kube, namespace = self.stage.kube, self.stage.namespace
        rules = kube.get("Role", namespace, ROLE)["rules"]
        less = [
            {**rule, "verbs": [one for one in rule["verbs"] if one != verb]} if resource in rule["resources"] else rule
            for rule in rules
        ]
        assert less != rules
        kube.patch("Role", namespace, ROLE, {"rules": [rule for rule in less if rule["verbs"]]})
        try:
            yield
        finally:
            kube.patch("Role", namespace, ROLE, {"rules": rules})

    def until_told(self, text: str) -> None:
        """`/readyz` says so, and isn't ready."""

        def told() -> bool:
            answer = self.operator.probe("/readyz")
            return answer.status_code == httpx.codes.SERVICE_UNAVAILABLE and text in answer.text

        poll(told, f"/readyz to tell {text}", GRANTED)

    def until_ready(self) -> None:
        """`/readyz` is ready."""
        poll(lambda: self.operator.probe("/readyz").is_success, "it to be ready again", GRANTED)

    def log(self) -> str:
        """The operator's log."""
        return self.operator.log.read_text()


@pytest.fixture(scope="module")
def stage(other_kube: Kube, ledger: Ledger, login: Login) -> Stage:
    """The namespace."""
    return Stage(other_kube, ledger, login, "humble")


@pytest.fixture(scope="module")
def humble(other_plane: ControlPlane, ledger: Ledger, stage: Stage) -> Iterator[Humble]:
    """The operator, ready."""
    values = ["crds.enabled=false", "endpoints.insecure=true", f"namespaces={{{stage.namespace}}}"]
    with Operator(Installation(other_plane, RELEASE, *values), ledger) as running:
        yield Humble(running, stage)


def test_call_that_is_refused_is_reported_until_it_is_granted(humble: Humble) -> None:
    """Others are served while some resources need the refused write, and no restart is needed."""
    kept = humble.stage.token("kept").until_ready()
    with humble.without("create", "secrets"):
        refused = humble.stage.token("refused")
        refused.until_failing("WriteFailed")
        humble.until_told("not permitted: create secrets in humble")
        assert 'verb="create" resource="secrets" namespace="humble"' in humble.log()
        kept.edit_secret(stringData={"extra": "x"})
        kept.until(lambda: "extra" not in kept.data(), "the repair")

    refused.until_ready(GRANTED)
    humble.until_ready()
    assert len(refused.requests()) <= 5


def test_event_that_is_refused_is_reported(humble: Humble) -> None:
    """It harms no token, so nothing else would show it."""
    with humble.without("create", "events"):
        humble.stage.token("untold").until_ready()
        humble.until_told("not permitted: create events in humble")
    humble.until_ready()
    humble.stage.token("told").until_event("Issued")


def test_watch_that_is_refused_is_reported_and_what_it_missed_is_found(humble: Humble) -> None:
    """kopf ends if it may not watch, without saying why. Once it may, the same process watches again.

    What was deleted meanwhile is forgotten.
    """
    pid = humble.operator.pid
    gone = humble.stage.token("gone").until_ready()
    with humble.without("watch", "integrationtokens"):
        humble.operator.restart()  # a granted watch lasts
        humble.until_told("cannot watch resource")
        pid = humble.operator.pid
        poll(lambda: 'name="gone"' in humble.operator.metrics(), "it to be known", GRANTED)
        gone.delete()

    humble.until_ready()
    poll(lambda: 'name="gone"' not in humble.operator.metrics(), "it to be forgotten", GRANTED)
    humble.stage.token("after").until_ready()
    assert humble.operator.pid == pid
    assert 'resource="integrationtokens"' in humble.log()
    assert "Traceback" not in humble.log()


def test_list_that_is_refused_is_reported(humble: Humble) -> None:
    """Including Secrets, without which nothing can be decided."""
    with humble.without("list", "secrets"):
        humble.operator.stop()
        humble.operator.start()
        poll(lambda: humble.operator.status("/healthz") == httpx.codes.OK, "it to be alive", GRANTED)
        humble.until_told("list secrets in humble")
    poll(lambda: humble.operator.probe("/readyz").is_success, "it to be ready", 2 * GRANTED)
