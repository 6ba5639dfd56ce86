"""The faults, by kind: each is caused, lasts, is fixed, and is recorded with what it takes away.

They act on a world that other faults break at the same time: the administrator's calls are retried until they succeed.
"""

import os
import signal
from collections.abc import Callable
from contextlib import ExitStack
from functools import partial
from random import Random
from typing import Final

from tests.cluster.account_token import REMEMBERED
from tests.cluster.poll import poll
from tests.fakes import fault
from tests.fakes.fault import Fault
from tests.faults.policy import DENYING
from tests.faults.record import Reach
from tests.faults.world import World, namespace

Central = Callable[[World, Random], None]
"""Affects everybody."""
Local = Callable[[World, int, Random], None]
"""Affects one namespace, by its number, or part of it."""

LEASE: Final = 15.0
"""Seconds that a Lease lasts."""
GONE: Final = 120.0
"""Seconds until a deleted namespace is gone, even through an outage."""
PAUSE: Final = 7
"""Seconds of a Retry-After."""
FEW: Final = 3
"""Resources affected in a namespace, if not all are."""


def api_server_killed(world: World, random: Random) -> None:
    """For longer than a Lease lasts. It is away for a shorter time when history is compacted."""
    with world.injecting("API server killed", Reach.API):
        world.plane.stop_api_server()
        world.hold(random.uniform(1.1, 1.3) * LEASE)
        world.plane.start_api_server()


def etcd_killed(world: World, random: Random) -> None:
    """The API server runs, but can't answer."""
    with world.injecting("etcd killed", Reach.API):
        world.plane.stop_etcd()
        world.hold(random.uniform(2, 6))
        world.plane.start_etcd()


def history_compacted(world: World, random: Random) -> None:
    """With a restart of the API server: every watch learns that its version is too old."""
    with world.injecting("history compacted", Reach.API):
        world.plane.stop_api_server()
        world.plane.compact()
        world.hold(random.uniform(0, 2))
        world.plane.start_api_server()


def certificate_rotated(world: World, _: Random) -> None:
    """Nobody should notice."""
    with world.injecting("certificate rotated", Reach.NOTHING):
        world.plane.rotate_certificate()


def account_token_late(world: World, random: Random) -> None:
    """The kubelet renews the account's token only after it has expired.

    This affects all processes, as on a node that was cut off.
    """
    with world.injecting("account token late", Reach.API):
        world.accounts.expire()
        world.hold(random.uniform(1.0, 1.5) * REMEMBERED)
        world.accounts.renew()


def leader_killed(world: World, random: Random) -> None:
    """Another process takes its place, while the other replica becomes leader or afterwards, and has to stand by."""
    leader = world.until_led()
    with world.injecting("leader killed", Reach.LEADER):
        world.check()
        world.expected.add(leader.pid)
        leader.kill()
        world.hold(random.uniform(2, 1.2 * LEASE))
        world.begin(leader)
        leader.await_ready()
    world.until_led()


def leader_stopped(world: World, random: Random) -> None:
    """Paused past its Lease; when it resumes, another leads."""
    leader = world.until_led()
    with world.injecting("leader stopped and continued", Reach.LEADER):
        os.kill(leader.pid, signal.SIGSTOP)
        try:
            world.hold(random.uniform(1.2, 1.5) * LEASE)
        finally:
            os.kill(leader.pid, signal.SIGCONT)
    world.until_led()


def endpoint_away(seconds: float, world: World, number: int, _: Random) -> None:
    """Connections are refused for longer than a short token lives."""
    with (
        world.injecting("endpoint away", Reach.ENDPOINT, world.places(number), logged=False),
        world.logins[number].endpoint.away(),
    ):
        world.hold(seconds)


def endpoint_spoiled(
    spoil: Fault, kind: str, seconds: float, pause: float, world: World, number: int, random: Random
) -> None:
    """The endpoint returns a fault to a namespace's clients."""
    places = world.places(number)
    # By client, so that fixing one fault leaves those of others.
    clients = [world.tokens[place].client_id for place in places]
    endpoint = world.logins[number].endpoint
    with ExitStack() as stack:
        stack.enter_context(world.injecting(kind, Reach.ENDPOINT, places, pause=pause))
        for client_id in clients:
            endpoint.fault(spoil, client_id=client_id)
            stack.callback(endpoint.mend, client_id)
        world.hold(random.uniform(0.6, 1.0) * seconds)


