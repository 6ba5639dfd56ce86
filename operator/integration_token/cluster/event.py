"""Kubernetes Events: what happened to a resource, for people who look at it.

Events have their own queue, so that no renewal waits for one. They are dropped if the API server is away, or if one
resource has too many: something may revert each repair of a Secret. Normal events wait until a burst of them is over:
for a thousand first tokens they are a third of all writes, and pods wait for the Secrets.
"""

import asyncio
import uuid
from collections import Counter, OrderedDict, deque
from contextlib import suppress
from dataclasses import dataclass
from typing import Final

from integration_token.api.names import MANAGER
from integration_token.api.value import format_time
from integration_token.clock import Clock
from integration_token.cluster.collection import EVENTS
from integration_token.cluster.gateway import Gateway
from integration_token.errors import ClusterError
from integration_token.telemetry.logs import get_logger

log = get_logger(__name__)

QUEUE: Final = 10_000
"""Maximum number of waiting events, 0.5 to 1.4 KB each: beyond that, events are worth less than the memory. Those of
the namespace with the most are dropped."""

_CALM = 0.5
"""Normal events that follow each other within this many seconds are a burst."""
_AT_ONCE = 25
"""Events of a burst after which the others wait for its end, ..."""
_LONGEST_HELD = 30.0
"""...or for this many seconds, if it goes on for longer."""

_BURST = 25
"""Events of one resource and one reason that are posted however soon they follow each other, the same as in
client-go."""
_REFILL = 300.0
"""Seconds until one more is allowed."""
_REMEMBERED = 1024
"""Resources and reasons for which this is tracked: the most recent."""


@dataclass(frozen=True, slots=True)
class ObjectReference:
    """What an event is about."""

    api_version: str
    kind: str
    namespace: str
    name: str
    uid: str


@dataclass(frozen=True, slots=True)
class _Event:
    """An event to be posted; compact, since it may have to wait."""

    about: ObjectReference
    name: str
    warning: bool
    reason: str
    message: str
    time: float
    """Wall time in seconds."""

    @property
    def namespace(self) -> str:
        """Events of a cluster-scoped object go to the default namespace, as everywhere in Kubernetes."""
        return self.about.namespace or "default"

    def body(self, instance: str) -> dict[str, object]:
        """The API's JSON."""
        about, time = self.about, format_time(self.time)
        return {
            "apiVersion": "v1",
            "kind": "Event",
            "metadata": {"name": self.name, "namespace": self.namespace},
            "involvedObject": {
                "apiVersion": about.api_version,
                "kind": about.kind,
                "namespace": about.namespace,
                "name": about.name,
                "uid": about.uid,
            },
            "type": "Warning" if self.warning else "Normal",
            "reason": self.reason,
            "message": self.message,
            "source": {"component": MANAGER},
            "reportingComponent": MANAGER,
            "reportingInstance": instance,
            "firstTimestamp": time,
            "lastTimestamp": time,
            "count": 1,
        }


