"""Brings one IntegrationToken, or one endpoint, to what it should be: observe, decide, act, tell when to look again.

Nothing here sleeps. Two API writes for an issue or a renewal, none where nothing changed. Between two looks only
:class:`~integration_token.inventory.Entry` is kept, and no token.
"""

from collections.abc import Callable
from dataclasses import replace

from integration_token.admission import BUDGET_WORK, Admission
from integration_token.api.condition import Reason
from integration_token.api.endpoint import Endpoint, EndpointKind, EndpointRef
from integration_token.api.integration import Integration, is_going, parse_integration
from integration_token.api.token import Identity, StoredToken
from integration_token.clock import Clock, Instant
from integration_token.cluster.gateway import INTEGRATIONS, Gateway
from integration_token.cluster.secret import SecretMetadata, SecretWatch
from integration_token.cluster.target import grant_hash
from integration_token.delivery import Deliverer
from integration_token.endpoint_status import EndpointReconciler
from integration_token.errors import ClusterError, Conflict, Denied, Failure, NeedsChange, Passing
from integration_token.inventory import TOKEN_WORK, Entry, Inputs, Inventory
from integration_token.issue import Issuer
from integration_token.logs import get_logger
from integration_token.look import Look
from integration_token.metrics import Metrics
from integration_token.renewal.backoff import MAX_PASSING_WAIT_WITHOUT_TOKEN, change_wait, passing_wait
from integration_token.renewal.budget import Hold
from integration_token.renewal.check import Observation, why_ask
from integration_token.renewal.schedule import first_poll, next_poll, window
from integration_token.renewal.verdict import Verdict, corrected
from integration_token.report import Reporter
from integration_token.scheduler import Key
from integration_token.source import Sources

log = get_logger(__name__)

_UNSEEN = frozenset({Reason.CREDENTIALS_NOT_FOUND, Reason.SECRET_NOT_OWNED})
"""Reasons whose end no watch tells, since Secrets without our labels are not watched: looked at again soon."""

_TELLING = 10.0
"""Seconds that a request waits for others in flight before its user is told: by then one of them hangs."""

_OVERTAKEN = 0.05
"""Seconds until another look after somebody changed what was being written."""

_PROBE_RANK = 86400.0
"""Seconds by which a probe of what needs a person's change ranks behind a token that expires now: many of them must not
keep a good token from its renewal."""

_PATIENCE = 2.0
"""Seconds that a first token waits for others in flight before it is looked whether the rate limit keeps it waiting by
now, which its user is told."""


