"""What users see of a resource: its status, written only if it changed, and events only when something turns."""

from collections.abc import Mapping
from typing import Any

from integration_token.api.condition import (
    Condition,
    ConditionType,
    Reason,
    Trait,
    condition_of,
    has_trait,
    told_by,
    with_transition_times,
)
from integration_token.api.event import EventReason
from integration_token.api.integration import Integration
from integration_token.api.names import GROUP, INTEGRATION_TOKEN_KIND, VERSION
from integration_token.api.token import Assumption, Token
from integration_token.api.value import format_time
from integration_token.clock import Clock, Instant
from integration_token.cluster.collection import Object
from integration_token.cluster.event import EventRecorder, ObjectReference
from integration_token.cluster.target import Recreation
from integration_token.controller.arrival import silent_until, was_told
from integration_token.controller.outcome import Outcome
from integration_token.controller.status import build_status, is_unfilled, is_warned_of, merge_patch
from integration_token.controller.status_write import StatusPatch, StatusWriter
from integration_token.controller.wording import keep_wording
from integration_token.errors import UserActionRequired
from integration_token.state.inventory import Inventory
from integration_token.telemetry.logs import get_logger
from integration_token.workqueue.grant_rate import MAX_PER_GRANT, SHORTEST_LIFETIME
from integration_token.workqueue.key import Key

log = get_logger(__name__)


