"""One pass over an IntegrationToken or an endpoint: observe, decide, act, report, and return when to look again.

Nothing here sleeps. An issue or a renewal takes two API writes; no change takes none. Between two passes only
:class:`~integration_token.state.resource.Remembered` is kept, and no token.
"""

from collections.abc import Callable

from integration_token.api.condition import Reason
from integration_token.api.integration import Integration, is_going, parse_integration
from integration_token.clock import Clock, Instant
from integration_token.cluster.collection import INTEGRATIONS
from integration_token.cluster.gateway import Gateway
from integration_token.cluster.secret import SecretWatch
from integration_token.controller.arrival import silent_until
from integration_token.controller.endpoint import EndpointReconciler
from integration_token.controller.observation import Observation
from integration_token.controller.observer import Observer
from integration_token.controller.outcome import NO_WAIT, Outcome, Progress
from integration_token.controller.pod_refresh import PodRefresher
from integration_token.controller.refresh import Refresher
from integration_token.controller.reporter import Reporter
from integration_token.controller.requeue import cut_short, failing_after, requeue_after, unfinished
from integration_token.controller.revision import revisions_of
from integration_token.controller.status_write import StatusWriter
from integration_token.controller.target_update import TargetUpdater
from integration_token.errors import ClusterError, Conflict, Denied, Transient, UserActionRequired
from integration_token.renewal.backoff import MAX_USER_ACTION_WAIT, TELL_AFTER
from integration_token.state.grants import Grants
from integration_token.state.inventory import Inventory
from integration_token.state.resource import ACCOUNT, Remembered, ResourceState
from integration_token.telemetry.logs import get_logger
from integration_token.workqueue.endpoint_queue import Rank, Urgency, WaitReason
from integration_token.workqueue.endpoint_queues import EndpointQueues
from integration_token.workqueue.key import QUEUE_WORK, TOKEN_WORK, Key, endpoint_of

log = get_logger(__name__)

_PATIENCE = 2.0
"""Seconds that a first token waits for others in flight before the operator checks whether it now waits for the
endpoint's rate limit, which the status must say. Later checks come after `TELL_AFTER` seconds: many may wait."""


