"""The watches of different kinds have no common order: one may report a change later than another."""

import asyncio
from typing import Any

import pytest
from integration_token.api.names import INTEGRATION_TOKENS
from integration_token.cluster.page import essence
from integration_token.errors import Unavailable
from integration_token.workqueue.key import token_key

from tests.unit.world import NAMESPACE, World, play

Object = dict[str, Any]
SHOP = token_key(NAMESPACE, "shop")


class Lag:
    """Delays what the watch of IntegrationTokens reports; other kinds are reported at once."""

    def __init__(self, world: World) -> None:
        """Begins at once."""
        self._told = world.operator._changed
        self._held: list[tuple[str, str, Object]] = []
        self._over = False
        listeners = world.cluster.listeners
        listeners[:] = [self._hear if each == self._told else each for each in listeners]

    def _hear(self, plural: str, kind: str, body: Object) -> None:
        if plural == INTEGRATION_TOKENS and not self._over:
            self._held.append((plural, kind, body))
        else:
            self._told(plural, kind, body)

    def report_one(self) -> None:
        """Reports the oldest event."""
        self._told(*self._held.pop(0))

    def end(self) -> None:
        """Reports all, and from now on everything at once."""
        self._over = True
        while self._held:
            self.report_one()


@pytest.mark.parametrize("policy", ["Delete", "Retain"])
def test_a_resource_that_is_deleted_with_its_secret_gets_no_other_one(policy: str) -> None:
    """The Secret's deletion may be reported first: a token would be requested for nobody, and remain."""

    async def story(world: World) -> None:
        await world.begin(target={"deletionPolicy": policy})
        lag = Lag(world)
        world.cluster.remove(INTEGRATION_TOKENS, NAMESPACE, "shop")
        world.cluster.remove("secrets", NAMESPACE, "shop")
        await asyncio.sleep(1)
        lag.end()
        await asyncio.sleep(60)
        assert world.requests == 1
        assert world.cluster.find("secrets", NAMESPACE, "shop") is None

    play(story)


@pytest.mark.parametrize(("change", "requests"), [({"suspend": True}, 0), ({"audience": "another"}, 1)])
def test_a_resource_that_changes_with_its_credentials_is_seen_with_both(change: Object, requests: int) -> None:
    """As with one `kubectl apply` of both: nothing is requested with the new credentials and the old spec."""

    async def story(world: World) -> None:
        await world.begin()
        before = world.requests
        lag = Lag(world)
        world.integration(**change)
        world.clients["shop"] = "another"
        world.credentials(secret="another")
        await asyncio.sleep(1)
        lag.end()
        await asyncio.sleep(60)
        assert world.requests == before + requests

    play(story)


@pytest.mark.parametrize("change", ["spec", "wish"])
def test_a_change_that_a_pass_has_read_is_not_forgotten_for_an_earlier_report(change: str) -> None:
    """The pass that read it was cut short, and then the watch reports the resource as it was before, and as it is."""

    async def story(world: World) -> None:
        await world.begin(audience="one")
        lag = Lag(world)
        world.label("team", "shop")
        world.operator.inventory.let_go(SHOP)
        if change == "spec":
            world.integration(audience="two")
        else:
            world.request_renewal("now")
        world.cluster.before("get", INTEGRATION_TOKENS, lag.report_one)
        world.cluster.fail("get", "secrets", Unavailable("503"))
        world.credentials()
        await asyncio.sleep(60)
        lag.end()
        await asyncio.sleep(600)
        if change == "spec":
            assert world.status()["observedGeneration"] == 2
        else:
            assert world.status()["lastHandledRenewRequest"] == "now"

    play(story)


def test_a_large_resource_whose_spec_cannot_be_read_is_read_each_time(caplog: pytest.LogCaptureFixture) -> None:
    """The list that reported it last had left out its spec; no pass fails for that."""

    async def story(world: World) -> None:
        await world.begin()
        world.operator.deafen()

        def change(body: Object) -> None:
            body["spec"]["consumerDelay"] = "11m"
            body["metadata"]["generation"] += 1

        body = world.cluster.edit(INTEGRATION_TOKENS, NAMESPACE, "shop", change)
        world.operator.begin_list()
        world.operator._changed(INTEGRATION_TOKENS, "", {**essence(body), "cut": True})
        world.cluster.listeners.append(world.operator._changed)
        await asyncio.sleep(60)
        assert world.stalled == ("True", "InvalidSpec")
        world.credentials()
        await asyncio.sleep(3600)
        assert world.stalled == ("True", "InvalidSpec")
        assert "work failed unexpectedly" not in caplog.messages

    play(story)
