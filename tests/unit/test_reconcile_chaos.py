"""A few promises hold whatever happens in whatever order, and everything recovers soon after."""

import base64
import json
import random
from functools import partial
from typing import TYPE_CHECKING

import pytest
from integration_token.api.names import INTEGRATION_TOKENS, TARGET_LABEL
from integration_token.cluster.collection import Object
from integration_token.errors import Conflict, Denied, Unavailable

from tests.fakes import fault
from tests.fakes.issuer import Policy
from tests.unit.virtual import EPOCH
from tests.unit.world import NAMESPACE, SECRET, World, play, true_time

if TYPE_CHECKING:
    from collections.abc import Callable

FAULTS = [
    each
    for each in fault.CATALOGUE
    if each.name not in {"slow", "drip", "hang", "reset", "no HTTP", "truncated", "huge", "endless", "gzip bomb"}
    # These answers misstate the token's expiry, so nobody could know it.
    and each.name not in {"frozen", "expires_in 2^62", "expires_in missing", "expires_in null"}
]


def put(body: Object, data: dict[str, str]) -> None:
    """Puts values into a Secret."""
    body["data"].update(data)


def disturb(world: World, chance: random.Random) -> None:
    """Causes one disturbance."""
    verbs = [("get", "secrets"), ("replace", "secrets"), ("create", "secrets"), ("delete", "secrets")]
    verbs += [("get", INTEGRATION_TOKENS), ("patch status", INTEGRATION_TOKENS)]
    errors = [Conflict("409"), Denied("403 forbidden", status=403), Unavailable("503")]
    target = {"name": chance.choice(["shop", "shop-token", "shop-last"])}
    template = {"metadata": {"labels": {"n": str(chance.randrange(3))}}, "data": {"n": "${token}"}}
    spec: Object = chance.choice(
        [
            {},
            {"suspend": True},
            {"scopes": ["font:read"]},
            {"renewBefore": "1m"},
            {"target": target | {"template": template}},
        ]
    )
    ours = [
        name
        for (plural, _, name), body in world.cluster.objects.items()
        if plural == "secrets" and TARGET_LABEL in body["metadata"].get("labels", {})
    ]

    def damage() -> None:
        for name in ours:
            if chance.random() < 0.5:
                world.cluster.remove("secrets", NAMESPACE, name)
            else:
                data = chance.choice([{"token": "bWluZQ=="}, {"extra": "/w=="}, {"expires_at": "bWluZQ=="}])
                world.cluster.edit("secrets", NAMESPACE, name, partial(put, data=data))

    acts: list[Callable[[], object]] = [
        lambda: world.fault(chance.choice(FAULTS), count=chance.randrange(1, 20)),
        lambda: world.cluster.fail(*chance.choice(verbs), chance.choice(errors), count=chance.randrange(1, 8)),
        lambda: world.integration(**spec),
        lambda: world.request_renewal(str(chance.random())),
        lambda: world.label("n", str(chance.random())),
        lambda: world.credentials(secret=chance.choice([SECRET, "wrong secret of the shop"])),
        lambda: world.endpoint(timeout=f"{chance.randrange(5, 20)}s"),
        world.issuer.roll_over,
        lambda: setattr(world.client, "latency", chance.choice([0.0, 0.5, 3.0])),
        damage,
        world.mend,
    ]
    chance.choice(acts)()


def check(world: World, now: float) -> None:
    """What holds at every moment: Ready doesn't lie, and nothing reveals a secret."""
    status = world.status()
    # After refused calls, or while a response takes its time, nothing better is known yet.
    excused = world.cluster.failing or world.outage or world.refreshed[1] == "Forbidden"
    for condition in status.get("conditions", ()):
        if (condition["type"], condition["status"]) == ("Ready", "True"):
            secret = world.cluster.find("secrets", NAMESPACE, status["targetName"])
            if secret is None:
                continue  # just deleted
            held = world.issuer.find(base64.b64decode(secret["data"]["token"]).decode())
            assert held is None or held.expires > now - 5 or excused
    shown = json.dumps([status, world.cluster.events])
    assert SECRET not in shown
    for token in world.issuer:
        assert token.value not in shown


async def live(world: World, seed: int) -> None:
    """Half an hour of trouble with ten-minute tokens, then calm."""
    chance = random.Random(seed)  # noqa: S311  # not for secrets
    await world.begin()
    while true_time(world.clock) < EPOCH + 1800:
        disturb(world, chance)
        await world.until(true_time(world.clock) + chance.expovariate(1 / 20))
        check(world, true_time(world.clock))
        # What only a process knows, because its status couldn't be written, is lost with it.
        if chance.random() < 0.05 and not world.cluster.failing:
            await world.restart(kill=chance.random() < 0.5)
    world.mend()
    world.cluster.fail_no_more()
    world.client.latency = 0.0
    world.credentials()
    world.integration()
    await world.until(true_time(world.clock) + 330)


@pytest.mark.parametrize("seed", range(8))
def test_after_any_trouble_the_token_is_current_again_and_nothing_is_left_behind(seed: int) -> None:
    """Within five and a half minutes, with one Secret, and never more than twelve requests a minute."""

    async def story(world: World) -> None:
        await live(world, seed)
        assert world.ready == ("True", "TokenValid")
        assert world.refreshed[0] == "True"
        assert world.stalled == ("False", "Progressing")
        ours = [
            name
            for (plural, _, name), body in world.cluster.objects.items()
            if plural == "secrets" and TARGET_LABEL in body["metadata"].get("labels", {})
        ]
        assert ours == ["shop"]
        held = world.issuer.find(base64.b64decode(world.secret()["data"]["token"]).decode())
        assert held is not None
        assert held.expires > true_time(world.clock)
        requests, looks = world.requests, world.operator.looks
        await world.until(true_time(world.clock) + 60)
        assert world.requests - requests <= 12
        assert world.operator.looks - looks <= 30

    play(story, Policy(lifetime=600, lead=60))
