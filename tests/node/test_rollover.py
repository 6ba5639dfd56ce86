"""What the API sees of short-lived tokens in mounted files through rollovers and outages: the promise to consumers.

The figures are printed for pods whose mount is refreshed, in five languages, for pods that wait for the kubelet, and
for a pod that needs no client secret.
"""

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from functools import partial
from statistics import median
from typing import TYPE_CHECKING, Any

import pytest

from tests.apiserver.stage import Login, Stage, Token
from tests.cluster.plane import ControlPlane
from tests.cluster.poll import poll
from tests.fakes.api import EnvironmentAPI
from tests.fakes.call import Call, Verdict, gaps, switches
from tests.fakes.issuer import Policy
from tests.fakes.record import Outcome
from tests.node.consumer import COMMANDS, CURL, Consumer
from tests.node.delay import delays
from tests.node.federation import HOUR, LIFETIME, NAMESPACE, RENEWALS, STATUS, Federation
from tests.node.release import USER, Release

if TYPE_CHECKING:
    from concurrent.futures import Future

ROLLOVERS = 3
"""Rollovers of each token that each pod with a refreshed mount sees."""

OUTAGE = 100
"""Calls of each pod during an outage: 10 s, or longer."""


@dataclass(frozen=True)
class Case:
    """One token, and the pods that mount it."""

    name: str
    policy: Policy
    refreshed: bool
    renew_before: str | None = "30s"
    """None for the default."""

    @property
    def languages(self) -> list[str]:
        """If the kubelet decides, the language makes no difference: three pods show how delays vary."""
        return list(COMMANDS) if self.refreshed else ["go"] * 3

    @property
    def consumers(self) -> dict[str, str]:
        """Language by the pod's name."""
        return {f"{self.name}-{number}-{name}": name for number, name in enumerate(self.languages)}

    def __str__(self) -> str:
        how = "with mountRefresh" if self.refreshed else "by the kubelet alone"
        if not self.policy.cached:
            return f"{self.policy.lifetime:.0f} s, a token for each request, {how}"
        return f"lead {self.policy.lead:.0f} s of {self.policy.lifetime:.0f} s, {how}"


EARLY, LATE = Policy(lifetime=60, lead=30), Policy(lifetime=30, lead=0)
CASES = [
    Case("early", EARLY, refreshed=True),
    Case("late", LATE, refreshed=True),
    Case("early-alone", EARLY, refreshed=False),
    Case("late-alone", LATE, refreshed=False),
]

MINUTES = Case("minutes", Policy(lifetime=300, cached=False), refreshed=False, renew_before=None)
"""The lifetime of Keycloak's tokens, and the operator's renewal of them, by default."""


class World:
    """Tokens, pods and the API."""

    def __init__(self, plane: ControlPlane, stage: Stage, api: EnvironmentAPI) -> None:
        """All pods call when this returns."""
        self.api = api
        self.plane = plane
        self.tokens: dict[str, Token] = {}
        self.consumers: list[Consumer] = []
        for case in [MINUTES, *CASES]:
            spec: dict[str, Any] = {} if case.renew_before is None else {"renewBefore": case.renew_before}
            target = {"template": {"data": {"curl.conf": CURL}}}
            refresh = "Auto" if case.refreshed else "Never"
            token = stage.token(case.name, policy=case.policy, target=target, mountRefresh=refresh, **spec)
            token.until_ready()
            self.tokens[case.name] = token
            for name, language in case.consumers.items():
                self.consumers.append(Consumer(plane, stage.namespace, name, language, token.target, api.url(name)))
        names = {consumer.name for consumer in self.consumers}
        poll(lambda: {call.consumer for call in api.calls} == names, "every pod to call", 120)

    def calls(self, case: Case, since: int = 0) -> list[Call]:
        """The calls of a case's pods, starting from that number."""
        names = case.consumers
        return [call for call in self.api.calls[since:] if call.consumer in names]

    def await_rollovers(self, count: int, *cases: Case) -> None:
        """Waits until each token was renewed this many more times, and is used by every pod that gets it at once."""
        begin = len(self.api.calls)
        wanted = {case: self._minted(case) + count for case in cases}
        seconds = 60 + count * max(case.policy.lifetime for case in cases)
        poll(lambda: all(self._minted(case) >= least for case, least in wanted.items()), "rollovers", seconds)
        for case in cases:
            if case.refreshed:
                poll(partial(self._in_use, case, begin, count), f"{case} to be in use")

    def _minted(self, case: Case) -> int:
        return sum(record.outcome is Outcome.MINTED for record in self.tokens[case.name].requests())

    def _in_use(self, case: Case, begin: int, count: int) -> bool:
        changed = Counter(switch.consumer for switch in switches(self.calls(case, begin)))
        return all(changed[name] >= count for name in case.consumers)


@pytest.fixture(scope="module")
def world(plane: ControlPlane, stage: Stage, login: Login) -> Iterator[World]:
    """The module's."""
    with EnvironmentAPI(login.endpoint.issuer) as api:
        world = World(plane, stage, api)
        yield world
        # Before the API stops: none may be connecting at that moment.
        plane.kubectl("delete", "integrationtokens,pods", "--all", f"--namespace={stage.namespace}")


