"""Pods in five languages: the API accepts their tokens, even when the token is renewed while they run."""

from collections.abc import Callable, Iterator

import pytest

from tests.apiserver.stage import Login, Stage, Token
from tests.cluster.plane import ControlPlane
from tests.fakes.api import EnvironmentAPI
from tests.fakes.call import Call, Verdict
from tests.node.consumer import COMMANDS, CURL, Consumer

PATIENCE = 60.0
"""Seconds: Java compiles its source before the first call, on a machine that may be busy."""


@pytest.fixture(scope="module")
def api(login: Login) -> Iterator[EnvironmentAPI]:
    """The API that knows the endpoint's tokens."""
    with EnvironmentAPI(login.endpoint.issuer) as api:
        yield api


@pytest.fixture(scope="module")
def token(stage: Stage) -> Token:
    """The token that all consumers mount, delivered to their files at once."""
    target = {"template": {"data": {"curl.conf": CURL}}}
    return stage.token("shop", target=target, mountRefresh="Always").until_ready()


class Watch:
    """Watches the calls from now on."""

    def __init__(self, api: EnvironmentAPI, consumers: list[Consumer]) -> None:
        """Waits for nothing yet."""
        self._api = api
        self._consumers = consumers
        self._begin = len(api.calls)

    def until_each(self, condition: Callable[[list[Call]], bool], what: str) -> None:
        """Waits until each language's new calls meet the condition."""

        def enough(calls: tuple[Call, ...]) -> bool:
            by_consumer: dict[str, list[Call]] = {name: [] for name in COMMANDS}
            for call in calls[self._begin :]:
                by_consumer[call.consumer].append(call)
            return all(map(condition, by_consumer.values()))

        try:
            self._api.wait_for(enough, PATIENCE)
        except TimeoutError:
            logs = {consumer.name: consumer.log() for consumer in self._consumers}
            raise AssertionError(f"not every consumer {what}: {logs}") from None

    def until_token(self, serial: int) -> None:
        """Waits until each language has called with that token, the endpoint's n-th."""
        self.until_each(lambda calls: any(call.serial == serial for call in calls), f"called with token {serial}")

    def until_calls(self, count: int) -> None:
        """Waits until each language has called this many times."""
        self.until_each(lambda calls: len(calls) >= count, f"called {count} times")

    def assert_accepted(self) -> None:
        """No call was rejected."""
        assert {call.verdict for call in self._api.calls[self._begin :]} == {Verdict.ACCEPTED}


@pytest.fixture(scope="module")
def consumers(plane: ControlPlane, stage: Stage, token: Token, api: EnvironmentAPI) -> Iterator[list[Consumer]]:
    """One in each language, all of them calling."""
    consumers = [Consumer(plane, stage.namespace, name, name, token.target, api.url(name)) for name in COMMANDS]
    Watch(api, consumers).until_calls(1)
    yield consumers
    # Before the API stops: none may be connecting at that moment.
    plane.kubectl("delete", "pods", "--all", f"--namespace={stage.namespace}")


@pytest.fixture
def watch(api: EnvironmentAPI, consumers: list[Consumer]) -> Watch:
    """From the beginning of the test."""
    return Watch(api, consumers)


def _renew(token: Token) -> int:
    """Has it renewed, although the old one is valid for long; returns the new one's number."""
    held = token.held
    token.stage.login.endpoint.roll_over(token.client_id)
    token.request_poll()
    token.until(lambda: token.held != held, "a new token")
    minted = token.stage.login.endpoint.issuer.find(token.held)
    assert minted is not None
    return minted.serial


def test_renewal(watch: Watch, token: Token) -> None:
    """Each uses a renewed token at once, without a restart and without a rejected call."""
    serial = _renew(token)
    watch.until_token(serial)
    watch.assert_accepted()


def test_kubelet_outage(watch: Watch, token: Token, plane: ControlPlane) -> None:
    """During a kubelet outage all continue with their token; afterwards they get what was renewed meanwhile."""
    plane.node.kill_kubelet()
    serial = _renew(token)
    watch.until_calls(20)
    plane.node.start_kubelet()
    watch.until_token(serial)
    watch.assert_accepted()