class Reporter:
    """Reports at resources what happened to them."""

    def __init__(self, statuses: StatusWriter, inventory: Inventory, events: EventRecorder, clock: Clock) -> None:
        self._statuses = statuses
        self._inventory = inventory
        self._events = events
        self._clock = clock

    async def reject(self, key: Key, body: Object, failure: UserActionRequired) -> None:
        """Reports at the resource that its spec cannot be parsed."""
        metadata, status = body["metadata"], body.get("status") or {}
        generation = int(metadata.get("generation", 1))
        conditions = [
            Condition(ConditionType.READY, False, Reason(failure.reason), failure.message),
            Condition(ConditionType.REFRESHED, False, Reason(failure.reason), failure.message),
            Condition(ConditionType.STALLED, True, Reason(failure.reason), failure.message),
        ]
        now = format_time(self._clock.now().wall)
        after = {
            **status,
            "conditions": with_transition_times(
                [keep_wording(condition, status) for condition in conditions],
                status.get("conditions") or (),
                generation,
                now,
            ),
            "observedGeneration": generation,
        }
        patch, told = merge_patch(status, after), told_by(after["conditions"])
        if not await self._statuses.write(key, StatusPatch(metadata["uid"], metadata["resourceVersion"], patch, told)):
            return
        before = condition_of(status, ConditionType.REFRESHED)
        if (before.get("status"), before.get("reason")) != ("False", failure.reason):
            about = _reference(key.namespace, key.name, str(metadata["uid"]))
            self._events.record(about, warning=True, reason=Reason(failure.reason), message=failure.message)

    async def report(self, key: Key, outcome: Outcome) -> Outcome:
        """Writes the status if it changed, and records events for people: returns the outcome with what to remember. A
        status that only reports success is written once no token has to wait for that.

        :raises ClusterError: if it could not be written.
        """
        if outcome.waits and not outcome.is_rate_limited:
            await self._acknowledge(key, outcome)
            return outcome
        integration = outcome.integration
        status = build_status(outcome)
        ready = condition_of(status, ConditionType.READY).get("status") == "True"
        patch = StatusPatch(
            integration.uid,
            integration.resource_version,
            merge_patch(integration.status, status),
            told_by(status["conditions"]),
        )
        rollover = condition_of(status, ConditionType.ROLLOVER_TOO_LATE)
        warned = is_warned_of(integration, rollover)
        # A status that leads to an event is written before it, so that a conflict does not cause the event twice.
        says_more = (
            condition_of(integration.status, ConditionType.REFRESHED).get("status") == "False"
            or is_unfilled(integration)
            or warned
        )
        if put_off := outcome.is_good_news and not says_more:
            self._statuses.put_off(key, patch)
        elif not await self._statuses.write(key, patch):
            return outcome
        self._tell_template(integration)
        untold = self._tell_change(outcome, condition_of(status, ConditionType.REFRESHED), ready=ready)
        if warned:
            self.event(integration, Reason(rollover["reason"]), rollover["message"], warning=True)
        remembered = outcome.remembered
        pending = remembered.status_pending and put_off
        if remembered.untold_until == untold and remembered.status_pending == pending:
            return outcome
        remembered = remembered._replace(status_pending=pending, untold_until=untold)
        return outcome._replace(remembered=remembered)

    async def _acknowledge(self, key: Key, outcome: Outcome) -> None:
        """Reports at a resource with a valid token that its new spec has been seen, if the renewal may take long: tools
        that wait for the resource would wait for the renewal. A moment's wait is not reported."""
        integration = outcome.integration
        held = condition_of(integration.status, ConditionType.READY).get("status") == "True" and outcome.left > 0
        if held and outcome.waits_long and integration.status.get("observedGeneration") != integration.generation:
            patch = {"observedGeneration": integration.generation}
            told = told_by(integration.status.get("conditions") or ())
            if await self._statuses.write(key, StatusPatch(integration.uid, integration.resource_version, patch, told)):
                self._tell_template(integration)

    def tell_refreshed(self, outcome: Outcome) -> Outcome:
        """Records events about the request, whatever happens to the target: returns the outcome with what to
        remember."""
        integration = outcome.integration
        if outcome.unverified:
            self.event(
                integration,
                EventReason.CREDENTIALS_NOT_VERIFIED,
                f"Secret {integration.credentials} was changed, but the endpoint returned the token that it had issued"
                " before from its cache; it will check the new credentials only when it next issues a token",
                warning=True,
            )
        lifetime = outcome.stored.token.lifetime if outcome.stored is not None else SHORTEST_LIFETIME
        if outcome.wait.grant_rate <= 0 or lifetime >= SHORTEST_LIFETIME or outcome.remembered.rate_told:
            return outcome
        self.event(
            integration,
            EventReason.TOO_MANY_REQUESTS,
            f"the operator has reached its limit of {MAX_PER_GRANT} requests a minute for a token with a lifetime of"
            f" {lifetime:.0f} s, which may expire before it is renewed; set the lifetime at the endpoint to"
            f" {SHORTEST_LIFETIME:.0f} s or more",
            warning=True,
        )
        return outcome._replace(remembered=outcome.remembered._replace(rate_told=True))

    def tell_written(self, outcome: Outcome) -> None:
        """Logs and records that the target was written, and why."""
        integration, stored, written = outcome.integration, outcome.stored, outcome.written
        if stored is None or written is None:
            return
        if written.recreated is not None:
            self._tell_replaced(integration, written.recreated)
        if not written.wrote:
            return
        if not outcome.renewed:
            # A write because of a change of the spec, such as another template, is no news to its author.
            same_spec = integration.status.get("observedGeneration") == integration.generation
            changed = outcome.revisions != outcome.observation.last_revisions
            if not outcome.asked and not (outcome.copied and changed) and same_spec:
                self.event(
                    integration,
                    EventReason.REPAIRED,
                    f"Secret {integration.target} was changed or deleted by someone else and has been restored",
                )
            return
        log.info("token written", namespace=integration.namespace, name=integration.name, secret=integration.target,
                 expires=int(stored.token.expires))  # fmt: skip
        again = "issueTime" in integration.status
        seconds = int(stored.token.expires - outcome.wall)
        self.event(
            integration,
            EventReason.RENEWED if again else EventReason.ISSUED,
            f"Secret {integration.target} holds a {'new ' if again else ''}token that is valid for {seconds} s",
        )
        self._tell_expiry(outcome, stored.token)
        if outcome.scopes_reduced:
            self.event(
                integration,
                Reason.SCOPES_REDUCED,
                "the new token has fewer scopes than the one before; check the integration's permissions",
                warning=True,
            )

    def _tell_replaced(self, integration: Integration, why: Recreation) -> None:
        """Records that the Secret was replaced by another one with the same name."""
        if why is Recreation.IMMUTABLE:
            self.event(
                integration,
                EventReason.TARGET_REPLACED,
                f"Secret {integration.target} could not be changed, so it was deleted and recreated;"
                " restart the pods that mount it",
                warning=True,
            )
            return
        self.event(
            integration,
            EventReason.TARGET_REPLACED,
            f"Secret {integration.target} had another type, so it was deleted and recreated with type"
            f" {integration.template.type}; pods that mount it receive it like a renewal",
        )

    def _tell_expiry(self, outcome: Outcome, token: Token) -> None:
        """Records that the expiry of a new token is unknown, or known by only one of two clocks."""
        integration, until = outcome.integration, format_time(token.expires)
        endpoint = integration.endpoint.title
        if token.assumption is not None and not integration.status.get("expirationAssumed"):
            field = "maximumLifetime" if token.assumption is Assumption.BEYOND_MAXIMUM else "defaultLifetime"
            self.event(
                integration,
                EventReason.EXPIRATION_ASSUMED,
                f"{_ASSUMED[token.assumption]}: it is assumed to expire at {until}, and a new one is requested by then;"
                f" set spec.{field} of {endpoint} to the lifetime of its tokens",
                warning=True,
            )
        if token.skew:
            ahead = "ahead of" if token.skew > 0 else "behind"
            self.event(
                integration,
                EventReason.CLOCK_SKEW,
                f"according to its answer, the clock of {endpoint} is {abs(token.skew):.0f} s {ahead} the operator's:"
                " one of them is wrong, or a cache in between replays old answers; the token is assumed to expire at"
                f" {until}; check both clocks, and that nothing caches the endpoint's answers",
                warning=True,
            )

    def event(
        self,
        integration: Integration,
        reason: EventReason | Reason,
        message: str,
        *,
        warning: bool = False,
        once: bool = False,
    ) -> None:
        """Records an event at the resource; with `once`, only if there is none yet that was recorded like this."""
        about = _reference(integration.namespace, integration.name, integration.uid)
        self._events.record(about, warning=warning, reason=reason, message=message, once=once)

    def _tell_change(self, outcome: Outcome, after: Mapping[str, Any], *, ready: bool) -> Instant | None:
        """Logs and records that refreshing began or stopped failing: returns until when that is deferred, if it is.

        :param after: the new condition Refreshed.
        :param ready: whether there is a valid token nevertheless.
        """
        integration, failure = outcome.integration, outcome.failure
        before = condition_of(integration.status, ConditionType.REFRESHED)
        told = was_told(outcome, before)
        if failure is not None:
            known = (before.get("status"), before.get("reason")) == ("False", failure.reason)
            if known and told:
                return None
            untold_until = silent_until(outcome, failure)
            if untold_until is None:
                what = "token not refreshed, the current one is still valid" if ready else "no valid token"
                log.warning(what, namespace=integration.namespace, name=integration.name,
                            reason=failure.reason, error=after["message"])  # fmt: skip
                self.event(integration, Reason(failure.reason), after["message"], warning=True, once=not told)
            return untold_until
        if after.get("status") == "False":
            return outcome.remembered.untold_until  # the request waits, and nothing new is known
        if told and before.get("status") == "False" and (
            # A 429 is reported as a failure too, and its pause is a wait like any other.
            not has_trait(before.get("reason"), Trait.WAIT) or outcome.observation.before.failing.failure is not None
        ):  # fmt: skip
            self.event(integration, EventReason.RECOVERED, "refreshing the token works again")
        return None

    def _tell_template(self, integration: Integration) -> None:
        """Records, when a spec is first observed, that its template has no placeholder: another tool may have replaced
        it, taking `${token}` for one of its own variables."""
        if is_unfilled(integration):
            self.event(
                integration,
                EventReason.TEMPLATE_WITHOUT_PLACEHOLDER,
                "no value in spec.target.template.data has a placeholder such as ${token}, so its keys never contain"
                " the token; if you set one, another tool has replaced it: with Flux's postBuild write $${token}",
                warning=True,
            )


def _reference(namespace: str, name: str, uid: str) -> ObjectReference:
    return ObjectReference(f"{GROUP}/{VERSION}", INTEGRATION_TOKEN_KIND, namespace, name, uid)


_ASSUMED = {
    Assumption.UNTOLD: "the endpoint issued a token without expires_in",
    Assumption.OTHER_FIELD: "the endpoint issued a token without expires_in (expires_on and expires_at are not read)",
    Assumption.ZERO: "the endpoint issued a token with an expires_in of 0 or -1, which states no expiry",
    Assumption.UNREADABLE: "the endpoint issued a token with an expires_in that is not a number of seconds",
    Assumption.BEYOND_MAXIMUM: "the endpoint issued a token with an expiry beyond spec.maximumLifetime",
}
