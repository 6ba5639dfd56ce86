"""Whether the endpoint is asked for a resource's token, and what becomes of its answer."""

from collections.abc import Callable
from dataclasses import replace

from integration_token.api.condition import Reason
from integration_token.api.endpoint import Endpoint
from integration_token.api.token import GrantIdentity, StoredToken, Token
from integration_token.clock import Clock, Instant
from integration_token.cluster.secret import SecretMetadata
from integration_token.controller.judgement import Judge
from integration_token.controller.observation import Look
from integration_token.controller.reporter import Reporter
from integration_token.controller.request import Prepared, TokenRequester
from integration_token.controller.target import TargetWriter
from integration_token.controller.token_copy import TokenCopier
from integration_token.errors import ClusterError, Failure, Transient, UserActionRequired
from integration_token.renewal.backoff import TELLING, change_wait, passing_wait
from integration_token.renewal.check import Cause, Observation, why_ask
from integration_token.state.failure import FailureState, Revisions
from integration_token.state.grant import Grants
from integration_token.state.inventory import ResourceState
from integration_token.telemetry.logs import get_logger
from integration_token.workqueue.endpoint_queue import Rank, Urgency, WaitReason
from integration_token.workqueue.endpoint_queues import SLOW, EndpointQueues
from integration_token.workqueue.key import Key
from integration_token.workqueue.scheduler import Scheduler

log = get_logger(__name__)