def credentials_broken(world: World, number: int, random: Random) -> None:
    """Somebody changes some client secrets to wrong ones, and back."""
    places = random.sample(world.places(number), FEW)
    with world.injecting("credentials broken", Reach.CREDENTIALS, places):
        for place in places:
            world.tokens[place].set_credentials(client_secret=world.ledger.odd_secret())
        world.hold(random.uniform(10, 25))
        for place in places:
            world.tokens[place].set_credentials(client_secret=world.tokens[place].client_secret)


def resources_recreated(world: World, number: int, random: Random) -> None:
    """Deleted, and created again with other clients: at once, or when the garbage collector may have come.

    While its watches are broken the collector never comes: its list shows an object of that name, but not that it is
    new.
    """
    indices = random.sample(range(world.size.resources), FEW)
    with world.injecting("resources recreated", Reach.NOTHING):
        for index in indices:
            token = world.tokens[namespace(number), f"token-{index:03}"]
            world.die([(token.namespace, token.name)])
            token.delete()
            world.kube.delete("Secret", token.namespace, token.credentials)
            world.hold(random.choice([0, 1, 3]))
            world.create(number, index)


def namespace_recreated(world: World, number: int, _: Random) -> None:
    """Deleted with everything in it, and created again with other clients."""
    with world.injecting("namespace recreated", Reach.NOTHING):
        world.die(world.places(number))
        world.kube.delete("Namespace", "", namespace(number))
        gone = partial(world.kube.find, "Namespace", "", namespace(number))
        poll(lambda: gone() is None, "the namespace's end", GONE)
        world.settle(number)


def writes_denied(world: World, number: int, random: Random) -> None:
    """An admission policy denies writes of a namespace's target Secrets."""

    def deny(value: str | None) -> None:
        world.kube.patch("Namespace", "", namespace(number), {"metadata": {"labels": {DENYING: value}}})

    with world.injecting("writes denied", Reach.WRITE, world.places(number)):
        deny("true")
        world.hold(random.uniform(10, 25))
        deny(None)


def targets_deleted(world: World, number: int, random: Random) -> None:
    """Somebody deletes some target Secrets."""
    with world.injecting("targets deleted", Reach.NOTHING):
        for place in random.sample(world.places(number), FEW):
            world.kube.delete("Secret", *place)


CENTRAL: Final[dict[str, Central]] = {
    "API server killed": api_server_killed,
    "etcd killed": etcd_killed,
    "history compacted": history_compacted,
    "certificate rotated": certificate_rotated,
    "account token late": account_token_late,
    "leader killed": leader_killed,
    "leader stopped and continued": leader_stopped,
}

_SPOILED: Final[dict[str, Local]] = {
    kind: partial(endpoint_spoiled, spoil, kind, seconds, pause)
    for kind, spoil, seconds, pause in (
        ("endpoint answers 500", fault.status(500), 20.0, 0.0),
        ("endpoint answers 429", fault.status(429), 15.0, 0.0),
        ("endpoint answers 429 with Retry-After", fault.retry_after(PAUSE), 10.0, float(PAUSE)),
        ("endpoint hangs", fault.HANG, 20.0, 0.0),
        ("endpoint resets connections", fault.RESET, 15.0, 0.0),
        ("endpoint truncates answers", fault.TRUNCATED, 15.0, 0.0),
    )
}
"""The fault of each kind, its maximum duration in seconds, and the seconds for which it asks clients to stay away."""

LOCAL: Final[dict[str, Local]] = {
    "endpoint away": partial(endpoint_away, 32.0),
    "credentials broken": credentials_broken,
    "resources recreated": resources_recreated,
    "namespace recreated": namespace_recreated,
    "writes denied": writes_denied,
    "targets deleted": targets_deleted,
    **_SPOILED,
}
