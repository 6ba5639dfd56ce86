"""Propagates a renewed token to mounted files at once, and warns of pods that will never see it.

The kubelet reads a volume's Secret when it syncs the pod, every 60 to 90 s, or when the pod changes: so an annotation
of the pod is patched.
"""

import asyncio
from collections.abc import Sequence

from integration_token.api.event import EventReason
from integration_token.api.integration import Integration, MountRefresh
from integration_token.api.names import REFRESHED_ANNOTATION
from integration_token.api.value import format_precise_time, format_time
from integration_token.clock import Clock
from integration_token.cluster.collection import PODS
from integration_token.cluster.gateway import Gateway
from integration_token.cluster.pod import Reader, readers
from integration_token.controller.outcome import Outcome
from integration_token.controller.reporter import Reporter
from integration_token.errors import ClusterError, Denied
from integration_token.telemetry.logs import get_logger

log = get_logger(__name__)

_AT_ONCE = 8
"""Pods patched at once for all resources together: each patch causes work for a kubelet."""

_OF_ONE = 2
"""The same for one resource: a Secret may be mounted by thousands of pods, and other resources' pods must not wait for
all of them."""

_IN_TIME = 120.0
"""Seconds before the old token's expiry from which a new one reaches mounted files in time by itself: the kubelet takes
at most 90 s, and touching its pods causes work. Consumers that keep using an old token need that much more."""

_DENIED = 600.0
"""Seconds for which a refusal to list or patch pods is remembered: the chart grants that permission, and rarely
changes."""

_SYNC = 90.0
"""Seconds within which the kubelet has synced by itself: touching its pods later has no effect."""

_ALIVE = "status.phase!=Succeeded,status.phase!=Failed"
"""The pods to read: one that has just started has current files, and reports Running a moment later."""

_NAMED = 3
"""Owners of pods that an event names."""


class PodRefresher:
    """Refreshes mounts if a resource asks for it and the operator is allowed to."""

    def __init__(self, gateway: Gateway, reporter: Reporter, clock: Clock) -> None:
        self._gateway = gateway
        self._reporter = reporter
        self._clock = clock
        self._places = asyncio.Semaphore(_AT_ONCE)
        self._denied: dict[str, float] = {}
        """Until when, by CLOCK_BOOTTIME, a namespace's pods are left alone."""

    async def refresh(self, outcome: Outcome) -> Outcome:
        """Follows up on a renewal, including one that the status could not report because the process was killed or the
        API server was away: returns the outcome with what to remember."""
        integration, stored, written = outcome.integration, outcome.stored, outcome.written
        wish, namespace, status = integration.mount_refresh, integration.namespace, integration.status
        if written is None or stored is None or wish is MountRefresh.NEVER:
            return outcome
        if not {"issueTime", "expirationTime"} <= status.keys():
            return outcome
        issued = stored.token.issued
        if _is_notified(outcome, issued):
            return _remembering(outcome, issued)
        wanted = wish is MountRefresh.ALWAYS or _is_late(outcome, issued)
        denied = self._clock.now().boot < self._denied.get(namespace, 0.0)
        try:
            if not denied:
                found = await self._readers(namespace, integration.target)
                if wanted:
                    await self._touch(namespace, [reader for reader in found if reader.mounted])
                self._warn(integration, found)
        except Denied:
            self._denied[namespace], denied = self._clock.now().boot + _DENIED, True
        except ClusterError as error:
            log.warning("cannot refresh the pods", namespace=namespace, name=integration.name, error=str(error))
            again = wanted and self._clock.now().wall - issued < _SYNC
            return _remembering(outcome, outcome.remembered.pods_notified, issued if again else 0.0)
        if denied and wish is MountRefresh.ALWAYS:
            self._reporter.event(
                integration,
                EventReason.MOUNT_REFRESH_FORBIDDEN,
                "spec.mountRefresh is Always, but the operator is not allowed to list and patch pods in this namespace,"
                " so mounted files may take up to 90 s to follow; set the chart's value mountRefresh.enabled, or set"
                " spec.mountRefresh to Never",
                warning=True,
            )
        return _remembering(outcome, issued)

    async def _readers(self, namespace: str, target: str) -> list[Reader]:
        return [
            reader async for page in self._gateway.pages(PODS, namespace, _ALIVE) for reader in readers(page, target)
        ]

    async def _touch(self, namespace: str, found: Sequence[Reader]) -> None:
        # An unchanged value changes nothing, and the kubelet then does nothing: two renewals may fall within one
        # second.
        now = format_precise_time(self._clock.now().wall, "microseconds")

        own = asyncio.Semaphore(_OF_ONE)

        async def touch(reader: Reader) -> None:
            async with own, self._places:
                await self._gateway.annotate(PODS, namespace, reader.name, {REFRESHED_ANNOTATION: now})

        results = await asyncio.gather(*map(touch, found), return_exceptions=True)
        for result in results:
            if isinstance(result, BaseException):
                raise result

    def _warn(self, integration: Integration, found: Sequence[Reader]) -> None:
        owners = sorted({reader.owner for reader in found if reader.frozen})
        if owners:
            more = f" and {len(owners) - _NAMED} more" if len(owners) > _NAMED else ""
            verb = "reads" if len(owners) == 1 else "read"
            self._reporter.event(
                integration,
                EventReason.RENEWAL_NOT_SEEN,
                f"{', '.join(owners[:_NAMED])}{more} {verb} Secret {integration.target} through an environment variable"
                " or subPath, which never change in a running container; mount the Secret as a volume without subPath,"
                " or restart the pods when it changes, for example with Stakater Reloader",
                warning=True,
            )


def _remembering(outcome: Outcome, notified: float, pending: float = 0.0) -> Outcome:
    """With the issue times of the token whose pods were touched, and of the one whose pods must still be touched."""
    before = outcome.remembered
    if (before.pods_notified, before.pods_pending) == (notified, pending):
        return outcome
    return outcome._replace(remembered=before._replace(pods_notified=notified, pods_pending=pending))


def _is_notified(outcome: Outcome, issued: float) -> bool:
    """Whether the token's pods need not be touched any more."""
    remembered, target = outcome.remembered, outcome.observation.target
    if outcome.renewed:
        return remembered.pods_notified == issued
    # As it was read: a response that finally states an assumed expiry moves the issue time of the same token.
    read = target.stored.token.issued if target is not None and target.stored else issued
    told = outcome.integration.status["issueTime"] == format_time(read) and remembered.pods_pending != read
    return told or remembered.pods_notified == read


def _is_late(outcome: Outcome, issued: float) -> bool:
    """Whether the renewal might reach a mounted file too late by itself."""
    if outcome.remembered.pods_pending:
        return True
    in_time = _IN_TIME + outcome.integration.consumer_delay
    if outcome.renewed:
        return outcome.replaced_left < in_time
    # Compared as text: someone may have written a time that the API server accepts and we cannot parse.
    return bool(outcome.integration.status["expirationTime"] < format_time(issued + in_time))
