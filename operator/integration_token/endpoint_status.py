"""The status of endpoints: whether their spec can be used, before any token is asked for."""

from typing import Final

from integration_token.api.condition import Condition, ConditionType, Reason, written
from integration_token.api.endpoint import Endpoint, EndpointKind, EndpointRef
from integration_token.api.value import format_time
from integration_token.clock import Clock, Instant
from integration_token.cluster.gateway import ENDPOINTS, Gateway
from integration_token.errors import ClusterError, Conflict, NeedsChange
from integration_token.inventory import Inventory
from integration_token.logs import get_logger
from integration_token.oauth.address import Policy
from integration_token.scheduler import Key
from integration_token.source import can_be_checked, check_endpoint, read_endpoint
from integration_token.status import changes

log = get_logger(__name__)

ENDPOINT_WORK: Final = "endpoint:"
"""Work on an endpoint's status; the endpoint's kind follows, the key's namespace and name are the endpoint's own."""

_RETRY = 5.0
"""Seconds until a status that could not be written is written again."""


def endpoint_key(ref: EndpointRef) -> Key:
    """The key of an endpoint's status."""
    return Key(ENDPOINT_WORK + ref.kind, ref.namespace, ref.name)


class EndpointReconciler:
    """Writes the status of endpoints."""

    def __init__(self, gateway: Gateway, inventory: Inventory, policy: Policy, clock: Clock) -> None:
        self._gateway = gateway
        self._inventory = inventory
        self._policy = policy
        self._clock = clock

    async def work(self, key: Key) -> Instant | None:
        """Judges the endpoint's spec and writes its status where that changed."""
        ref = EndpointRef(EndpointKind(key.work.removeprefix(ENDPOINT_WORK)), key.namespace, key.name)
        now = self._clock.now()
        try:
            endpoint = await self._endpoint(ref)
        except NeedsChange:
            return None  # unreadable
        except ClusterError as error:
            log.warning("endpoint not read", kind=ref.kind, name=ref.name, error=str(error))
            return now.after(_RETRY)
        if endpoint is None:
            return None
        try:
            check_endpoint(endpoint, self._policy)
            condition = Condition(ConditionType.READY, True, Reason.VALID, "")
        except NeedsChange as failure:
            condition = Condition(ConditionType.READY, False, Reason(failure.reason), failure.message)
        status = {
            "conditions": written(
                [condition], endpoint.status.get("conditions") or (), endpoint.generation, format_time(now.wall)
            ),
            "observedGeneration": endpoint.generation,
        }
        patch = changes(endpoint.status, status)
        if patch:
            try:
                await self._gateway.patch_status(
                    ENDPOINTS[ref.kind], ref.namespace, ref.name, endpoint.resource_version, patch
                )
            except Conflict:
                return None  # changed meanwhile: the watch brings what it is now
            except ClusterError as error:
                log.warning("endpoint status not written", kind=ref.kind, name=ref.name, error=str(error))
                return now.after(_RETRY)
        return None

    async def _endpoint(self, ref: EndpointRef) -> Endpoint | None:
        """The endpoint, from the API server where too little of it is kept; None where it is gone."""
        endpoint = self._inventory.endpoints.get(ref)
        if self._inventory.endpoint_version(ref) is None or (endpoint is not None and can_be_checked(endpoint)):
            return endpoint
        return await read_endpoint(self._gateway, self._inventory, ref)
