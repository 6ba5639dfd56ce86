"""Two replicas and one Lease: one works, the other stands by, whatever happens to either of them.

These tests use the second plane, whose API server may be stopped.
"""

import os
import signal
import time
from collections.abc import Iterator
from contextlib import suppress
from functools import partial
from typing import Final

import httpx
import pytest
from integration_token.runtime.loop_watch import REMEMBERED

from tests.apiserver.kube import Document, Kube
from tests.apiserver.ledger import Ledger
from tests.apiserver.operator import Installation, Operator
from tests.apiserver.stage import SOON, Login, Stage, Token
from tests.cluster.plane import ControlPlane
from tests.cluster.poll import poll
from tests.fakes.fault import slow
from tests.fakes.issuer import Policy

RELEASE: Final = "pair-operator"
LEASE: Final = f"{RELEASE}-integration-token-operator"

RELEASED: Final = 3.0
"""Seconds until another replica leads and works after an orderly shutdown of the leader."""
FAILED: Final = 20.0
"""Seconds until another replica leads and works after the leader is killed."""
DEADLINE: Final = 10.0
"""Seconds after which a leader that can't renew its Lease stops."""
DURATION: Final = 15.0
"""Seconds after which another replica takes it over."""


class Pair:
    """Two replicas of one installation."""

    def __init__(self, installation: Installation, ledger: Ledger, kube: Kube) -> None:
        """Starts neither."""
        flags = f"--lease-namespace={RELEASE}"
        self.replicas = [Operator(installation, ledger, flags) for _ in range(2)]
        self._kube = kube

    def leader(self) -> Operator | None:
        """The one that leads; the test fails if both do."""
        leaders = [replica for replica in self.replicas if replica.leads]
        assert len(leaders) < 2
        return leaders[0] if leaders else None

    def until_led(self, seconds: float) -> tuple[Operator, Operator]:
        """The leader and the other, once one leads."""
        leader = poll(self.leader, "a leader", seconds)
        assert leader is not None  # poll has seen to it
        return leader, self.other(leader)

    def other(self, than: Operator) -> Operator:
        """The other replica."""
        (other,) = (replica for replica in self.replicas if replica is not than)
        return other

    def lease(self) -> Document:
        """The Lease's spec."""
        spec: Document = self._kube.get("Lease", RELEASE, LEASE)["spec"]
        return spec


@pytest.fixture(scope="module")
def stage(other_kube: Kube, ledger: Ledger, login: Login) -> Stage:
    """The namespace that both serve."""
    return Stage(other_kube, ledger, login, "pair")


@pytest.fixture(scope="module")
def pair(other_plane: ControlPlane, other_kube: Kube, ledger: Ledger, stage: Stage) -> Iterator[Pair]:
    """Both, ready."""
    values = ["crds.enabled=false", "endpoints.insecure=true", f"namespaces={{{stage.namespace}}}", "replicas=2"]
    pair = Pair(Installation(other_plane, RELEASE, *values), ledger, other_kube)
    for replica in pair.replicas:
        replica.start()
    try:
        for replica in pair.replicas:
            replica.await_ready()
        yield pair
    finally:
        for replica in pair.replicas:
            with suppress(ProcessLookupError):
                os.kill(replica.pid, signal.SIGCONT)
            replica.stop()


@pytest.fixture(scope="module")
def quiet(stage: Stage, pair: Pair) -> Token:
    """A token that needs no request for an hour, whichever replica leads."""
    pair.until_led(FAILED)
    return stage.token("quiet").until_ready()


def _damage(token: Token) -> None:
    """Somebody changes the Secret: a leader's next write corrects it."""
    token.edit_secret(stringData={"extra": "x"})


def _until_repaired(token: Token, seconds: float) -> None:
    token.until(lambda: "extra" not in token.data(), "the repair", seconds)


def _writes(plane: ControlPlane, name: str) -> list[tuple[str, str]]:
    """Verb and resource of every attempted write of the object or Secret with that name."""
    return [
        (event["verb"], ref["resource"])
        for event in plane.audit_events()
        for ref in [event.get("objectRef", {})]
        if ref.get("name") == name
        and event["verb"] in {"create", "update", "patch"}
        and event["user"]["username"].startswith("system:serviceaccount:")
    ]


