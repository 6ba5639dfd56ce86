"""Leader election by a Lease (`coordination.k8s.io/v1`): acquired, renewed, released.

No library is used: of those for Python the ones that the Kubernetes clients bring compare other machines' times with
their own and never release, and the rest are copies of them.
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
    """One process that wants to hold a lease.

    Guarantees, where all candidates' clocks run alike within the ratio of the timing's `lease_duration` to its
    `renew_deadline`: no two of them have an open fence at the same time, whatever is lost or late between them and the
    API server, and however long one of them is stopped. A lease that was released is taken over at the next look of
    another, one whose holder is gone after `lease_duration`.

    Does not guarantee that there is a leader: without an API server there is none after `renew_deadline`. Who deletes
    the Lease may have two candidates lead at once for as long, where one of them has never seen it.
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
        """The gateway has connections of its own: a renewal must not wait for a thousand other calls.

        :param identity: of this process and no other, not even of the one that it replaces.
        :param jitter: answers numbers uniform in [0, 1).
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
        self.problem = "the Lease was not read yet"
        """Why the lease can't be read or written now; empty where it can."""

    async def acquire(self) -> Fence:
        """Stands by until the lease is this candidate's, and answers the leave to act for one term.

        It lasts only as long as :meth:`renew` runs.
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
                log.info("standing by", lease=self._name, identity=self._identity, leader=holder)
            await asyncio.sleep(self._election.delay(self._clock.now().boot, self._jitter()))

    async def renew(self, fence: Fence) -> None:
        """Keeps the fence open as long as the lease can be renewed, and returns once it is closed."""
        try:
            while fence.is_open():
                await self._renew(fence)
        except Fenced:
            pass  # its time was over in between
        finally:
            fence.close()
        log.warning("no longer leading", lease=self._name, identity=self._identity)

    async def release(self) -> None:
        """Lets another take the lease over at once: to be called when nothing is being done any more."""
        if self._lease is None or self._election.holder != self._identity:
            return
        try:
            await self._in_time(self._hand_over())
        except ClusterError as error:
            # It runs out by itself.
            log.warning("the lease was not released", lease=self._name, error=str(error))
        else:
            log.info("the lease was released", lease=self._name)

    async def _try_to_acquire(self) -> Fence | None:
        """One look of a candidate that doesn't lead."""
        await self._in_time(self._read())
        if self._election.claimable_in(self._clock.now().boot) > 0:
            return None
        sent = self._clock.now().boot
        try:
            await self._in_time(self._write())
        except Conflict:
            return None  # somebody else was faster
        return Fence(self._clock, sent + self._timing.renew_deadline)

    async def _renew(self, fence: Fence) -> None:
        """One wait and one attempt of a candidate that leads."""
        wait = self._timing.retry_period * (1 + self._jitter()) / 2
        await asyncio.sleep(min(wait, fence.check()))
        # From before it was sent: the others count from when they see it, which is later.
        sent, left = self._clock.now().boot, fence.check()
        try:
            if await self._in_time(self._rewrite(), left):
                fence.extend(sent + self._timing.renew_deadline)
            else:
                log.warning("the lease was taken over", lease=self._name, leader=self._election.holder)
                fence.close()
            self._on_success()
        except ClusterError as error:
            self._on_failure(error)

    async def _rewrite(self) -> bool:
        """One renewal; False where the lease is somebody else's."""
        try:
            await self._write()
        except Conflict:
            # Changed meanwhile, perhaps by a renewal of ours whose answer was lost, or by a person.
            await self._read()
            if self._lease is not None and self._election.holder != self._identity:
                return False
            await self._write()
        return True

    async def _hand_over(self) -> None:
        try:
            await self._write("")
        except Conflict:
            # A renewal that was under way at the end arrived after all.
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
        """The lease as it is to be written: as it was read, with what an election writes."""
        body = lease or {
            "apiVersion": "coordination.k8s.io/v1",
            "kind": "Lease",
            "metadata": {"name": self._name, "namespace": self._namespace},
        }
        spec = dict(body.get("spec") or {})
        # For people alone: candidates go by when they saw them.
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
            log.warning("the lease cannot be read and written", lease=self._name, error=str(error))
        self.problem = problem


def _record(lease: Object) -> LeaseRecord:
    spec = lease.get("spec") or {}
    return LeaseRecord(
        lease["metadata"]["resourceVersion"],
        str(spec.get("holderIdentity") or ""),
        float(spec.get("leaseDurationSeconds") or 0),
    )