class Refresher:
    """Asks where there is cause to, once for all resources of a grant."""

    def __init__(
        self,
        *,
        requester: TokenRequester,
        queues: EndpointQueues,
        scheduler: Scheduler,
        grants: Grants,
        copier: TokenCopier,
        writer: TargetWriter,
        judge: Judge,
        reporter: Reporter,
        clock: Clock,
        jitter: Callable[[], float],
    ) -> None:
        """`jitter` answers numbers uniform in [0, 1)."""
        self._requester = requester
        self._queues = queues
        self._scheduler = scheduler
        self._grants = grants
        self._copier = copier
        self._writer = writer
        self._judge = judge
        self._reporter = reporter
        self._clock = clock
        self._jitter = jitter

    async def refresh(self, key: Key, look: Look) -> None:
        """Gets the look a better token where there is cause to and nothing stands in the way."""
        integration, entry = look.integration, look.entry
        endpoint, identity = look.endpoint, look.identity
        if look.failure is not None or integration.suspend or identity is None or endpoint is None:
            return
        wished = integration.renew_request not in {"", look.handled_renew_request}
        better = offered(key, entry, look.now)
        cause = why_ask(
            Observation(
                now=look.wall,
                stored=look.stored,
                identity=identity,
                poll_at=entry.poll_at,
                renew_requested=wished,
                failed=look.wanted is not None,
                offered=better,
            )
        )
        if cause is None:
            await self._join(key, look, endpoint)
            return
        retry = look.failing.retry
        if look.wanted == look.inputs and retry is not None and not retry.is_due(look.now) and not better:
            look.failure = look.failing.failure
            return
        try:
            if better and not wished and self._unchanged(key, look) and await self._copier.copy(key, look):
                return
            prepared = await self._requester.prepare(integration, endpoint)
            self._enter(key, look, endpoint, prepared)
            if not await self._done_without(key, look, cause, wished=wished):
                await self._request(key, look, endpoint, prepared, cause)
        except Failure as failure:
            look.failure, look.wanted = failure.without_traceback(), look.inputs

    async def _done_without(self, key: Key, look: Look, cause: Cause, *, wished: bool) -> bool:
        """Whether what others of the grant have asked for is enough."""
        if cause is Cause.POLL_DUE and look.entry.poll_at > look.wall:
            return True  # somebody else's request has been answered the token that is held
        if cause is Cause.LAST_FAILED and self._recovered(look):
            return True
        if not (wished and look.entry.expires > look.wall):
            if cause is Cause.GRANT_CHANGED and self._copier.keep(key, look):
                return True
            if await self._copier.copy(key, look):
                return True
        return cause is Cause.TOKEN_OFFERED

    async def _request(self, key: Key, look: Look, endpoint: Endpoint, prepared: Prepared, cause: Cause) -> None:
        """Asks the endpoint, where that may be done now and a token could be written."""
        if look.unwritten:
            await self._rehearse(look)
        if self._may_ask(key, look, endpoint, cause):
            log.debug("asking the endpoint", namespace=key.namespace, name=key.name, cause=cause)
            await self._ask(key, look, endpoint, prepared, wish=_is_wish(look, cause))

    def let_go(self, key: Key) -> None:
        """The resource's pass is over."""
        self._copier.let_go(key)

    def waited(self, entry: ResourceState, hold: WaitReason | None) -> bool:
        """Whether the request has waited for its turn for so long that its user is told."""
        if hold is None:
            return False
        now = self._clock.now()
        if entry.queued is None:
            entry.queued = now
        return now.boot - entry.queued.boot >= TELLING

    def _enter(self, key: Key, look: Look, endpoint: Endpoint, prepared: Prepared) -> None:
        """The look goes by what would be sent: what the Secret holds now may be newer than what the watch knew."""
        entry = look.entry
        assert look.identity is not None  # noqa: S101  # refresh has seen to it
        look.identity = with_credentials(look.identity, prepared.credentials)
        look.inputs = inputs_of(entry, endpoint, prepared.credentials)
        if key in entry.grant.members:
            before, entry.grant = entry.grant, self._grants.join(key, entry.grant, endpoint, prepared.grant)
            if before is not entry.grant:
                entry.prior = None
        else:
            entry.grant = self._grants.join(key, entry.grant, endpoint, prepared.grant)
        look.learn()
        look.plan()

    def _unchanged(self, key: Key, look: Look) -> bool:
        """Whether the resource has its grant for sure without a look at its credentials: their version is the one by
        which it was told."""
        return key in look.entry.grant.members and look.settled is not None and look.settled == look.inputs

    async def _rehearse(self, look: Look) -> None:
        """Makes sure that a new token could be written, where the last one could not.

        :raises Failure: where it could not be, or the API server would have to be asked again.
        """
        assert look.target is not None and look.identity is not None  # noqa: S101, PT018  # refresh has seen to it
        now = look.now.wall
        placeholder = Token("x" * look.unwritten, now, now + 1.0, assumed=False, scope=())
        await self._writer.rehearse(look.integration, look.target, StoredToken(placeholder, look.identity))

    def _may_ask(self, key: Key, look: Look, endpoint: Endpoint, cause: Cause) -> bool:
        """Whether the request may be sent now; else the look knows what it waits for."""
        entry, grant = look.entry, look.entry.grant
        memory, failing = grant.memory, grant.failing
        wish = _is_wish(look, cause)
        # Whoever changes something is not kept waiting, unless another resource has asked since.
        changed = look.wanted not in {None, look.inputs} and not wish and look.failing.failure is failing.failure
        wish_wait = memory.wishes.wait(look.now.boot) if wish and memory.wishes is not None else 0.0
        paused = memory.pause is not None and not memory.pause.is_due(look.now)
        at_once = not paused and (changed or (wish and wish_wait == 0))
        if failing.retry is not None and not failing.retry.is_due(look.now) and not at_once:
            # Another resource has just been refused, or failed, with the very same request.
            look.failure, look.wanted = failing.failure, look.inputs
            return False
        if cause is Cause.RENEW_REQUESTED and wish_wait > 0 and entry.poll_at > look.wall:
            look.wish_wait = wish_wait
            return False
        look.pace = grant.wait(key.namespace, look.now.boot)
        if look.pace > 0:
            self._reporter.tell_pace(look)
        elif grant.asking not in {None, key}:
            self._queues.leave(key)
            look.hold = WaitReason.TURN
        else:
            look.hold = self._queues.enter(endpoint, key, _rank(look, wish=wish))
        if look.pace == 0:
            look.waited = self.waited(entry, look.hold)
        if look.pace == 0 and look.hold is None:
            return True
        self._wait_for_turn(key, look)
        return False

    def _wait_for_turn(self, key: Key, look: Look) -> None:
        grant = look.entry.grant
        grant.waiting.add(key)
        look.why = self._queues.why(key)
        if look.wanted == look.inputs:
            look.failure = look.failing.failure  # the wait between two attempts makes nothing better

    def _recovered(self, look: Look) -> bool:
        """Whether another resource's request has shown that what failed works again, and that there is no new token."""
        entry, grant = look.entry, look.entry.grant
        shown = look.failing.of_grant and grant.failing.failure is None
        if not shown or look.left <= 0 or entry.poll_at <= look.wall:
            return False
        look.copied, look.wanted = True, None
        return True

    async def _join(self, key: Key, look: Look, endpoint: Endpoint) -> None:
        """Finds out, after a restart, with whom a good token is shared: they are to follow each other's renewals."""
        stored, grant = look.stored, look.entry.grant
        if key in grant.members or stored is None or look.left <= 0:
            return
        try:
            prepared = await self._requester.prepare(look.integration, endpoint)
        except (Failure, ClusterError):
            return  # told when it keeps a token from being renewed
        if stored.identity == with_credentials(stored.identity, prepared.credentials):
            grant = look.entry.grant = self._grants.join(key, grant, endpoint, prepared.grant)
            self._grants.on_token(grant, stored.token, key.namespace)
            look.plan()

    async def _ask(self, key: Key, look: Look, endpoint: Endpoint, prepared: Prepared, *, wish: bool) -> None:
        """Sends the request as soon as there is a place for it, and takes the answer for what it is worth.

        :raises Failure: where that is nothing.
        """
        integration, entry, grant = look.integration, look.entry, look.entry.grant
        grant.asking = key
        began = self._clock.now()
        with self._scheduler.away(key.namespace):
            place = await self._queues.begin(key, SLOW)
        if place is None:
            self._queues.leave(key)
            entry.queued = entry.queued or began
            look.hold = self._queues.enter(endpoint, key, _rank(look, wish=wish))
            look.waited = self.waited(entry, look.hold)
            self._wait_for_turn(key, look)
            return
        look.asked = True
        entry.handled_renew_request = integration.renew_request
        held = look.stored.token.access_token if look.stored is not None else ""
        hung = False
        try:
            with self._scheduler.away(key.namespace):
                token = await self._requester.ask(prepared, endpoint, held, ended=lambda: self._queues.end(place))
            self._judge.judge(look, endpoint, token)
        except Failure as failure:
            hung = failure.reason == Reason.TIMEOUT
            look.now = self._clock.now()
            grant.failing = self._failed(key, look, endpoint, failure)
            raise
        finally:
            self._queues.on_answer(place, hung=hung)
            grant.record_request(key.namespace, self._clock.now().boot, wish=wish)
        grant.on_success()
        look.wanted = None

    def _failed(self, key: Key, look: Look, endpoint: Endpoint, failure: Failure) -> FailureState:
        """What the grant's failed request means for its next one."""
        grant = look.entry.grant
        failures = grant.failing.counted(failure)
        if not isinstance(failure, Transient):
            wait = change_wait(look.left)
        else:
            wait = passing_wait(failures, look.left, self._jitter())
            wait = max(wait, grant.memory.pace.spacing(look.now.boot))
            if failure.pause is not None:
                self._queues.pause(endpoint.ref, self._grants.source(key, endpoint), failure.pause)
                wait = max(wait, failure.pause)
                grant.memory.pause = look.now.after(failure.pause)
        return FailureState(failure.without_traceback(), failures, look.now.after(wait))


