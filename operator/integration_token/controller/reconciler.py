"""Brings one IntegrationToken, or one endpoint, to what it should be: observe, decide, act, tell when to look again.

Nothing here sleeps. Two API writes for an issue or a renewal, none where nothing changed. Between two looks only
:class:`~integration_token.state.inventory.ResourceState` is kept, and no token.
"""

from collections.abc import Callable
from dataclasses import replace

from integration_token.api.condition import Reason
from integration_token.api.integration import Integration, is_going, parse_integration
from integration_token.api.token import GrantIdentity
from integration_token.clock import Clock, Instant
from integration_token.cluster.gateway import INTEGRATIONS, Gateway
from integration_token.cluster.secret import SecretWatch
from integration_token.cluster.target import build_target, grant_hash, last_manager
from integration_token.controller.endpoint import EndpointReconciler
from integration_token.controller.observation import Look
from integration_token.controller.pod_refresh import PodRefresher
from integration_token.controller.references import References
from integration_token.controller.refresh import Refresher, inputs_of, offered, with_credentials
from integration_token.controller.reporter import Reporter
from integration_token.controller.requeue import cut_short, failing_after, requeue_after
from integration_token.controller.target import TargetWriter
from integration_token.errors import ClusterError, Conflict, Denied, Failure, Transient, UserActionRequired
from integration_token.renewal.backoff import MAX_CHANGE_WAIT, TELLING
from integration_token.state.grant import Grants
from integration_token.state.inventory import Inventory, ResourceState
from integration_token.telemetry.logs import get_logger
from integration_token.telemetry.metrics import Metrics
from integration_token.workqueue.endpoint_queue import Rank, Urgency, WaitReason
from integration_token.workqueue.endpoint_queues import EndpointQueues
from integration_token.workqueue.key import QUEUE_WORK, TOKEN_WORK, Key, endpoint_of

log = get_logger(__name__)

_PATIENCE = 2.0
"""Seconds that a first token waits for others in flight before it is looked whether it is the endpoint's rate limit by
now that it waits for, which its user is told. Later looks come after `TELLING` seconds: many may wait."""


