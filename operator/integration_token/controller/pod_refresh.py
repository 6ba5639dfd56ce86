"""Brings a renewed token into mounted files at once, and tells of pods that will never see it.

The kubelet looks at a volume's Secret when it syncs the pod, every 60 to 90 s, or when the pod changes: so one
annotation of the pod is patched.
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
"""Pods patched at once, for all resources together: each makes a kubelet work."""

_OF_ONE = 2
"""Of them that one resource may have, or wait for: a Secret may be mounted by thousands of pods, and those of others
must not wait until all of them were patched."""

_IN_TIME = 120.0
"""Seconds before the old token's expiry at which a new one reaches mounted files in time by itself: the kubelet takes
90 s at most, and touching its pods makes it work. Consumers that keep using an old token for a while need as much
more."""

_DENIED = 600.0
"""Seconds for which a refusal to list or patch pods is believed: permission for it is granted by the chart, rarely."""

_SYNC = 90.0
"""Seconds within which the kubelet has looked by itself: to touch its pods later brings nothing."""

_ALIVE = "status.phase!=Succeeded,status.phase!=Failed"
"""Which pods are looked at: one that has just started has its files, and tells so only a moment later."""

_NAMED = 3
"""Owners of pods that an event names."""


class PodRefresher:
    """Refreshes mounts where a resource asks for it, and where the operator may."""

    def __init__(self, gateway: Gateway, reporter: Reporter, clock: Clock) -> None:
        self._gateway = gateway
        self._reporter = reporter
        self._clock = clock
        self._places = asyncio.Semaphore(_AT_ONCE)
        self._denied: dict[str, float] = {}
        """Until when, by CLOCK_BOOTTIME, pods of a namespace are left alone."""

    async def refresh(self, outcome: Outcome) -> Outcome:
        """Follows up on a renewal, be it one that the status could not tell of any more, because the process was killed
        in between, or the API server was away: with what is to be remembered of that."""
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
        # What is there already changes nothing, and the kubelet then looks at nothing: two renewals within one second.
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
    """With the issue times of the token that pods were told of, and of the one that they are to be told of yet."""
    before = outcome.remembered
    if (before.pods_notified, before.pods_pending) == (notified, pending):
        return outcome
    return outcome._replace(remembered=before._replace(pods_notified=notified, pods_pending=pending))


def _is_notified(outcome: Outcome, issued: float) -> bool:
    """Whether pods need not be told of the token any more."""
    remembered, target = outcome.remembered, outcome.observation.target
    if outcome.renewed:
        return remembered.pods_notified == issued
    # What was read: an answer that tells at last what was assumed moves the issue time of the same token.
    read = target.stored.token.issued if target is not None and target.stored else issued
    told = outcome.integration.status["issueTime"] == format_time(read) and remembered.pods_pending != read
    return told or remembered.pods_notified == read


def _is_late(outcome: Outcome, issued: float) -> bool:
    """Whether a mounted file might follow the renewal too late by itself."""
    if outcome.remembered.pods_pending:
        return True
    in_time = _IN_TIME + outcome.integration.consumer_delay
    if outcome.renewed:
        return outcome.replaced_left < in_time
    # As text: a person may have written what the API server takes for a time, and we could not read.
    return bool(outcome.integration.status["expirationTime"] < format_time(issued + in_time))
