"""The operator as a process: orderly and sudden ends, an unavailable API server, and refused writes.

An operator for one namespace runs on the second plane, and the tests may kill it.
"""

import os
import signal
import time
from collections.abc import Iterator
from functools import partial
from operator import itemgetter

import pytest

from tests.apiserver.kube import Kube
from tests.apiserver.ledger import Ledger
from tests.apiserver.operator import Installation, Operator
from tests.apiserver.quota import no_more_secrets
from tests.apiserver.stage import Login, Stage, Token
from tests.cluster.plane import ControlPlane
from tests.cluster.poll import poll
from tests.fakes.fault import slow
from tests.fakes.issuer import Policy
from tests.fakes.record import Outcome

OUTAGE = 13.0
"""Seconds without an API server: tokens expire meanwhile, and all retry delays have become long."""

BACK = 10.0
"""Seconds from its return to valid tokens."""

STOP = 10.0
"""Seconds from SIGTERM to the end, with a request of 2 s under way: a pod has 30."""


@pytest.fixture(scope="module")
def mortal(other_kube: Kube, ledger: Ledger, login: Login) -> Stage:
    """The namespace."""
    return Stage(other_kube, ledger, login, "mortal")


@pytest.fixture(scope="module")
def installation(other_plane: ControlPlane, mortal: Stage) -> Installation:
    """For that namespace only."""
    values = ["crds.enabled=false", "endpoints.insecure=true", f"namespaces={{{mortal.namespace}}}"]
    return Installation(other_plane, "mortal-operator", *values)


@pytest.fixture
def victim(installation: Installation, ledger: Ledger) -> Iterator[Operator]:
    """An operator of its own for each test, ready."""
    with Operator(installation, ledger) as running:
        yield running
    if running.exit_code is not None:
        assert running.exit_code in {0, -signal.SIGKILL}, running.process.last_words


def _await_time(moment: float) -> None:
    poll(lambda: time.monotonic() >= moment, "the moment", OUTAGE * 2)


def _await_end(operator: Operator) -> None:
    poll(lambda: not operator.process.running, "the process to end", STOP)


def test_sigterm_ends_what_is_under_way(victim: Operator, mortal: Stage) -> None:
    """A request under way at SIGTERM is answered, written and reported before the process exits with 0; none begins."""
    token = mortal.token("under-way", fault=slow(2))
    token.until_requests(1)

    begun = time.monotonic()
    victim.stop()

    assert victim.exit_code == 0
    assert time.monotonic() - begun < STOP
    assert token.held == token.minted()[0]
    assert token.condition()["status"] == "True"
    assert token.events() == ["Issued"]
    assert len(token.requests()) == 1


def test_signal_before_it_is_ready_ends_it_at_once(installation: Installation, ledger: Ledger) -> None:
    """A signal during startup ends it in order too, at whatever point."""
    started = []
    for number in (signal.SIGTERM, signal.SIGINT):
        for seconds in (0.5, 1.0, 1.5, 2.5):
            running = Operator(installation, ledger)
            running.start()
            started.append((time.monotonic() + seconds, number, running))
    for moment, number, running in sorted(started, key=itemgetter(0)):
        _await_time(moment)
        os.kill(running.pid, number)
    for _, number, running in started:
        _await_end(running)
        running.stop()
        # Before Python listens the system handles it; later it exits with 130 like any interrupted command, then in
        # order.
        assert running.exit_code in {-number, 130 if number is signal.SIGINT else 0, 0}, running.process.last_words
        # Ctrl-C in the first moments shows Python's own message.
        assert number is signal.SIGINT or "Traceback" not in running.log.read_text()


def test_kill_between_minting_and_writing_costs_one_more_request(victim: Operator, mortal: Stage) -> None:
    """Killed before it could write a response, the operator requests the same token once more after its restart."""
    token = mortal.token("orphaned-answer", fault=slow(5))
    token.until_requests(1)
    victim.kill()
    token.mend()
    assert token.secret() is None

    victim.start()

    token.until_ready()
    assert [record.outcome for record in token.requests()] == [Outcome.MINTED, Outcome.REPEATED]
    assert [token.held] == list(token.minted())
    assert token.until_event("Issued")


def test_kill_between_deleting_and_creating_costs_one_request(victim: Operator, mortal: Stage) -> None:
    """Killed between deleting the old Secret and creating the new one, it creates it after its restart.

    The token is the same as before.
    """
    token = mortal.token("retyped").until_ready()
    # So that the deletion takes as long as the test needs, and nothing can be created.
    token.edit_secret(metadata={"finalizers": ["example.com/hold"]})
    token.patch(target={"template": {"type": "kubernetes.io/basic-auth", "data": {"password": "${token}"}}})
    token.until(lambda: (token.secret() or {})["metadata"].get("deletionTimestamp"), "the deletion")
    victim.kill()
    token.edit_secret(metadata={"finalizers": None})
    assert token.secret() is None

    victim.start()

    token.until(lambda: (token.secret() or {}).get("type") == "kubernetes.io/basic-auth", "the Secret")
    token.until_ready()
    assert token.data()["password"] == token.held == token.minted()[0]
    assert [record.outcome for record in token.requests()] == [Outcome.MINTED, Outcome.REPEATED]