def _summary(case: Case, calls: list[Call], found: list[float]) -> str:
    rejected = [call.expired_for for call in calls if call.verdict is not Verdict.ACCEPTED]
    late = f", {median(rejected):.2f} s after expiry (p50), {max(rejected):.2f} s (max)" if rejected else ""
    seen = f"in use {median(found):.2f} s after the write (p50), {max(found):.2f} s (max)" if found else "none seen"
    return f"{case}: {len(found)} renewals, {seen}; {len(rejected)} of {len(calls)} calls rejected{late}"


def test_rollovers(world: World, capsys: pytest.CaptureFixture[str]) -> None:
    """With a lead of 30 s no call is rejected; without a lead none later than 1 s after expiry."""
    begin = len(world.api.calls)
    world.await_rollovers(ROLLOVERS, *CASES)
    seen = {case.name: world.calls(case, begin) for case in CASES}
    with capsys.disabled():
        print()
        for case in CASES:
            print(_summary(case, seen[case.name], delays(world.plane, world.tokens[case.name], seen[case.name])))

    assert {call.verdict for call in seen["early"]} == {Verdict.ACCEPTED}
    assert {call.verdict for call in seen["late"]} <= {Verdict.ACCEPTED, Verdict.EXPIRED}
    assert max(call.expired_for for call in seen["late"]) <= 1.0


def test_an_hour_without_a_secret(
    federation: "Future[Federation]", plane: ControlPlane, capsys: pytest.CaptureFixture[str]
) -> None:
    """Keycloak's tokens of 5 min, sped up: no call uses an expired token, and each token is in the mounted file.

    A renewal is one TokenRequest, one token request and two writes, without the like for anything else.
    """
    running = federation.result()
    poll(lambda: len(switches(running.api.calls)) >= RENEWALS, f"{RENEWALS} renewals", 2 * HOUR)
    secrets = [secret["metadata"]["name"] for secret in running.trial.kube.list("Secret", NAMESPACE)]
    running.end()

    calls, answers, writes = running.api.calls, running.answers(), running.writes()
    seen = switches(calls)
    expired = sum(gap.seconds for gap in gaps(calls))
    with capsys.disabled():
        left = min(switch.left for switch in seen)
        print(f"\nwithout a secret, {LIFETIME} s: {len(seen)} renewals, {left:.1f} s before expiry or sooner;", end=" ")
        print(f"{expired:.1f} s with an expired token, {len(calls)} calls")
    assert expired == 0
    assert {call.verdict for call in calls} == {Verdict.ACCEPTED}
    used = {call.expires for call in calls if call.expires is not None}
    assert used == {expires for expires in running.expiries() if expires >= min(used)}

    assert set(answers) == {200}
    touched = writes.pop("patch pods")
    assert len(seen) <= touched < len(answers)
    assert writes == {
        "create serviceaccounts/token": len(answers),
        "create secrets": 1,
        "update secrets": len(answers) - 1,
        STATUS: len(answers),
        "patch tokenendpoints/status": 1,
    }
    own = [event.get("objectRef", {}) for event in plane.audit_events() if event["user"]["username"] == USER]
    assert {about["namespace"] for about in own if about.get("subresource") == "token"} == {NAMESPACE}
    read = [about for about in own if (about.get("resource"), about.get("namespace")) == ("secrets", NAMESPACE)]
    assert {about.get("name") for about in read} == {"shop"}
    assert secrets == ["shop"]


def test_outages(world: World, release: Release) -> None:
    """If the lead covers it, no outage of kubelet or API server, nor the operator's sudden end, makes a call fail.

    Nothing restarts because of the outages.
    """
    early = CASES[0]
    begin = len(world.api.calls)

    def until_calls() -> None:
        """Waits for the outage's length."""
        wanted = len(world.api.calls) + OUTAGE * len(world.consumers)
        poll(lambda: len(world.api.calls) >= wanted, "the pods to go on calling")

    world.plane.node.kill_kubelet()
    until_calls()
    world.plane.node.start_kubelet()
    world.plane.stop_api_server()
    until_calls()
    world.plane.start_api_server()
    restarts = release.restarts()
    release.kill()
    world.await_rollovers(2, early)

    assert restarts == 0
    calls = world.calls(early, begin)
    assert {switch.consumer for switch in switches(calls)} == set(early.consumers)
    assert {call.verdict for call in calls} == {Verdict.ACCEPTED}


def test_five_minutes(world: World, capsys: pytest.CaptureFixture[str]) -> None:
    """The kubelet alone delivers the next 5 min token to each mounted file before the first one expires.

    Each of the outages above came in between.
    """
    token = world.tokens[MINUTES.name]
    first = next(iter(token.requests())).expires
    assert first is not None
    poll(
        lambda: {switch.consumer for switch in switches(world.calls(MINUTES))} == set(MINUTES.consumers),
        "the next token in each file",
        MINUTES.policy.lifetime,
    )
    calls = world.calls(MINUTES)
    with capsys.disabled():
        print()
        print(_summary(MINUTES, calls, delays(world.plane, token, calls)))

    assert max(switch.time for switch in switches(calls)) < first
    assert {call.verdict for call in calls} == {Verdict.ACCEPTED}
