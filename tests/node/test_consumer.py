"""Pods in five languages: what they send is what the API accepts, also when the token is renewed under them."""

from collections.abc import Iterator

import pytest

from tests.apiserver.stage import Login, Stage, Token
from tests.cluster.plane import ControlPlane
from tests.fakes.api import EnvironmentAPI
from tests.fakes.call import Call, Verdict
from tests.node.consumer import COMMANDS, Consumer

CURL = 'header = "Authorization: ${authorization}"\n'
"""The file that curl reads."""

BEGUN = 60.0
"""Seconds until every consumer calls: Java compiles its source first, on a machine that may be busy."""


@pytest.fixture(scope="module")
def api(login: Login) -> Iterator[EnvironmentAPI]:
    """The API that knows the endpoint's tokens."""
    with EnvironmentAPI(login.endpoint.issuer) as api:
        yield api


@pytest.fixture(scope="module")
def token(stage: Stage) -> Token:
    """The one that all consumers mount."""
    return stage.token("shop", target={"template": {"data": {"curl.conf": CURL}}}).until_ready()


@pytest.fixture(scope="module")
def consumers(plane: ControlPlane, stage: Stage, token: Token, api: EnvironmentAPI) -> list[Consumer]:
    """One in each language, all of them calling."""
    consumers = [Consumer(plane, stage.namespace, name, token.target, api.url(name)) for name in COMMANDS]
    _wait(api, 1, consumers)
    return consumers


def _wait(api: EnvironmentAPI, serial: int, consumers: list[Consumer]) -> tuple[Call, ...]:
    """The calls, once every language has called with that token, the n-th of the endpoint, or a later one."""

    def enough(calls: tuple[Call, ...]) -> bool:
        return {call.consumer for call in calls if (call.serial or 0) >= serial} == set(COMMANDS)

    try:
        return api.wait_for(enough, BEGUN)
    except TimeoutError:
        logs = {name: consumer.log() for name, consumer in zip(COMMANDS, consumers, strict=True)}
        raise AssertionError(f"not every consumer called with token {serial}: {logs}") from None


def test_renewal(consumers: list[Consumer], token: Token, api: EnvironmentAPI) -> None:
    """Each uses a renewed token once the kubelet has brought it, without a restart and without a rejected call."""
    held = token.held
    token.stage.login.endpoint.roll_over(token.client_id)
    token.request_poll()
    token.until(lambda: token.held != held, "a new token")
    for consumer in consumers:
        consumer.annotate()
    serial = len(token.minted())
    calls = _wait(api, serial, consumers)
    assert {call.verdict for call in calls} == {Verdict.ACCEPTED}