def test_what_changes_while_it_is_down_acts_at_its_start(victim: Operator, mortal: Stage) -> None:
    """Each missed change to Secrets and specs is found when the operator starts, at no other cost."""
    names = ("edited", "forged", "removed", "moved", "touched", "wished", "frozen", "respecified", "stays")
    tokens = {name: mortal.token(f"down-{name}", target={"name": f"{name}-1"}) for name in names}
    expired = mortal.token("down-expired", policy=Policy(lifetime=4, lead=0))
    for token in (*tokens.values(), expired):
        token.until_ready()
    end = time.monotonic() + 4
    victim.stop()
    tokens["edited"].edit_secret(stringData={"extra": "x"})
    tokens["forged"].edit_secret(stringData={"token": "made-up", "authorization": "Bearer made-up"})
    mortal.kube.delete("Secret", mortal.namespace, "removed-1")
    tokens["moved"].patch(target={"name": "moved-2"})
    tokens["moved"].target = "moved-2"
    tokens["touched"].set_credentials(unused="x")
    tokens["wished"].request_poll()
    tokens["frozen"].edit_secret(immutable=True)
    tokens["respecified"].patch(scopes=["read"])
    _await_time(end)

    victim.start()
    victim.await_ready()

    for token in tokens.values():
        token.until_condition("Refreshed", "True")
        token.until(partial(_newest, token), "a good token")
        token.until_ready()
    expired.until(partial(_current, expired), "a current token")
    assert "extra" not in tokens["edited"].data()
    assert mortal.kube.find("Secret", mortal.namespace, "moved-1") is None
    assert "immutable" not in (tokens["frozen"].secret() or {})
    tokens["wished"].until(lambda: tokens["wished"].status().get("lastHandledRenewRequest"), "the wish to be handled")
    asked = {name for name, token in tokens.items() if len(token.requests()) == 2}
    assert asked == {"forged", "removed", "touched", "wished", "respecified"}
    assert all(len(token.requests()) <= 2 for token in tokens.values())
    expired.delete()


def test_write_that_is_refused_is_reported(victim: Operator, mortal: Stage) -> None:
    """A quota that refuses the Secret is WriteFailed with the server's reason; once it is lifted, the token comes."""
    token, other = mortal.token("no-room"), mortal.token("no-room-either")
    for one in (token, other):
        one.until_ready()
    with no_more_secrets(mortal):
        mortal.kube.delete("Secret", mortal.namespace, token.name)
        message = token.until_failing("WriteFailed")["message"]
        assert "refused to write Secret no-room: " in message
        assert "exceeded quota: no-more-secrets" in message
        assert token.condition("Stalled")["status"] == "False"
        assert other.condition()["status"] == "True"
        victim.kill()
        count = len(token.requests())
    victim.start()

    token.until_ready()
    assert len(token.requests()) == count + 1
    assert token.held == token.minted()[-1]
    assert {record.outcome for record in token.requests()[1:]} == {Outcome.REPEATED}


def test_outage_of_the_api_server_is_survived(
    victim: Operator, mortal: Stage, other_plane: ControlPlane, installation: Installation, ledger: Ledger
) -> None:
    """Tokens that expire during an outage of the API server are renewed soon afterwards, by the same process."""
    pid = victim.pid
    quick = [mortal.token(f"quick-{lead}", policy=Policy(lifetime=12, lead=lead)) for lead in (0, 5)]
    long, failing = mortal.token("long"), mortal.token("failing-then", credentials=False)
    for token in (*quick, long):
        token.until_ready()
    failing.until_failing("CredentialsNotFound")
    requests = len(long.requests())

    other_plane.stop_api_server()
    over = time.monotonic() + OUTAGE
    late = Operator(installation, ledger)
    late.start()
    try:
        poll(lambda: late.status("/healthz") == 200, "a process that starts in the outage to be alive")
        assert late.probe("/readyz").status_code == 503
        assert victim.probe("/healthz").status_code == 200
        _await_time(over)
    finally:
        late.stop()
        other_plane.start_api_server()
    assert late.exit_code == 0

    mortal.credentials(failing.credentials, failing.client_id, mortal.login.clients[failing.client_id])
    for token in quick:
        token.until(partial(_current, token), "a current token", BACK)
        token.until_ready()
    failing.until_ready(BACK)
    long.edit_secret(stringData={"extra": "x"})
    long.until(lambda: "extra" not in long.data(), "the repair", BACK)
    assert victim.process.running
    assert victim.pid == pid
    assert len(long.requests()) == requests
    poll(lambda: victim.probe("/readyz").is_success, "it to be ready again")
    assert "Traceback" not in victim.log.read_text()
    assert "unexpectedly" not in victim.log.read_text()
    for token in quick:
        token.delete()


def _newest(token: Token) -> bool:
    """Whether the Secret has the last token that was minted."""
    return token.held == token.minted()[-1]


def _current(token: Token) -> bool:
    """Whether the endpoint considers the current token valid."""
    minted = token.stage.login.endpoint.issuer.find(token.held)
    return minted is not None and minted.expires > time.time()


def test_wrong_setting_is_one_line_and_exit_code_2(installation: Installation, ledger: Ledger) -> None:
    """An unusable flag ends the process with 2 and one line that names it."""
    running = Operator(installation, ledger, "--allowed-host=https://login.example")
    running.start()
    _await_end(running)
    running.stop()

    assert running.exit_code == 2
    (line,) = running.log.read_text().splitlines()
    assert line.startswith("integration-token-operator run: --allowed-host:")
