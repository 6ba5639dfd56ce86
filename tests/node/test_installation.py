"""The operator as a pod, from the shipped image and chart, through its release's life."""

import pytest

from tests.apiserver.kube import Kube
from tests.apiserver.stage import Stage, Token
from tests.node.release import Release

COUNT = 5
"""Tokens that exist from the beginning."""


@pytest.fixture(scope="module")
def tokens(stage: Stage) -> list[Token]:
    """Tokens that are ready."""
    tokens = [stage.token(f"token-{number}") for number in range(COUNT)]
    return [token.until_ready() for token in tokens]


class World:
    """What must not change while nothing is due."""

    def __init__(self, release: Release, tokens: list[Token]) -> None:
        self._release = release
        self._tokens = tokens
        self._before = self._state()

    def assert_unchanged(self) -> None:
        """No Secret was written, no token requested, and the operator wrote nothing at all."""
        self._release.await_tokens(self._tokens[0].namespace, COUNT)
        assert self._state() == self._before

    def _state(self) -> dict[str, object]:
        return {
            "secrets": [(token.secret() or {})["metadata"]["resourceVersion"] for token in self._tokens],
            "requests": len(self._tokens[0].stage.login.endpoint.log),
            "writes": self._release.writes(),
        }


def test_upgrade(release: Release, tokens: list[Token]) -> None:
    """`helm upgrade` with tokens in place loses none, requests none, and writes nothing."""
    world = World(release, tokens)
    old = release.pod()["metadata"]["uid"]
    release.upgrade("logging.level=debug")
    assert release.pod()["metadata"]["uid"] != old
    world.assert_unchanged()


def test_restart(release: Release, tokens: list[Token]) -> None:
    """Restarting the pod requests and writes nothing."""
    world = World(release, tokens)
    release.restart()
    world.assert_unchanged()


def test_kill(release: Release, tokens: list[Token]) -> None:
    """The kubelet restarts a killed operator, which requests and writes nothing."""
    world = World(release, tokens)
    release.kill()
    world.assert_unchanged()


def test_uninstall_and_reinstall(release: Release, tokens: list[Token], kube: Kube) -> None:
    """`helm uninstall` leaves CRDs, resources and Secrets.

    A reinstallation picks them up without a request, and renews them from then on.
    """
    world = World(release, tokens)
    release.uninstall()
    assert len(kube.list("CustomResourceDefinition")) == 3
    assert all(token.held for token in tokens)

    release.install()
    world.assert_unchanged()

    first, held = tokens[0], tokens[0].held
    first.stage.login.endpoint.roll_over(first.client_id)
    first.request_poll()
    first.until(lambda: first.held != held, "a new token")
    assert [token.minted()[-1] for token in tokens] == [token.held for token in tokens]
