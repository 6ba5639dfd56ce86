"""Leader election with a Lease (`coordination.k8s.io/v1`): acquiring, renewing, releasing.

No library is used: those in the Python Kubernetes clients compare other machines' times with their own and never
release the lease, and the rest are copies of them.
"""

import asyncio
import math
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime
from typing import TypeVar

from integration_token.clock import Clock
from integration_token.cluster.collection import LEASES, Object
from integration_token.cluster.election import Election, LeaseRecord, Timing
from integration_token.cluster.fence import Fence
from integration_token.cluster.gateway import Gateway
from integration_token.errors import ClusterError, Conflict, Fenced, Unavailable
from integration_token.telemetry.logs import get_logger

log = get_logger(__name__)

T = TypeVar("T")


class Candidate:
    """One process that competes for a lease.

    Guarantees, if all candidates' clocks run at the same rate within the ratio of `lease_duration` to `renew_deadline`:
    no two of them have an open fence at the same time, whatever is lost or delayed between them and the API server, and
    however long one of them is stopped. A released lease is taken over when another candidate next reads it, one whose
    holder has gone after `lease_duration`.

    Does not guarantee that there is a leader: without an API server there is none after `renew_deadline`. If the Lease
    is deleted, two candidates may lead at once for that long if one of them has never seen it.
    """

    def __init__(
        self,
        gateway: Gateway,
        clock: Clock,
        *,
        namespace: str,
        name: str,
        identity: str,
        jitter: Callable[[], float],
        timing: Timing | None = None,
    ) -> None:
        """The gateway must have its own connections: a renewal must not wait for a thousand other calls.

        :param identity: unique to this process; not even the process that it replaces may have had it.
        :param jitter: returns numbers uniform in [0, 1).
        """
        self._gateway = gateway
        self._clock = clock
        self._namespace = namespace
        self._name = name
        self._identity = identity
        self._jitter = jitter
        self._timing = timing or Timing()
        self._election = Election(identity, self._timing)
        self._lease: Object | None = None
        self.problem = "the Lease has not been read yet"
        """Why the lease cannot be read or written now; empty if it can."""

    async def acquire(self) -> Fence:
        """Waits until this candidate holds the lease, and returns the permission to act for one term.

        It lasts only while :meth:`renew` runs.
        """
        holder = None
        while True:
            try:
                fence = await self._try_to_acquire()
                self._on_success()
            except ClusterError as error:
                fence = None
                self._on_failure(error)
            if fence is not None and fence.is_open():
                log.info("leading", lease=self._name, identity=self._identity)
                return fence
            if not self.problem and holder != self._election.holder:
                holder = self._election.holder
                log.info("on standby", lease=self._name, identity=self._identity, leader=holder)
            await asyncio.sleep(self._election.delay(self._clock.now().boot, self._jitter()))

    async def renew(self, fence: Fence) -> None:
        """Keeps the fence open while the lease can be renewed; returns once it is closed."""
        try:
            while fence.is_open():
                await self._renew(fence)
        except Fenced:
            pass  # it expired in between
        finally:
            fence.close()
        log.warning("no longer leading", lease=self._name, identity=self._identity)

    async def release(self) -> None:
        """Lets another candidate take the lease over at once. Call it when nothing is being done any more."""
        if self._lease is None or self._election.holder != self._identity:
            return
        try:
            await self._in_time(self._hand_over())
        except ClusterError as error:
            # It expires by itself.
            log.warning("lease not released, it will expire", lease=self._name, error=str(error))
        else:
            log.info("lease released", lease=self._name)

    async def _try_to_acquire(self) -> Fence | None:
        """One attempt of a candidate that does not lead."""
        await self._in_time(self._read())
        if self._election.claimable_in(self._clock.now().boot) > 0:
            return None
        sent = self._clock.now().boot
        try:
            await self._in_time(self._write())
        except Conflict:
            return None  # another candidate was faster
        return Fence(self._clock, sent + self._timing.renew_deadline)

    async def _renew(self, fence: Fence) -> None:
        """One wait and one renewal attempt of a leader."""
        wait = self._timing.retry_period * (1 + self._jitter()) / 2
        await asyncio.sleep(min(wait, fence.check()))
        # The time before sending: the other candidates count from when they see the write, which is later.
        sent, left = self._clock.now().boot, fence.check()
        try:
            if await self._in_time(self._rewrite(), left):
                fence.extend(sent + self._timing.renew_deadline)
            else:
                log.warning("lease taken over by another replica", lease=self._name, leader=self._election.holder)
                fence.close()
            self._on_success()
        except ClusterError as error:
            self._on_failure(error)

    async def _rewrite(self) -> bool:
        """One renewal; False if another candidate holds the lease."""
        try:
            await self._write()
        except Conflict:
            # It was changed, perhaps by a renewal of ours whose response was lost, or by a person.
            await self._read()
            if self._lease is not None and self._election.holder != self._identity:
                return False
            await self._write()
        return True

    async def _hand_over(self) -> None:
        try:
            await self._write("")
        except Conflict:
            # A renewal that was in flight at the end arrived after all.
            await self._read()
            if self._lease is not None and self._election.holder == self._identity:
                await self._write("")

    async def _read(self) -> None:
        self._remember(await self._gateway.get(LEASES, self._namespace, self._name))

    async def _write(self, holder: str | None = None) -> None:
        body = self._body(self._lease, self._identity if holder is None else holder)
        if self._lease is None:
            self._remember(await self._gateway.create(LEASES, self._namespace, body))
        else:
            self._remember(await self._gateway.replace(LEASES, self._namespace, self._name, body))

    def _remember(self, lease: Object | None) -> None:
        self._lease = lease
        self._election.on_record(None if lease is None else _record(lease), self._clock.now().boot)

    def _body(self, lease: Object | None, holder: str) -> Object:
        """The lease to write: as it was read, with the fields that an election sets."""
        body = lease or {
            "apiVersion": "coordination.k8s.io/v1",
            "kind": "Lease",
            "metadata": {"name": self._name, "namespace": self._namespace},
        }
        spec = dict(body.get("spec") or {})
        # For people only: candidates measure from when they saw a change.
        now = datetime.fromtimestamp(self._clock.now().wall, UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ")
        if holder != spec.get("holderIdentity"):
            spec["acquireTime"] = now
            spec["leaseTransitions"] = int(spec.get("leaseTransitions") or 0) + (lease is not None and holder != "")
        spec |= {"holderIdentity": holder, "renewTime": now, "leaseDurationSeconds": int(self._timing.lease_duration)}
        return {**body, "spec": spec}

    async def _in_time(self, call: Awaitable[T], left: float = math.inf) -> T:
        try:
            async with asyncio.timeout(min(left, self._timing.attempt_timeout)):
                return await call
        except TimeoutError:
            raise Unavailable("the API server did not answer in time") from None

    def _on_success(self) -> None:
        if self.problem:
            self.problem = ""

    def _on_failure(self, error: ClusterError) -> None:
        problem = f"cannot read and write Lease {self._namespace}/{self._name}: {error}"
        if problem != self.problem:
            log.warning("cannot read and write the lease", lease=self._name, error=str(error))
        self.problem = problem


def _record(lease: Object) -> LeaseRecord:
    spec = lease.get("spec") or {}
    return LeaseRecord(
        lease["metadata"]["resourceVersion"],
        str(spec.get("holderIdentity") or ""),
        float(spec.get("leaseDurationSeconds") or 0),
    )
