"""How a tenant affects others: measured from outside, without and with it."""

import threading
import time
from dataclasses import dataclass
from typing import Final

import httpx

from tests.faults.memory import resident
from tests.faults.record import Place, Sight
from tests.faults.world import RELEASE, World

EVERY: Final = 0.1
"""Seconds between two probes."""


@dataclass(frozen=True, slots=True)
class Felt:
    """A period as others experienced it."""

    expired: float
    """Seconds: the longest time for which one of their Secrets held no valid token."""
    healthz: float
    """Seconds: the slowest response of `/healthz`."""
    memory: int
    """Bytes: the most memory that a process used."""
    transitions: int
    """Transitions of the Lease since the beginning."""
    ended: int
    """Processes that ended by themselves since the beginning."""


class Prober(threading.Thread):
    """A context manager: inside, both replicas are probed for liveness and their memory measured."""

    def __init__(self, world: World) -> None:
        super().__init__(daemon=True)
        self._world = world
        self._over = threading.Event()
        self.slowest = 0.0
        self.largest = 0

    def run(self) -> None:
        """Probes again and again."""
        while not self._over.wait(EVERY):
            for replica in self._world.replicas:
                began = time.monotonic()
                try:
                    httpx.get(f"{replica.url}/healthz", trust_env=False, timeout=60)
                except httpx.HTTPError:
                    continue  # a process that has ended is detected elsewhere
                self.slowest = max(self.slowest, time.monotonic() - began)
                self.largest = max(self.largest, resident(replica.pid) or 0)

    def end(self) -> None:
        """Stops probing."""
        self._over.set()
        self.join()


def felt(world: World, places: list[Place], seconds: float) -> Felt:
    """Watches for this many seconds."""
    prober = Prober(world)
    start = time.time()
    prober.start()
    try:
        world.over.wait(seconds)
    finally:
        prober.end()
    end = time.time()
    world.check()
    (lease,) = world.kube.list("Lease", RELEASE)
    gaps = [longest_gap(world.secrets.sights.get(place, []), start, end) for place in places]
    return Felt(
        max(gaps), prober.slowest, prober.largest, int(lease["spec"].get("leaseTransitions", 0)), len(world.ended)
    )


def longest_gap(sights: list[Sight], start: float, end: float) -> float:
    """Seconds: the longest time during which a Secret held no valid token."""
    longest, valid_until = 0.0, start
    for number, sight in enumerate(sights):
        until = sights[number + 1].at if number + 1 < len(sights) else end
        begins, ends = max(sight.at, start), min(until, sight.expires if sight.serial is not None else 0.0, end)
        if ends > begins:
            longest = max(longest, begins - valid_until)
            valid_until = max(valid_until, ends)
    return max(longest, end - valid_until)


def row(alone: Felt, beside: Felt) -> str:
    """The result for people."""
    return (
        "a hostile tenant: others' longest time with an expired token"
        f" {beside.expired:.1f} s ({alone.expired:.1f} s alone), /healthz {beside.healthz:.2f} s"
        f" ({alone.healthz:.2f} s), memory {(beside.memory - alone.memory) / 2**20:+.0f} MiB, leases lost"
        f" {beside.transitions - alone.transitions}, restarts {beside.ended - alone.ended}"
    )
