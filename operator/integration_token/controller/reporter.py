"""What users are told of a resource: its status, written only where it changed, and events at turns only."""

from collections.abc import Mapping
from typing import Any

from integration_token.api.condition import Condition, ConditionType, Reason, condition_of, with_transition_times
from integration_token.api.names import GROUP, INTEGRATION_TOKEN_KIND, VERSION
from integration_token.api.value import format_time
from integration_token.clock import Clock
from integration_token.cluster.event import EventRecorder, ObjectReference
from integration_token.cluster.gateway import INTEGRATIONS, Gateway, Object
from integration_token.controller.observation import Look
from integration_token.controller.status import Outcome, build_status, merge_patch
from integration_token.errors import UserActionRequired
from integration_token.state.inventory import Inventory
from integration_token.telemetry.logs import get_logger
from integration_token.workqueue.endpoint_queue import MAX_PER_GRANT, SHORTEST_LIFETIME, WaitReason
from integration_token.workqueue.key import Key

log = get_logger(__name__)

_WAITS = frozenset({Reason.SUSPENDED, Reason.RATE_LIMITED})
"""Reasons why a token is not refreshed that are no failures."""


class Reporter:
    """Tells at resources what became of them."""

    def __init__(self, gateway: Gateway, inventory: Inventory, events: EventRecorder, clock: Clock) -> None:
        self._gateway = gateway
        self._inventory = inventory
        self._events = events
        self._clock = clock

    async def reject(self, key: Key, body: Object, failure: UserActionRequired) -> None:
        """Tells at the resource that its spec cannot be read."""
        metadata, status = body["metadata"], body.get("status") or {}
        generation = int(metadata.get("generation", 1))
        conditions = [
            Condition(ConditionType.READY, False, Reason(failure.reason), failure.message),
            Condition(ConditionType.STALLED, True, Reason(failure.reason), failure.message),
        ]
        now = format_time(self._clock.now().wall)
        after = {
            **status,
            "conditions": with_transition_times(conditions, status.get("conditions") or (), generation, now),
            "observedGeneration": generation,
        }
        patch = merge_patch(status, after)
        if patch:
            await self._gateway.patch_status(INTEGRATIONS, key.namespace, key.name, metadata["resourceVersion"], patch)

    async def report(self, key: Key, look: Look) -> None:
        """Writes the status where it changed, and tells by events what a person wants to know."""
        integration, entry = look.integration, look.entry
        rate_limited = look.left <= 0 and (look.hold is WaitReason.RATE or look.waited or look.pace > 0)
        if (look.hold is not None or look.pace > 0) and not rate_limited:
            return  # a moment's wait is no news
        matches = None if look.identity is None or look.stored is None else look.stored.identity == look.identity
        situation = Outcome(
            now=look.wall,
            target=look.predecessors[0]["metadata"]["name"] if look.predecessors else integration.target,
            stored=look.stored,
            matches=matches,
            expires=entry.expires,
            renews=entry.renews,
            failure=look.failure,
            rate_limited=rate_limited,
            scopes_reduced=look.scopes_reduced,
            asked=look.asked or look.copied,
            renewed=look.renewed,
            handled_renew_request=look.handled_renew_request,
            why=look.why,
            rollover=look.rollover if entry.untold and "issueTime" in integration.status else None,
        )
        status = build_status(integration, situation)
        entry.ready = condition_of(status, ConditionType.READY).get("status") == "True"
        patch = merge_patch(integration.status, status)
        if patch and not await self._gateway.patch_status(
            INTEGRATIONS, key.namespace, key.name, integration.resource_version, patch
        ):
            self._inventory.forget(key)
            return
        entry.untold = False
        self._tell(look, condition_of(status, ConditionType.REFRESHED))
        self._tell_rollover(look, condition_of(status, ConditionType.ROLLOVER_TOO_LATE))

    def tell_pace(self, look: Look) -> None:
        """Records, once, that a token lives too short for the requests that its grant may cost."""
        lifetime = look.stored.token.lifetime if look.stored is not None else SHORTEST_LIFETIME
        if lifetime < SHORTEST_LIFETIME and not look.entry.pace_told:
            look.entry.pace_told = True
            self.event(
                look,
                "TooManyRequests",
                f"the endpoint was asked {MAX_PER_GRANT} times within a minute, which is the most, for a token that"
                f" lives {lifetime:.0f} s: it may expire before it is renewed; let the endpoint issue tokens that live"
                f" {SHORTEST_LIFETIME:.0f} s or longer",
                warning=True,
            )

    def tell_written(self, look: Look) -> None:
        """Logs and records that the target was written, and why."""
        integration, stored = look.integration, look.stored
        if stored is None:
            return
        if not look.renewed:
            # A write that follows from a change of the spec, such as another template, is no news to who changed it.
            same_spec = integration.status.get("observedGeneration") == integration.generation
            touched = look.copied and (look.inputs != look.settled or stored.token.assumed)
            if not look.asked and not touched and same_spec:
                self.event(look, "Repaired", f"Secret {integration.target} was brought back to what it should be")
            return
        log.info("token written", namespace=integration.namespace, name=integration.name, secret=integration.target,
                 expires=int(stored.token.expires))  # fmt: skip
        again = "issueTime" in integration.status
        seconds = int(stored.token.expires - look.wall)
        self.event(
            look,
            "Renewed" if again else "Issued",
            f"Secret {integration.target} holds a {'new ' if again else ''}token that is valid for {seconds} s",
        )
        if look.scopes_reduced:
            self.event(
                look,
                Reason.SCOPES_REDUCED,
                "the new token has fewer scopes than the one before; check the integration's permissions",
                warning=True,
            )

    def _tell(self, look: Look, after: Mapping[str, Any]) -> None:
        """Logs and records that refreshing began or ceased to fail; `after` is the condition Refreshed as it now
        stands."""
        integration, failure = look.integration, look.failure
        before = condition_of(integration.status, ConditionType.REFRESHED)
        if failure is not None:
            if (before.get("status"), before.get("reason")) != ("False", failure.reason):
                log.warning("no current token", namespace=integration.namespace, name=integration.name,
                            reason=failure.reason, error=failure.message)  # fmt: skip
                self.event(look, failure.reason, failure.message, warning=True)
        elif before.get("status") == "False" and after.get("status") == "True" and (
            # A 429 is told as a failure too, and its pause is a wait like any other.
            before.get("reason") not in _WAITS or look.failing.failure is not None
        ):  # fmt: skip
            self.event(look, "Mended", "the token is refreshed again")

    def _tell_rollover(self, look: Look, after: Mapping[str, Any]) -> None:
        """Records that rollovers turned out to come too late; `after` is the condition as it now stands."""
        before = condition_of(look.integration.status, ConditionType.ROLLOVER_TOO_LATE)
        if after["status"] == "True" != before.get("status"):
            self.event(look, Reason.ROLLOVER_TOO_LATE, after["message"], warning=True)

    def tell_unverified(self, look: Look) -> None:
        """Records that an answer says nothing of the credentials that were changed."""
        self.event(
            look,
            "CredentialsNotVerified",
            f"Secret {look.integration.credentials} was changed, but the endpoint answered from its cache the token"
            " that it had issued before; whether it accepts the new credentials shows when it next issues one",
            warning=True,
        )

    def event(self, look: Look, reason: str, message: str, *, warning: bool = False) -> None:
        """Records an event at the resource; `reason` is one word in CamelCase."""
        integration = look.integration
        about = ObjectReference(
            f"{GROUP}/{VERSION}", INTEGRATION_TOKEN_KIND, integration.namespace, integration.name, integration.uid
        )
        self._events.record(about, warning=warning, reason=reason, message=message)