class EventRecorder:
    """Posts events in the background, taking turns between namespaces: none waits for all of a neighbour's events."""

    def __init__(self, gateway: Gateway, clock: Clock, instance: str) -> None:
        """`instance` identifies this process, such as by the pod's name."""
        self._gateway = gateway
        self._clock = clock
        self._instance = instance
        self._held: dict[str, deque[_Event]] = {}
        """By namespace, those that wait for the burst to end."""
        self._held_since = 0.0
        """When the first of them was recorded, in seconds of CLOCK_BOOTTIME, as below."""
        self._last = 0.0
        """When the last normal event was recorded."""
        self._together = 0
        """The size of the current burst."""
        self._queues: dict[str, deque[_Event]] = {}
        """By namespace, in the order of their turns."""
        self._counts: Counter[str] = Counter()
        """The number of waiting events, by namespace."""
        self._length = 0
        self._ending = False
        """Set at the end: events no longer wait for the burst to end."""
        self._arrived = asyncio.Event()
        self._urgent = asyncio.Event()
        """Set if an event is to be posted at once."""
        self._idle = asyncio.Event()
        self._idle.set()
        self._allowances: OrderedDict[tuple[str, str], tuple[float, float]] = OrderedDict()

    def record(self, about: ObjectReference, *, warning: bool, reason: str, message: str, once: bool = False) -> None:
        """Queues an event; `reason` is one word in CamelCase. With `once` it is not posted if any process already
        posted one with `once` for the same object and reason."""
        if not self._is_allowed(about.uid, reason):
            log.debug("event dropped, too many for one resource", kind=about.kind, namespace=about.namespace,
                      name=about.name, reason=reason)  # fmt: skip
            return
        tag = uuid.uuid5(uuid.NAMESPACE_OID, f"{about.uid} {reason}") if once else uuid.uuid4()
        name = f"{about.name[:200]}.{tag.hex[:16]}"
        now = self._clock.now()
        event = _Event(about, name, warning, reason, message, now.wall)
        held = not warning and (self._is_burst(now.boot) or self._ending)
        if held and not self._held:
            self._held_since = now.boot
        elif not held and not warning:
            self._release()  # no burst; earlier events come first
        (self._held if held else self._queues).setdefault(event.namespace, deque()).append(event)
        self._length += 1
        self._counts[event.namespace] += 1
        self._idle.clear()
        self._arrived.set()
        if not held:
            self._urgent.set()
        if self._length > QUEUE:
            self._drop()

    def wait_on(self) -> None:
        """Notes that something more important is being written, such as a status: the burst goes on."""
        self._last = self._clock.now().boot

    def _is_burst(self, now: float) -> bool:
        """Whether one more normal event is part of a large burst."""
        self._together = 1 if now >= self._last + _CALM else self._together + 1
        self._last = now
        return self._together > _AT_ONCE

    def _release(self) -> None:
        """Queues the waiting events for posting."""
        for namespace, held in self._held.items():
            self._queues.setdefault(namespace, deque()).extend(held)
        self._held.clear()
        self._urgent.set()

    def _drop(self) -> None:
        """Drops the last event of the namespace with the most."""
        most = max(self._counts, key=self._counts.__getitem__)
        queues = self._held if most in self._held else self._queues
        dropped = queues[most].pop()
        if not queues[most]:
            del queues[most]
        self._forget(most)
        log.warning("event dropped, queue full", namespace=most, reason=dropped.reason)

    def _take(self) -> _Event:
        """The next event, of the namespace whose turn it is; waiting normal events come last."""
        queues = self._queues or self._held
        namespace, queue = next(iter(queues.items()))
        del queues[namespace]
        event = queue.popleft()
        if queue:
            queues[namespace] = queue
        self._forget(namespace)
        return event

    def _forget(self, namespace: str) -> None:
        """Counts one event of the namespace as no longer waiting."""
        self._length -= 1
        self._counts[namespace] -= 1
        if not self._counts[namespace]:
            del self._counts[namespace]

    def _is_allowed(self, uid: str, reason: str) -> bool:
        now = self._clock.now().boot
        allowance, since = self._allowances.pop((uid, reason), (float(_BURST), now))
        allowance = min(float(_BURST), allowance + (now - since) / _REFILL)
        allowed = allowance >= 1
        self._allowances[uid, reason] = (allowance - allowed, now)
        if len(self._allowances) > _REMEMBERED:
            self._allowances.popitem(last=False)
        return allowed

    async def run(self) -> None:
        """Posts queued events forever."""
        while True:
            await self._arrived.wait()
            await self._until_calm()
            event = self._take()
            if not self._length:
                self._arrived.clear()
            try:
                await self._gateway.create(EVENTS, event.namespace, event.body(self._instance))
            except ClusterError as error:
                log.debug("event not posted", error=str(error))
            finally:
                if not self._length:
                    self._idle.set()

    async def _until_calm(self) -> None:
        """Waits until the burst is over, or an event is to be posted at once."""
        while self._held and not self._ending:
            delay = min(self._last + _CALM, self._held_since + _LONGEST_HELD) - self._clock.now().boot
            if delay <= 0:
                self._release()
            if self._queues:
                return
            self._urgent.clear()
            with suppress(TimeoutError):
                async with asyncio.timeout(delay):
                    await self._urgent.wait()

    def hold_no_more(self) -> None:
        """Posts everything, including events that wait for the burst to end, which come last: the process is about to
        end."""
        self._ending = True
        self._urgent.set()

    async def drain(self) -> None:
        """Returns when every recorded event has been posted or dropped."""
        self.hold_no_more()
        await self._idle.wait()