class Reconciler:
    """Works on the scheduler's keys."""

    def __init__(
        self,
        *,
        gateway: Gateway,
        secrets: SecretWatch,
        inventory: Inventory,
        observer: Observer,
        refresher: Refresher,
        updater: TargetUpdater,
        queues: EndpointQueues,
        grants: Grants,
        pods: PodRefresher,
        endpoints: EndpointReconciler,
        reporter: Reporter,
        statuses: StatusWriter,
        clock: Clock,
        jitter: Callable[[], float],
    ) -> None:
        """`jitter` returns numbers uniform in [0, 1)."""
        self._gateway = gateway
        self._secrets = secrets
        self._inventory = inventory
        self._observer = observer
        self._refresher = refresher
        self._updater = updater
        self._queues = queues
        self._grants = grants
        self._pods = pods
        self._endpoints = endpoints
        self._reporter = reporter
        self._statuses = statuses
        self._clock = clock
        self._jitter = jitter

    async def work(self, key: Key) -> Instant | None:
        """Works on one key, and returns when to come back to it unless something happens before."""
        if key.kind == TOKEN_WORK:
            return await self._token(key)
        if key.kind == QUEUE_WORK:
            # Returned, since the scheduler accepts no other time for a key that is being worked on.
            return self._queues.admit(endpoint_of(key))
        return await self._endpoints.work(key)

    async def tell(self, key: Key) -> Instant | None:
        """Writes the deferred status of an IntegrationToken: returns when to come back to it if that failed."""
        state = self._inventory.resources.get(key)
        if state is None:
            self._statuses.drop_pending(key)
            return None
        before = state.remembered
        state.remembered = before._replace(last_reconciled=None)
        try:
            if await self._statuses.write_pending(key, state.uid):
                before = before._replace(status_pending=False)
        except ClusterError as error:
            _log(key, error)
            state.remembered, due = self._cut_short(state.remembered, error)
            return due
        finally:
            self._forget_if_gone(key)
        state.remembered = before
        return None

    async def _token(self, key: Key) -> Instant | None:
        state = self._inventory.resources.get(key)
        if state is None:
            self._queues.leave(key)
            self._grants.forget(key)
            return None
        before, now = state.remembered, self._clock.now()
        if not self._queues.is_pending(key) and (self._nothing_new(state, key, now) or state.is_contested(now)):
            return before.due
        after, progress, is_waiting = before._replace(last_reconciled=None), None, False
        try:
            if await self._statuses.write_pending(key, state.uid):
                before, after = before._replace(status_pending=False), after._replace(status_pending=False)
            known = self._inventory.take(state) if state.is_unseen or state.is_expected(key, now) else None
            integration = known or await self._read(key, state)
            if integration is None:
                return self._without(key, state, now)
            since = self._must_wait(key, state, integration)
            if since is not None:
                is_waiting, after = True, after._replace(waiting_since=since)
                self._inventory.put_back(state, integration)
                return now.after(_PATIENCE if now.boot - since.boot < _PATIENCE else TELL_AFTER)
            progress = Progress(Outcome.of(Observation(integration, now, before, before.plan)))
            error = await self._pass(key, state, progress)
            is_waiting = progress.keeps_place
            if error is None:
                after = self._remember(state, progress)
                return after.due
            after, due = self._cut_short(unfinished(progress.outcome), error)
        except ClusterError as error:
            # Soon at first: an API server that is just starting refuses calls that it allows a moment later.
            _log(key, error)
            after, due = self._cut_short(after, error)
        except BaseException:
            if progress is not None:
                after = unfinished(progress.outcome)
            raise
        finally:
            state.remembered = after
            self._end(key, state, progress, is_waiting=is_waiting)
        return due

    async def _pass(self, key: Key, state: ResourceState, progress: Progress) -> ClusterError | None:
        """Observes, decides, acts and reports: returns the API server's error that ended the pass early."""
        try:
            observation = await self._observer.observe_predecessors(progress.outcome.observation)
            progress.outcome = Outcome.of(observation)
            observation = await self._observer.observe_target(state, observation)
            progress.outcome = Outcome.of(observation)
            observation = await self._observer.observe_references(key, state, observation)
            progress.outcome = Outcome.of(observation)
            outcome = await self._refresher.refresh(key, state, observation, progress)
            progress.keeps_place = outcome.wait.keeps_place
            outcome = progress.outcome = self._updater.begin(self._reporter.tell_refreshed(outcome))
            outcome = progress.outcome = await self._updater.update(key, state.grant, outcome)
            self._reporter.tell_written(outcome)
            outcome = progress.outcome = await self._pods.refresh(outcome)
            outcome = progress.outcome = await self._updater.clear(outcome)
            progress.outcome = await self._reporter.report(key, outcome)
        except Denied as error:
            progress.outcome = await self._refused(key, progress.outcome, error)
        except ClusterError as error:
            _log(key, error)
            return error
        return None

    async def _refused(self, key: Key, outcome: Outcome, error: Denied) -> Outcome:
        """Reports at the resource that the API server refused a call."""
        if outcome.written is None:
            outcome = outcome.unable_to_write()
        failure = Transient(
            Reason.FORBIDDEN,
            f"the API server refused a call: {error}; grant the operator's ServiceAccount the chart's RBAC permissions",
        )
        outcome = outcome._replace(wait=NO_WAIT, failure=failure)
        if silent_until(outcome, failure) is None:
            _log(key, error)
        try:
            return await self._reporter.report(key, outcome)
        except ClusterError as again:
            log.warning("cannot write the status", namespace=key.namespace, name=key.name, error=str(again))
            return outcome

    def _remember(self, state: ResourceState, progress: Progress) -> Remembered:
        """What a completed pass leaves for the next one."""
        outcome = progress.outcome
        failing, revisions = failing_after(outcome, state.grant.failing, self._jitter()), outcome.revisions
        is_settled = not progress.keeps_place and outcome.observation.contested_until is None
        return outcome.remembered._replace(
            plan=outcome.plan,
            failing=failing,
            due=requeue_after(outcome, failing),
            last_reconciled=(revisions, outcome.version) if is_settled and revisions is not None else None,
            waiting_since=outcome.remembered.waiting_since if outcome.wait.keeps_place else None,
        )

    def _cut_short(self, before: Remembered, error: ClusterError) -> tuple[Remembered, Instant]:
        """Schedules another pass if the API server cut this one short."""
        failing, due = cut_short(before.failing, error, self._clock.now(), self._jitter())
        return before._replace(failing=failing), due

    def _end(self, key: Key, state: ResourceState, progress: Progress | None, *, is_waiting: bool) -> None:
        """Lets others ask, or copy."""
        self._refresher.end(key)
        if not is_waiting:
            self._queues.leave(key)
        outcome = None if progress is None else progress.outcome
        renewed = outcome is not None and outcome.asked and outcome.renewed and outcome.written is not None
        self._grants.on_pass_end(key, state.grant, renewed=renewed)
        self._forget_if_gone(key)

    def _forget_if_gone(self, key: Key) -> None:
        if key not in self._inventory.resources:
            self._queues.leave(key)
            self._grants.forget(key)

    def _without(self, key: Key, state: ResourceState, now: Instant) -> Instant | None:
        """When to come back to a resource that is gone, was replaced, or cannot be read."""
        current = self._inventory.resources.get(key)
        if current is None:
            return None
        return now if current.uid != state.uid else now.after(MAX_USER_ACTION_WAIT)

    def _nothing_new(self, state: ResourceState, key: Key, now: Instant) -> bool:
        """Whether a wake-up has no cause any more: our own writes come back as watch events."""
        before = state.remembered
        if before.last_reconciled is None or state.is_unseen or state.references is None:
            return False
        if state.is_expected(key, now):
            return False
        revisions, version = before.last_reconciled
        endpoint = None if state.endpoint is None else self._inventory.endpoints.get(state.endpoint)
        kind, _, name = state.references.credentials
        found = self._secrets.credentials(key.namespace, name)
        # Accounts are not watched: the wake-up does not concern one.
        credentials = revisions.credentials_revision if kind == ACCOUNT else found.revision if found else None
        written = self._secrets.target(key.namespace, state.references.target[2])
        if endpoint is None or credentials is None or written is None or written.version != version:
            return False
        if endpoint.namespace_selector:
            return False  # rare enough to look
        return revisions == revisions_of(state, endpoint, credentials)

    def _must_wait(self, key: Key, state: ResourceState, integration: Integration) -> Instant | None:
        """Since when a first token has had to wait for others in flight: checked before anything is read for it.

        Its status does not say so, however many are ahead of it, as long as the endpoint answers them at once.
        """
        untold = "conditions" not in integration.status
        first = untold and self._secrets.target(integration.namespace, integration.target) is None
        endpoint = self._inventory.endpoints.get(integration.endpoint)
        if not first or endpoint is None or integration.suspend:
            return None
        if self._queues.enter(endpoint, key, Rank(Urgency.NONE, 0.0)) is not WaitReason.TURN:
            return None
        since = state.remembered.waiting_since or self._clock.now()
        if self._refresher.has_waited_long(since) and self._queues.is_slow(endpoint.ref):
            return None
        return since

    async def _read(self, key: Key, state: ResourceState) -> Integration | None:
        """The current resource; None if it is gone, or cannot be parsed and the status says so."""
        body = await self._gateway.get(INTEGRATIONS, key.namespace, key.name)
        if body is None or is_going(body):
            self._inventory.forget(key, state.uid)
            return None
        try:
            integration = parse_integration(body)
        except UserActionRequired as failure:
            await self._reporter.reject(key, body, failure)
            return None
        if integration.uid != state.uid:
            # Deleted and recreated in a gap of the watch: what is remembered belongs to its predecessor.
            self._inventory.observe(integration)
            return None
        self._inventory.refer(key, state, integration)
        return integration


def _log(key: Key, error: ClusterError) -> None:
    if isinstance(error, Denied):
        log.warning("API call refused", namespace=key.namespace, name=key.name, error=str(error))
    elif not isinstance(error, Conflict):
        log.warning("API call failed", namespace=key.namespace, name=key.name, error=str(error))