def test_one_works_and_the_other_is_ready_to(pair: Pair, quiet: Token) -> None:
    """Both are ready; the Lease names the leader, and its work is done once."""
    leader, standby = pair.until_led(SOON)

    assert not standby.leads
    assert standby.probe("/readyz").is_success
    assert standby.probe("/healthz").is_success
    assert "quiet" in leader.metrics()
    assert "quiet" not in standby.metrics()
    assert pair.lease()["leaseDurationSeconds"] == DURATION
    assert len(quiet.requests()) == 1
    assert quiet.events() == ["Issued"]


def test_leader_that_ends_in_order_is_replaced_at_once(pair: Pair, quiet: Token) -> None:
    """It releases the Lease when it is done, and the other works a moment later; no token is requested."""
    leader, standby = pair.until_led(SOON)
    requests = len(quiet.requests())

    leader.stop()
    ended = time.monotonic()
    assert leader.exit_code == 0
    _damage(quiet)
    _until_repaired(quiet, RELEASED)

    assert time.monotonic() - ended < RELEASED
    assert standby.leads
    assert len(quiet.requests()) == requests
    leader.start()
    leader.await_ready()
    assert not leader.leads


def test_stopped_leader_does_nothing_when_it_goes_on(
    pair: Pair, stage: Stage, other_plane: ControlPlane, quiet: Token
) -> None:
    """Paused during a token request for longer than its Lease, it finds itself replaced.

    The response isn't written, and it stands by. For a moment it reports that it stalled.
    """
    leader, standby = pair.until_led(SOON)
    requests = len(quiet.requests())
    transitions = pair.lease()["leaseTransitions"]
    token = stage.token("stopped", fault=slow(2))
    token.until_requests(1)
    pid = leader.pid

    os.kill(pid, signal.SIGSTOP)
    try:
        token.mend()
        poll(lambda: standby.leads, "the other to lead", FAILED)
        token.until_ready()
        held = token.held
        version = token.document()["metadata"]["resourceVersion"]
        writes = _writes(other_plane, token.name)
    finally:
        os.kill(pid, signal.SIGCONT)

    assert "the event loop was blocked for" in leader.probe("/healthz").text
    poll(lambda: "no longer leading" in leader.log.read_text(), "it to notice", SOON)
    poll(partial(_ready, leader), "it to stand by", DEADLINE)
    _damage(quiet)
    _until_repaired(quiet, SOON)
    assert (leader.leads, standby.leads) == (False, True)
    assert leader.pid == pid
    assert token.held == held
    assert token.document()["metadata"]["resourceVersion"] == version
    assert _writes(other_plane, token.name) == writes
    assert writes.count(("create", "secrets")) == 1
    assert pair.lease()["leaseTransitions"] == transitions + 1
    assert len(quiet.requests()) == requests
    poll(partial(_healthy, leader), "it to be healthy again", REMEMBERED + 2)


def test_outage_longer_than_the_lease_is_survived(
    pair: Pair, stage: Stage, other_plane: ControlPlane, quiet: Token
) -> None:
    """Without an API server no replica leads; once it is back one does, and expired tokens are replaced.

    No process ends.
    """
    pids = [replica.pid for replica in pair.replicas]
    requests = len(quiet.requests())
    short = stage.token("short", policy=Policy(lifetime=8, lead=4)).until_ready()
    pair.until_led(SOON)

    other_plane.stop_api_server()
    over = time.monotonic() + DURATION + 1
    try:
        poll(lambda: pair.leader() is None, "the leader to stop", DEADLINE + 2)
        asked = len(short.requests())
        assert all(replica.probe("/healthz").is_success for replica in pair.replicas)
        poll(lambda: time.monotonic() > over, "the end of the outage", DURATION)
        assert pair.leader() is None
        assert len(short.requests()) == asked, "who doesn't lead asks for nothing"
    finally:
        other_plane.start_api_server()

    pair.until_led(DURATION)
    short.until(partial(_current, short), "a current token")
    _damage(quiet)
    _until_repaired(quiet, SOON)
    assert [replica.pid for replica in pair.replicas] == pids
    assert len(quiet.requests()) == requests
    for replica in pair.replicas:
        poll(partial(_ready, replica), "both to be ready", SOON)
        assert "Traceback" not in replica.log.read_text()
    short.delete()


def _healthy(replica: Operator) -> bool:
    return replica.status("/healthz") == httpx.codes.OK


def _ready(replica: Operator) -> bool:
    return replica.status("/readyz") == httpx.codes.OK


def _current(token: Token) -> bool:
    """Whether the endpoint considers the current token valid."""
    minted = token.stage.login.endpoint.issuer.find(token.held)
    return minted is not None and minted.expires > time.time()
