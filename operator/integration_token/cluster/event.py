"""Kubernetes Events: what a person who looks at a resource wants to know happened to it.

Posted from a queue of their own, so that no renewal waits for one; when the API server is away they are dropped, and
so are those that one resource has too many of: somebody may change a Secret back each time that it is repaired. That
all is well is told after a burst of it, and not in it: of a thousand first tokens the events are a third of all writes,
and pods wait for the Secrets.
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
"""Events that wait at most, 0.5 to 1.4 KB each: beyond it news are worth less than the memory. Those that are dropped
are of the namespace that has most."""

_CALM = 0.5
"""Seconds within which events that say that all is well follow each other in a burst."""
_AT_ONCE = 25
"""Events of a burst after which the others wait for its end, ..."""
_LONGEST_HELD = 30.0
"""...or so many seconds, if it goes on for longer."""

_BURST = 25
"""Events of one resource with one reason that are posted however soon they follow each other, as client-go has it."""
_REFILL = 300.0
"""Seconds until one more is."""
_REMEMBERED = 1024
"""Resources and reasons that this is counted for: those of the last events."""


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
    """What is to be posted; few bytes, since it may have to wait."""

    about: ObjectReference
    name: str
    warning: bool
    reason: str
    message: str
    time: float
    """Wall time in seconds."""

    @property
    def namespace(self) -> str:
        """Events of a cluster-wide object live in the default namespace, as everywhere in Kubernetes."""
        return self.about.namespace or "default"

    def body(self, instance: str) -> dict[str, object]:
        """As the API has it."""
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
    """Posts events in the background, of one namespace after the other: none waits for all that a neighbour has."""

    def __init__(self, gateway: Gateway, clock: Clock, instance: str) -> None:
        """`instance` names this process, as the pod's name does."""
        self._gateway = gateway
        self._clock = clock
        self._instance = instance
        self._held: dict[str, deque[_Event]] = {}
        """By namespace, those that wait until it is calm."""
        self._held_since = 0.0
        """When the first of them was recorded, in seconds of CLOCK_BOOTTIME, as here and below."""
        self._last = 0.0
        """When the last that says that all is well was."""
        self._together = 0
        """How many of those came one soon after the other."""
        self._queues: dict[str, deque[_Event]] = {}
        """By namespace, in the order of their turns."""
        self._counts: Counter[str] = Counter()
        """How many wait, by namespace."""
        self._length = 0
        self._ending = False
        """Nothing waits for calm any more."""
        self._arrived = asyncio.Event()
        self._urgent = asyncio.Event()
        """Something is to be posted at once."""
        self._idle = asyncio.Event()
        self._idle.set()
        self._allowances: OrderedDict[tuple[str, str], tuple[float, float]] = OrderedDict()

    def record(self, about: ObjectReference, *, warning: bool, reason: str, message: str, once: bool = False) -> None:
        """Queues an event; `reason` is one word in CamelCase. With `once` it isn't posted if there is one of the object
        and the reason that was recorded so, be it by another process."""
        if not self._is_allowed(about.uid, reason):
            log.debug("event dropped, one of many", kind=about.kind, namespace=about.namespace, name=about.name,
                      reason=reason)  # fmt: skip
            return
        tag = uuid.uuid5(uuid.NAMESPACE_OID, f"{about.uid} {reason}") if once else uuid.uuid4()
        name = f"{about.name[:200]}.{tag.hex[:16]}"
        now = self._clock.now()
        event = _Event(about, name, warning, reason, message, now.wall)
        held = not warning and (self._is_burst(now.boot) or self._ending)
        if held and not self._held:
            self._held_since = now.boot
        elif not held and not warning:
            self._release()  # it is calm, and what was recorded before comes first
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
        """Something is written that is waited for more, such as a status: the burst goes on."""
        self._last = self._clock.now().boot

    def _is_burst(self, now: float) -> bool:
        """Whether one more event that says that all is well is one of very many."""
        self._together = 1 if now >= self._last + _CALM else self._together + 1
        self._last = now
        return self._together > _AT_ONCE

    def _release(self) -> None:
        """What was held is posted."""
        for namespace, held in self._held.items():
            self._queues.setdefault(namespace, deque()).extend(held)
        self._held.clear()
        self._urgent.set()

    def _drop(self) -> None:
        """Drops the last one of the namespace that has most."""
        most = max(self._counts, key=self._counts.__getitem__)
        queues = self._held if most in self._held else self._queues
        dropped = queues[most].pop()
        if not queues[most]:
            del queues[most]
        self._forget(most)
        log.warning("event dropped, too many wait", namespace=most, reason=dropped.reason)

    def _take(self) -> _Event:
        """The next one, of the namespace whose turn it is; that all is well comes last in the end."""
        queues = self._queues or self._held
        namespace, queue = next(iter(queues.items()))
        del queues[namespace]
        event = queue.popleft()
        if queue:
            queues[namespace] = queue
        self._forget(namespace)
        return event

    def _forget(self, namespace: str) -> None:
        """One event of it waits no more."""
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
        """Posts what is queued, for ever."""
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
        """Waits until what is held may be posted, or something is to be posted at once."""
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
        """The end is near: what is held is posted too, after all else."""
        self._ending = True
        self._urgent.set()

    async def drain(self) -> None:
        """Returns when all that was recorded has been posted or dropped."""
        self.hold_no_more()
        await self._idle.wait()