class Reconciler:
    """Works on the scheduler's keys."""

    def __init__(
        self,
        *,
        gateway: Gateway,
        secrets: SecretWatch,
        inventory: Inventory,
        sources: Sources,
        issuer: Issuer,
        admission: Admission,
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
        self._sources = sources
        self._issuer = issuer
        self._admission = admission
        self._endpoints = endpoints
        self._reporter = reporter
        self._metrics = metrics
        self._clock = clock
        self._jitter = jitter
        self._deliverer = Deliverer(gateway, secrets)

    async def work(self, key: Key) -> Instant | None:
        """Works on one key, and answers when to come back to it unless something happens before."""
        if key.work == TOKEN_WORK:
            return await self._token(key)
        if key.work.startswith(BUDGET_WORK):
            # To be answered, since the scheduler takes no other time for a key that is being worked on.
            return self._admission.admit(
                EndpointRef(EndpointKind(key.work.removeprefix(BUDGET_WORK)), key.namespace, key.name)
            )
        return await self._endpoints.work(key)

    async def _token(self, key: Key) -> Instant | None:
        entry = self._inventory.entries.get(key)
        if entry is None:
            self._admission.leave(key)
            return None
        now = self._clock.now()
        if self._nothing_new(entry, key, now):
            return entry.due
        entry.settled = None
        look: Look | None = None
        waiting = False
        try:
            integration = entry.record or await self._read(key, entry)
            entry.record = None
            if integration is None:
                return now if key in self._inventory.entries and entry.uid != self._inventory.entries[key].uid else None
            if self._must_wait(key, entry, integration):
                waiting = True
                entry.record = integration
                return now.after(_PATIENCE)
            look = Look(integration, entry, now, now.wall)
            await self._observe(look)
            await self._decide(key, look)
            await self._deliver(look)
            waiting = look.hold is not None
            await self._reporter.report(key, look)
            entry.due = self._come_back(look)
        except Conflict:
            self._lost(look)
            return now.after(_OVERTAKEN)
        except Denied as error:
            self._lost(look)
            log.warning("API call refused", namespace=key.namespace, name=key.name, error=str(error))
            return await self._refused(key, entry, look, error)
        except ClusterError as error:
            self._lost(look)
            entry.outages += 1
            log.warning("API call failed", namespace=key.namespace, name=key.name, error=str(error))
            return now.after(passing_wait(entry.outages, 0.0, self._jitter()))
        finally:
            if not waiting:
                self._admission.leave(key, sent=look is not None and look.asked)
        if not waiting and look.inputs is not None:
            entry.settled = (look.inputs, look.version)
        return entry.due

    async def _refused(self, key: Key, entry: Entry, look: Look | None, error: Denied) -> Instant:
        """Tells at the resource that the API server refused the operator a call, and answers when to try again."""
        if look is None:
            # Soon at first: an API server that is just starting refuses what it will grant in a moment.
            entry.outages += 1
            return self._clock.now().after(passing_wait(entry.outages, 0.0, self._jitter()))
        look.hold, look.pace = None, 0.0
        look.failure = Passing(
            Reason.FORBIDDEN,
            f"the API server refuses the operator a call: {error}; grant its account what the chart's RBAC grants",
        )
        try:
            await self._reporter.report(key, look)
        except ClusterError as again:
            log.warning("status not written", namespace=key.namespace, name=key.name, error=str(again))
        return self._come_back(look) or look.now.after(MAX_PASSING_WAIT_WITHOUT_TOKEN)

    def _lost(self, look: Look | None) -> None:
        """Has the endpoint asked again, at once, where its new token could not be written."""
        if look is not None and look.renewed and not look.delivered:
            look.entry.failed_inputs, look.entry.retry = look.inputs, None
            look.take_back()

    def _nothing_new(self, entry: Entry, key: Key, now: Instant) -> bool:
        """Whether a wake-up has no reason any more: our own writes come back as watch events."""
        if entry.settled is None or entry.record is not None or entry.endpoint is None:
            return False
        if entry.due is not None and entry.due.reached(now):
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
        return inputs == _inputs(entry.generation, entry.renew_request, endpoint, found)

    def _must_wait(self, key: Key, entry: Entry, integration: Integration) -> bool:
        """Whether a first token has to wait for others in flight: asked before anything is read for it."""
        first = self._secrets.target(integration.namespace, integration.target) is None and not integration.status
        endpoint = self._inventory.endpoints.get(integration.endpoint)
        if not first or endpoint is None or integration.suspend:
            return False
        hold = self._admission.enter(endpoint, key, 0.0)
        return hold is Hold.TURN and not self._waited(entry, hold)

    def _waited(self, entry: Entry, hold: Hold | None) -> bool:
        """Whether the request has waited for its turn for so long that its user is told."""
        now = self._clock.now()
        if hold is None:
            entry.queued = None
        elif entry.queued is None:
            entry.queued = now
        return entry.queued is not None and now.boot - entry.queued.boot >= _TELLING

    async def _read(self, key: Key, entry: Entry) -> Integration | None:
        """The resource as it is now; None where it is gone, or cannot be read and has been told so."""
        body = await self._gateway.get(INTEGRATIONS, key.namespace, key.name)
        if body is None or is_going(body):
            self._inventory.forget(key)
            return None
        try:
            integration = parse_integration(body)
        except NeedsChange as failure:
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
            look.predecessors = await self._deliverer.predecessors(integration, entry.written)
            look.target = await self._deliverer.read(integration, look.predecessors)
            look.stored = look.target.stored
            look.version = look.target.secret["metadata"]["resourceVersion"] if look.target.secret else ""
        except Failure as failure:
            look.failure = failure
        look.plan()
        try:
            endpoint = look.endpoint = await self._sources.endpoint(integration)
            look.identity = Identity(endpoint.uid, grant_hash(endpoint, integration), "", "")
            credentials = await self._sources.credentials(integration, endpoint)
            look.identity = _identity(look.identity, credentials)
            look.inputs = _inputs(entry.generation, entry.renew_request, endpoint, credentials)
        except Failure as failure:
            look.failure = look.failure or failure
            if look.inputs is None:
                look.identity = None

    async def _decide(self, key: Key, look: Look) -> None:
        """Asks the endpoint where there is cause to, and nothing stands in the way."""
        integration, entry = look.integration, look.entry
        if look.failure is not None or integration.suspend or look.identity is None or look.endpoint is None:
            return
        cause = why_ask(
            Observation(
                now=look.wall,
                stored=look.stored,
                identity=look.identity,
                expires=entry.expires,
                poll_at=entry.poll_at,
                renew_requested=integration.renew_request not in {"", look.handled_renew_request},
                failed=entry.failed_inputs is not None,
            )
        )
        if cause is None:
            return
        if entry.failed_inputs == look.inputs and entry.retry is not None and not entry.retry.reached(look.now):
            look.failure = entry.failure
            return
        look.pace = entry.pace.wait(look.now.boot)
        if look.pace > 0:
            self._reporter.tell_pace(look)
        else:
            look.hold = self._admission.enter(look.endpoint, key, self._rank(look))
            look.waited = self._waited(entry, look.hold)
        if look.pace > 0 or look.hold is not None:
            if entry.failed_inputs == look.inputs:
                look.failure = entry.failure  # the wait between two attempts mends nothing
            return
        log.debug("asking the endpoint", namespace=key.namespace, name=key.name, cause=cause)
        try:
            await self._ask(look)
        except Failure as failure:
            look.failure = failure
            entry.failed_inputs = look.inputs

    def _rank(self, look: Look) -> float:
        """By when the request is wanted, in wall time: at once where there is no valid token; after all others where
        only a person's change would let it succeed."""
        if look.left > 0:
            return look.entry.expires
        return look.wall + _PROBE_RANK if isinstance(look.entry.failure, NeedsChange) else 0.0

    async def _ask(self, look: Look) -> None:
        integration, entry, endpoint = look.integration, look.entry, look.endpoint
        assert endpoint is not None and look.identity is not None  # noqa: S101, PT018  # _decide has seen to it
        look.asked = True
        handled, entry.handled_renew_request = entry.handled_renew_request, integration.renew_request
        held = look.stored.token.access_token if look.stored is not None else ""
        try:
            issued = await self._issuer.ask(integration, endpoint, held)
        except ClusterError:
            # The credentials could not be read: nothing was sent.
            look.asked, entry.handled_renew_request = False, handled
            raise
        finally:
            if look.asked:
                entry.pace.note(self._clock.now().boot)
        # What was sent is what the Secret held when it was read, which may be newer than what the watch knew.
        identity = look.identity = _identity(look.identity, issued.credentials)
        look.inputs = _inputs(entry.generation, entry.renew_request, endpoint, issued.credentials)
        look.now = self._clock.now()
        look.wall = entry.anchor.read_at(look.now) if entry.anchor is not None else look.now.wall
        verdict, token = issued.judged(look.held, identity, look.now.wall)
        self._metrics.requested(endpoint.ref, "issued" if verdict is Verdict.TAKE else "unchanged")
        entry.failed_inputs = None
        if verdict is Verdict.TAKE:
            before = look.stored
            look.renewed = True
            look.scopes_reduced = before is not None and before.identity == identity and (
                set(token.scope) < set(before.token.scope)
            )  # fmt: skip
            look.stored = StoredToken(token, identity)
            look.plan()
        elif verdict is Verdict.CORRECT and look.stored is not None:
            look.stored = corrected(look.stored, token, identity)
            look.plan()
        elif look.stored is not None:
            if verdict is Verdict.KEEP and not token.assumed:
                entry.expires = min(entry.expires, token.expires + look.set_back)
            seconds = window(look.stored.token.lifetime, integration.renew_before)
            entry.poll_at = next_poll(look.wall, entry.expires, first_poll(entry.uid, entry.expires, seconds))

    async def _deliver(self, look: Look) -> None:
        """Brings the target up to date: with a new token, or as it was before somebody changed it."""
        if look.stored is None or look.target is None or look.identity is None or look.integration.suspend:
            return
        if look.integration.target not in look.entry.written:
            look.entry.written += (look.integration.target,)
        try:
            delivered = await self._deliverer.write(look.integration, look.target, look.stored)
        except Failure as failure:
            look.failure = failure
            if look.renewed:
                look.entry.failed_inputs = look.inputs
                look.take_back()
            return
        look.version, look.delivered = delivered.version, True
        if delivered.wrote:
            self._metrics.wrote(look.integration.namespace)
            self._reporter.tell_written(look)
        if delivered.recreated:
            self._reporter.event(
                look,
                "TargetReplaced",
                f"Secret {look.integration.target} could not be changed and was deleted and created anew;"
                " restart the pods that mount it",
                warning=True,
            )
        await self._deliverer.take_away(look.integration, look.predecessors)
        look.predecessors, look.entry.written = (), (look.integration.target,)

    def _come_back(self, look: Look) -> Instant | None:
        """When to look again, unless something happens before; notes what a failure means for later."""
        entry = look.entry
        failure = look.failure
        waits = []
        entry.outages = 0
        if look.left > 0:
            waits.append(entry.expires - look.wall)  # Ready must turn False then
        if failure is not None:
            if failure is not entry.failure:
                same = entry.failure is not None and isinstance(failure, Passing) == isinstance(entry.failure, Passing)
                entry.failures = entry.failures + 1 if same else 1
                entry.failure = failure
                entry.retry = look.now.after(self._failure_wait(look, failure))
            if entry.retry is not None and look.hold is None:
                waits.append(max(0.0, look.pace, entry.retry.seconds_from(look.now)))
        elif look.hold is None:
            if look.pace > 0:
                waits.append(look.pace)
            elif not look.integration.suspend and look.stored is not None:
                waits.append(max(0.0, entry.poll_at - look.wall))
            entry.failure, entry.retry, entry.failures = None, None, 0
        if look.hold is not None and not look.waited:
            waits.append(_TELLING)
        return look.now.after(min(waits)) if waits else None

    def _failure_wait(self, look: Look, failure: Failure) -> float:
        if not isinstance(failure, Passing) and failure.reason not in _UNSEEN:
            return change_wait(look.left)
        wait = passing_wait(look.entry.failures, look.left, self._jitter())
        if isinstance(failure, Passing) and failure.pause is not None and look.endpoint is not None:
            self._admission.pause(look.endpoint.ref, failure.pause)
            wait = max(wait, failure.pause)
        return wait


def _identity(identity: Identity, credentials: SecretMetadata) -> Identity:
    return replace(identity, credentials_uid=credentials.uid, credentials_version=credentials.version)


def _inputs(generation: int, renew_request: str, endpoint: Endpoint, credentials: SecretMetadata) -> Inputs:
    return Inputs(generation, renew_request, endpoint.uid, endpoint.generation, credentials.uid, credentials.version)