def _is_wish(look: Look, cause: Cause) -> bool:
    """Whether nothing but a person's annotation asks for the request now."""
    wanted, inputs = look.wanted, look.inputs
    if look.integration.renew_request in {"", look.handled_renew_request}:
        return False
    if cause is Cause.RENEW_REQUESTED:
        return True
    return wanted is not None and inputs is not None and (
        wanted != inputs and wanted._replace(renew_request=inputs.renew_request) == inputs
    )  # fmt: skip


def _rank(look: Look, *, wish: bool) -> Rank:
    """A valid token's renewal comes first; last comes what only a person's change would let succeed, if none was
    made."""
    entry = look.entry
    if look.left > 0:
        return Rank(Urgency.VALID, entry.expires)
    unchanged = look.wanted is not None and (wish or look.wanted == look.inputs)
    if unchanged and isinstance(look.failing.failure, UserActionRequired):
        # Since when it waits, so that it keeps its place.
        return Rank(Urgency.PROBE, look.wall if entry.queued is None else entry.queued.wall)
    return Rank(Urgency.NONE, 0.0)


def offered(key: Key, entry: ResourceState, now: Instant) -> bool:
    """Whether another resource of the grant holds a token that expires later."""
    offer = entry.grant.offer(key)
    if offer is None or (offer.issued, offer.expires) == entry.plan:
        return False
    return offer.expires + entry.clock_set_back_by(now) > entry.expires


def with_credentials(identity: GrantIdentity, credentials: SecretMetadata) -> GrantIdentity:
    """The identity of the grant with these credentials."""
    return replace(identity, credentials_uid=credentials.uid, credentials_version=credentials.version)


def inputs_of(entry: ResourceState, endpoint: Endpoint, credentials: SecretMetadata) -> Revisions:
    """The versions of what the look goes by."""
    return Revisions(
        entry.generation,
        entry.renew_request,
        endpoint.uid,
        endpoint.generation,
        credentials.uid,
        credentials.version,
    )
