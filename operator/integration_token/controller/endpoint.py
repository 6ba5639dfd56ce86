"""The status of endpoints: whether their spec is usable, before any token is requested."""

from collections.abc import Mapping
from typing import Any, NamedTuple

from integration_token.api.condition import Condition, ConditionType, Reason, Trait, told_by, with_transition_times
from integration_token.api.endpoint import Endpoint, EndpointRef, parse_endpoint
from integration_token.api.integration import is_going
from integration_token.api.value import format_time
from integration_token.clock import Clock, Instant
from integration_token.cluster.collection import ENDPOINTS
from integration_token.cluster.gateway import Gateway
from integration_token.controller.ca_bundle import CABundles
from integration_token.controller.references import can_be_checked, check_endpoint
from integration_token.controller.status import merge_patch
from integration_token.controller.wording import keep_wording
from integration_token.errors import ClusterError, Conflict, UserActionRequired
from integration_token.oauth.address import Policy
from integration_token.oauth.token_url import host_for_people
from integration_token.state.inventory import Inventory
from integration_token.telemetry.logs import get_logger
from integration_token.workqueue.key import Key, endpoint_of

log = get_logger(__name__)

_RETRY = 5.0
"""Seconds until a failed status write is retried."""


class EndpointReconciler:
    """Writes the status of endpoints."""

    def __init__(
        self, gateway: Gateway, inventory: Inventory, bundles: CABundles, policy: Policy, clock: Clock
    ) -> None:
        self._gateway = gateway
        self._bundles = bundles
        self._inventory = inventory
        self._policy = policy
        self._clock = clock

    async def work(self, key: Key) -> Instant | None:
        """Checks the endpoint's spec and writes its status if that changed."""
        ref = endpoint_of(key)
        try:
            endpoint = self._inventory.endpoints.get(ref)
            if endpoint is not None and can_be_checked(endpoint):
                await self._tell(endpoint)
            else:
                await self._read(ref)
        except Conflict:
            return None  # changed in the meantime: the watch brings the current version
        except ClusterError as error:
            log.warning("cannot write the status of an endpoint", kind=ref.kind, name=ref.name, error=str(error))
            return self._clock.now().after(_RETRY)
        return None

    async def _tell(self, endpoint: Endpoint) -> None:
        fault = None
        try:
            await check_endpoint(await self._bundles.resolve(endpoint), self._policy)
        except UserActionRequired as failure:
            fault = failure.without_traceback()
        seen = _Seen(endpoint.generation, endpoint.resource_version, endpoint.status)
        await self._write(endpoint.ref, seen, fault, host_for_people(endpoint.token_url))

    async def _read(self, ref: EndpointRef) -> None:
        """Checks an endpoint that is not kept in full, or that cannot be parsed, such as one stored under another
        schema."""
        body = await self._gateway.get(ENDPOINTS[ref.kind], ref.namespace, ref.name)
        if body is None or is_going(body):
            return
        try:
            await self._tell(parse_endpoint(ref.kind, body))
        except UserActionRequired as failure:
            metadata = body["metadata"]
            seen = _Seen(int(metadata.get("generation", 1)), metadata["resourceVersion"], body.get("status") or {})
            await self._write(ref, seen, failure, "")

    async def _write(self, ref: EndpointRef, seen: "_Seen", fault: UserActionRequired | None, host: str) -> None:
        """`fault`: why the spec cannot be used, None if it can be; `host`: from its URL, empty if that cannot be
        parsed."""
        now = format_time(self._clock.now().wall)
        before = seen.status.get("conditions") or ()
        wanted = [keep_wording(condition, seen.status) for condition in _conditions(fault)]
        conditions = with_transition_times(wanted, before, seen.generation, now)
        status: dict[str, Any] = {"conditions": conditions, "observedGeneration": seen.generation}
        if host:
            status["host"] = host
        patch = merge_patch(seen.status, status)
        if patch:
            await self._gateway.patch_status(ENDPOINTS[ref.kind], ref.namespace, ref.name, seen.version, patch)
        self._inventory.keep_endpoint_told(ref, told_by(conditions))


class _Seen(NamedTuple):
    """The version of an endpoint that was checked, with its status."""

    generation: int
    version: str
    status: Mapping[str, Any]


def _conditions(fault: UserActionRequired | None) -> list[Condition]:
    progressing = Condition(ConditionType.STALLED, False, Reason.PROGRESSING, "")
    if fault is None:
        return [Condition(ConditionType.READY, True, Reason.VALID, ""), progressing]
    reason = Reason(fault.reason)
    stalled = Condition(ConditionType.STALLED, True, reason, fault.message)
    return [
        Condition(ConditionType.READY, False, reason, fault.message),
        stalled if Trait.STALLS_ENDPOINT in reason.traits else progressing,
    ]