class Reconciler:
    """Works on the scheduler's keys."""

    def __init__(
        self,
        *,
        gateway: Gateway,
        secrets: SecretWatch,
        inventory: Inventory,
        references: References,
        writer: TargetWriter,
        refresher: Refresher,
        queues: EndpointQueues,
        grants: Grants,
        mounts: PodRefresher,
        endpoints: EndpointReconciler,
        reporter: Reporter,
        metrics: Metrics,
        clock: Clock,
        jitter: Callable[[], float],
    ) -> None:
        """`jitter` answers numbers uniform in [0, 1)."""
        self._gateway = gateway
        self._secrets = secrets
        self._inventory = inventory
        self._references = references
        self._writer = writer
        self._refresher = refresher
        self._queues = queues
        self._grants = grants
        self._mounts = mounts
        self._endpoints = endpoints
        self._reporter = reporter
        self._metrics = metrics
        self._clock = clock
        self._jitter = jitter

    async def work(self, key: Key) -> Instant | None:
        """Works on one key, and answers when to come back to it unless something happens before."""
        if key.kind == TOKEN_WORK:
            return await self._token(key)
        if key.kind == QUEUE_WORK:
            # To be answered, since the scheduler takes no other time for a key that is being worked on.
            return self._queues.admit(endpoint_of(key))
        return await self._endpoints.work(key)

    async def _token(self, key: Key) -> Instant | None:
        entry = self._inventory.entries.get(key)
        if entry is None:
            self._queues.leave(key)
            self._grants.forget(key)
            return None
        now = self._clock.now()
        if not self._queues.has(key) and (self._nothing_new(entry, key, now) or _is_contested(entry, now)):
            return entry.due
        settled, entry.settled = entry.settled, None
        look: Look | None = None
        waiting = False
        try:
            integration = entry.record or await self._read(key, entry)
            entry.record = None
            if integration is None:
                return self._without(key, entry, now)
            if self._must_wait(key, entry, integration):
                waiting = True
                entry.keep(integration)
                waited = 0.0 if entry.queued is None else now.boot - entry.queued.boot
                return now.after(_PATIENCE if waited < _PATIENCE else TELLING)
            look = Look(integration, entry, now, now.wall, settled=settled[0] if settled else None)
            look.wanted, look.unwritten = entry.failing.wanted, entry.failing.unwritten
            await self._observe(look)
            await self._refresher.refresh(key, look)
            await self._deliver(key, look)
            waiting = look.hold is not None
            await self._reporter.report(key, look)
        except Denied as error:
            log.warning("API call refused", namespace=key.namespace, name=key.name, error=str(error))
            if look is None:
                # Soon at first: an API server that is just starting refuses what it will grant in a moment.
                return self._cut_short(entry, None, error)
            await self._refused(key, look, error)
        except ClusterError as error:
            if not isinstance(error, Conflict):
                log.warning("API call failed", namespace=key.namespace, name=key.name, error=str(error))
            return self._cut_short(entry, look, error)
        finally:
            self._end(key, look, waiting=waiting)
        entry.failing = failing_after(look, self._jitter())
        entry.due = requeue_after(look, entry.failing)
        if not waiting and look.inputs is not None and not look.contested:
            entry.settled = (look.inputs, look.version)
        return entry.due

    def _without(self, key: Key, entry: ResourceState, now: Instant) -> Instant | None:
        """When to come back to a resource that is gone, is another by now, or can't be read."""
        current = self._inventory.entries.get(key)
        if current is None:
            return None
        return now if current.uid != entry.uid else now.after(MAX_CHANGE_WAIT)

    def _cut_short(self, entry: ResourceState, look: Look | None, error: ClusterError) -> Instant:
        """Has another pass made where the API server cut this one short, and a token asked for anew where one could not
        be written."""
        failing = entry.failing
        if look is not None:
            if look.renewed and not look.delivered:
                look.take_back()
            failing = replace(failing, wanted=look.wanted, unwritten=look.unwritten)
        entry.failing, due = cut_short(failing, error, self._clock.now(), self._jitter())
        return due

    def _end(self, key: Key, look: Look | None, *, waiting: bool) -> None:
        """Lets others ask, or copy."""
        self._refresher.let_go(key)
        if not waiting:
            self._queues.leave(key)
        if look is not None:
            if look.hold is None:
                look.entry.queued = None
            self._grants.on_pass_end(key, look.entry.grant, renewed=look.asked and look.renewed and look.delivered)
        if key not in self._inventory.entries:
            self._queues.leave(key)
            self._grants.forget(key)

    async def _refused(self, key: Key, look: Look, error: Denied) -> None:
        """Tells at the resource that the API server refused the operator a call."""
        if look.renewed and not look.delivered:
            look.take_back()
        look.hold, look.pace = None, 0.0
        look.failure = Transient(
            Reason.FORBIDDEN,
            f"the API server refuses the operator a call: {error}; grant its account what the chart's RBAC grants",
        )
        try:
            await self._reporter.report(key, look)
        except ClusterError as again:
            log.warning("status not written", namespace=key.namespace, name=key.name, error=str(again))

    def _nothing_new(self, entry: ResourceState, key: Key, now: Instant) -> bool:
        """Whether a wake-up has no reason any more: our own writes come back as watch events."""
        if entry.settled is None or entry.record is not None or entry.endpoint is None:
            return False
        if (entry.due is not None and entry.due.is_due(now)) or offered(key, entry, now):
            return False
        inputs, version = entry.settled
        (_, namespace, credentials), (_, _, target) = entry.references[:2]
        endpoint = self._inventory.endpoints.get(entry.endpoint)
        found = self._secrets.credentials(namespace, credentials)
        written = self._secrets.target(namespace, target)
        if endpoint is None or found is None or written is None or written.version != version:
            return False
        if endpoint.namespace_selector:
            return False  # rare enough to look
        return inputs == inputs_of(entry, endpoint, found)

    def _must_wait(self, key: Key, entry: ResourceState, integration: Integration) -> bool:
        """Whether a first token has to wait for others in flight: asked before anything is read for it.

        It does so without a word, however many are before it, as long as the endpoint answers them at once.
        """
        first = self._secrets.target(integration.namespace, integration.target) is None and not integration.status
        endpoint = self._inventory.endpoints.get(integration.endpoint)
        if not first or endpoint is None or integration.suspend:
            return False
        hold = self._queues.enter(endpoint, key, Rank(Urgency.NONE, 0.0))
        waited = self._refresher.waited(entry, hold)
        return hold is WaitReason.TURN and not (waited and self._queues.slow(endpoint.ref))

    async def _read(self, key: Key, entry: ResourceState) -> Integration | None:
        """The resource as it is now; None where it is gone, or cannot be read and has been told so."""
        body = await self._gateway.get(INTEGRATIONS, key.namespace, key.name)
        if body is None or is_going(body):
            self._inventory.forget(key)
            return None
        try:
            integration = parse_integration(body)
        except UserActionRequired as failure:
            await self._reporter.reject(key, body, failure)
            return None
        if integration.uid != entry.uid:
            # Deleted and created again in a gap of the watch: what is remembered is of the one before.
            self._inventory.observe(integration)
            return None
        self._inventory.refer(key, entry, integration)
        return integration

    async def _observe(self, look: Look) -> None:
        """Reads the target and what the resource refers to, and notes the first thing that stands in the way."""
        integration, entry = look.integration, look.entry
        try:
            look.predecessors = await self._writer.predecessors(integration, entry.written)
            look.target = await self._writer.read(integration, look.predecessors)
            look.stored = look.target.stored
            if look.stored is not None and not look.clock_was_set:
                token = self._grants.as_answered(entry.grant, look.stored.token)
                look.stored = replace(look.stored, token=token)
            look.version = look.target.secret["metadata"]["resourceVersion"] if look.target.secret else ""
        except Failure as failure:
            look.failure = failure.without_traceback()
        look.plan()
        try:
            endpoint = look.endpoint = await self._references.endpoint(integration)
            look.identity = GrantIdentity(endpoint.uid, grant_hash(endpoint, integration), "", "")
            credentials = await self._references.credentials(integration, endpoint)
            look.identity = with_credentials(look.identity, credentials)
            look.inputs = inputs_of(entry, endpoint, credentials)
            look.learn()
        except Failure as failure:
            look.failure = look.failure or failure.without_traceback()
            if look.inputs is None:
                look.identity = None
        self._look_for_others(look)

    async def _deliver(self, key: Key, look: Look) -> None:
        """Brings the target up to date: with a new token, or as it was before somebody changed it."""
        if look.stored is None or look.target is None or look.identity is None or look.integration.suspend:
            return
        if look.contested:
            return
        if look.integration.target not in look.entry.written:
            look.entry.written += (look.integration.target,)
        grant = look.entry.grant
        # Others that wait for the token go on without it.
        waiting = (lambda: self._grants.on_pass_end(key, grant, renewed=False)) if look.asked and look.renewed else None
        try:
            delivered = await self._writer.write(look.integration, look.target, look.stored, waiting)
        except Failure as failure:
            look.failure = failure.without_traceback()
            if look.renewed:
                look.take_back()
            return
        look.version, look.delivered, look.unwritten = delivered.version, True, 0
        look.entry.written_for = look.inputs
        if look.stored.identity == look.identity:
            self._grants.on_delivery(key, look.entry.grant, look.integration.target, look.stored.token)
        if delivered.wrote:
            if look.disturbed:
                look.entry.repairs = look.entry.repairs.made(self._clock.now())
            self._metrics.record_write(look.integration.namespace)
            self._reporter.tell_written(look)
        await self._mounts.refresh(look)
        if delivered.recreated:
            self._reporter.event(
                look,
                "TargetReplaced",
                f"Secret {look.integration.target} could not be changed and was deleted and created anew;"
                " restart the pods that mount it",
                warning=True,
            )
        await self._writer.take_away(look.integration, look.predecessors)
        look.predecessors, look.entry.written = (), (look.integration.target,)

    def _look_for_others(self, look: Look) -> None:
        """Leaves the target alone for a while where somebody keeps undoing what we write there."""
        integration, target, entry = look.integration, look.target, look.entry
        if target is None or integration.target not in entry.written or look.failure is not None:
            return
        deleted = target.secret is None
        if deleted and not look.predecessors:
            look.disturbed = True
        elif target.secret is not None and entry.written_for is not None and entry.written_for == look.inputs:
            stored = look.stored
            look.disturbed = stored is None or build_target(target.secret, integration, stored) is not None
        due = entry.repairs.due(look.now, deleted=deleted)
        if not look.disturbed or due.is_due(look.now):
            return
        look.contested, look.retry = True, due
        whose = "" if target.secret is None else last_manager(target.secret)
        who = f"field manager {whose!r}" if whose else "another controller, or somebody,"
        look.failure = Transient(
            Reason.TARGET_CONTESTED,
            f"{who} keeps {'deleting' if deleted else 'changing'} Secret {integration.target}; have it leave the Secret"
            " alone, or choose another spec.target.name",
        )


def _is_contested(entry: ResourceState, now: Instant) -> bool:
    """Whether a wake-up is but another round of a fight about the target, which is looked at now and then."""
    failure, due = entry.failing.failure, entry.due
    contested = failure is not None and failure.reason == Reason.TARGET_CONTESTED
    return contested and entry.record is None and due is not None and not due.is_due(now)
