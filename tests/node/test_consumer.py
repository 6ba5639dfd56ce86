"""Pods in five languages: what they send is what the API accepts, also when the token is renewed under them."""

from collections.abc import Callable, Iterator

import pytest

from tests.apiserver.stage import Login, Stage, Token
from tests.cluster.plane import ControlPlane
from tests.fakes.api import EnvironmentAPI
from tests.fakes.call import Call, Verdict
from tests.node.consumer import COMMANDS, Consumer
from tests.node.release import Release

CURL = 'header = "Authorization: ${authorization}"\n'
"""The file that curl reads."""

PATIENCE = 60.0
"""Seconds: Java compiles its source before it calls for the first time, on a machine that may be busy."""


@pytest.fixture(scope="module")
def api(login: Login) -> Iterator[EnvironmentAPI]:
    """The API that knows the endpoint's tokens."""
    with EnvironmentAPI(login.endpoint.issuer) as api:
        yield api


@pytest.fixture(scope="module")
def token(stage: Stage) -> Token:
    """The one that all consumers mount."""
    return stage.token("shop", target={"template": {"data": {"curl.conf": CURL}}}).until_ready()


class Watch:
    """Looks at the calls from now on."""

    def __init__(self, api: EnvironmentAPI, consumers: list[Consumer]) -> None:
        """Nothing is waited for yet."""
        self._api = api
        self._consumers = consumers
        self._begin = len(api.calls)

    def until_each(self, condition: Callable[[list[Call]], bool], what: str) -> None:
        """Wait until the new calls of every language fulfil the condition."""

        def enough(calls: tuple[Call, ...]) -> bool:
            by_consumer: dict[str, list[Call]] = {name: [] for name in COMMANDS}
            for call in calls[self._begin :]:
                by_consumer[call.consumer].append(call)
            return all(map(condition, by_consumer.values()))

        try:
            self._api.wait_for(enough, PATIENCE)
        except TimeoutError:
            logs = {name: consumer.log() for name, consumer in zip(COMMANDS, self._consumers, strict=True)}
            raise AssertionError(f"not every consumer {what}: {logs}") from None

    def until_token(self, serial: int) -> None:
        """Wait until every language has called with that token, the n-th of the endpoint."""
        self.until_each(lambda calls: any(call.serial == serial for call in calls), f"called with token {serial}")

    def until_calls(self, count: int) -> None:
        """Wait until every language has called so many times."""
        self.until_each(lambda calls: len(calls) >= count, f"called {count} times")

    def assert_accepted(self) -> None:
        """None was rejected."""
        assert {call.verdict for call in self._api.calls[self._begin :]} == {Verdict.ACCEPTED}


@pytest.fixture(scope="module")
def consumers(plane: ControlPlane, stage: Stage, token: Token, api: EnvironmentAPI) -> list[Consumer]:
    """One in each language, all of them calling."""
    consumers = [Consumer(plane, stage.namespace, name, token.target, api.url(name)) for name in COMMANDS]
    Watch(api, consumers).until_calls(1)
    return consumers


@pytest.fixture
def watch(api: EnvironmentAPI, consumers: list[Consumer]) -> Watch:
    """From the test's beginning on."""
    return Watch(api, consumers)


def _renew(token: Token) -> int:
    """Have it renewed, although the old one is valid for long; the new one's number."""
    held = token.held
    token.stage.login.endpoint.roll_over(token.client_id)
    token.request_poll()
    token.until(lambda: token.held != held, "a new token")
    return len(token.minted())


def test_renewal(watch: Watch, consumers: list[Consumer], token: Token) -> None:
    """Each uses a renewed token once the kubelet has brought it, without a restart and without a rejected call."""
    serial = _renew(token)
    for consumer in consumers:
        consumer.annotate()
    watch.until_token(serial)
    watch.assert_accepted()


def test_kubelet_outage(watch: Watch, token: Token, plane: ControlPlane) -> None:
    """While the kubelet is away, all go on with the token they have; once it is back, they get what came meanwhile."""
    plane.node.kill_kubelet()
    serial = _renew(token)
    watch.until_calls(20)
    plane.node.start_kubelet()
    watch.until_token(serial)
    watch.assert_accepted()


def test_api_server_outage(watch: Watch, token: Token, plane: ControlPlane, release: Release) -> None:
    """While the API server is away nothing is restarted, not even the operator, which renews as before afterwards."""
    plane.stop_api_server()
    watch.until_calls(100)
    plane.start_api_server()
    held = token.held
    token.stage.login.endpoint.roll_over(token.client_id)
    token.request_poll()
    token.until(lambda: token.held != held, "a new token", 60)
    watch.assert_accepted()
    assert release.restarts() == 0
