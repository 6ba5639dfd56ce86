"""Kubernetes Events: what a person who looks at a resource wants to know happened to it.

Posted from a queue of their own, so that no renewal waits for one; when the API server is away they are dropped, and
so are those that one resource has too many of: somebody may change a Secret back each time that it is repaired.
"""

import asyncio
import uuid
from collections import OrderedDict, deque
from dataclasses import dataclass

from integration_token.api.names import MANAGER
from integration_token.api.value import format_time
from integration_token.clock import Clock
from integration_token.cluster.collection import EVENTS
from integration_token.cluster.gateway import Gateway
from integration_token.errors import ClusterError
from integration_token.telemetry.logs import get_logger

log = get_logger(__name__)

_QUEUE = 1000
"""Events that wait at most: beyond it news are worth less than the memory. They are of the namespace that has most."""

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


class EventRecorder:
    """Posts events in the background, of one namespace after the other: none waits for all that a neighbour has."""

    def __init__(self, gateway: Gateway, clock: Clock, instance: str) -> None:
        """`instance` names this process, as the pod's name does."""
        self._gateway = gateway
        self._clock = clock
        self._instance = instance
        self._queues: dict[str, deque[dict[str, object]]] = {}
        """By namespace, in the order of their turns."""
        self._length = 0
        self._arrived = asyncio.Event()
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
        now = format_time(self._clock.now().wall)
        # Events of a cluster-wide object live in the default namespace, as everywhere in Kubernetes.
        namespace = about.namespace or "default"
        tag = uuid.uuid5(uuid.NAMESPACE_OID, f"{about.uid} {reason}") if once else uuid.uuid4()
        body: dict[str, object] = {
            "apiVersion": "v1",
            "kind": "Event",
            "metadata": {"name": f"{about.name[:200]}.{tag.hex[:16]}", "namespace": namespace},
            "involvedObject": {
                "apiVersion": about.api_version,
                "kind": about.kind,
                "namespace": about.namespace,
                "name": about.name,
                "uid": about.uid,
            },
            "type": "Warning" if warning else "Normal",
            "reason": reason,
            "message": message,
            "source": {"component": MANAGER},
            "reportingComponent": MANAGER,
            "reportingInstance": self._instance,
            "firstTimestamp": now,
            "lastTimestamp": now,
            "count": 1,
        }
        self._put(namespace, body)

    def _put(self, namespace: str, body: dict[str, object]) -> None:
        queue = self._queues.setdefault(namespace, deque())
        queue.append(body)
        self._length += 1
        self._arrived.set()
        self._idle.clear()
        if self._length > _QUEUE:
            most = max(self._queues, key=lambda name: len(self._queues[name]))
            dropped = self._queues[most].pop()
            self._length -= 1
            if not self._queues[most]:
                del self._queues[most]
            log.warning("event dropped, too many wait", namespace=most, reason=dropped["reason"])

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
            namespace, queue = next(iter(self._queues.items()))
            del self._queues[namespace]
            body = queue.popleft()
            self._length -= 1
            if queue:
                self._queues[namespace] = queue
            if not self._queues:
                self._arrived.clear()
            try:
                await self._gateway.create(EVENTS, namespace, body)
            except ClusterError as error:
                log.debug("event not posted", error=str(error))
            finally:
                if not self._queues:
                    self._idle.set()

    async def drain(self) -> None:
        """Returns when all that was queued has been posted or dropped."""
        await self._idle.wait()
