"""Carries out the decision about a token: reads credentials, copies, waits, or sends one request for a whole grant."""

from collections.abc import Callable
from dataclasses import replace

from integration_token.api.condition import Reason
from integration_token.api.endpoint import Endpoint
from integration_token.api.token import GrantIdentity, StoredToken, Token
from integration_token.clock import Clock, Instant
from integration_token.controller import decision as d
from integration_token.controller.judgement import Judge
from integration_token.controller.observation import GrantView, Observation, plan_for, remaining
from integration_token.controller.outcome import Outcome, Progress, Wait
from integration_token.controller.rank import rank
from integration_token.controller.request import Prepared, TokenRequester
from integration_token.controller.requeue import request_failing
from integration_token.controller.revision import revisions_of
from integration_token.controller.target import TargetWriter
from integration_token.controller.token_copy import TokenCopier
from integration_token.controller.wording import next_attempt
from integration_token.errors import ClusterError, Failure, Transient
from integration_token.oauth.request import TokenRequest
from integration_token.renewal.backoff import TELL_AFTER
from integration_token.renewal.plan import TokenPlan
from integration_token.state.grant import GrantState
from integration_token.state.grants import Grants
from integration_token.state.resource import ResourceState
from integration_token.telemetry.logs import get_logger
from integration_token.workqueue.endpoint_queue import WaitReason
from integration_token.workqueue.endpoint_queues import EndpointQueues
from integration_token.workqueue.in_flight import SLOW
from integration_token.workqueue.key import Key
from integration_token.workqueue.scheduler import Scheduler

log = get_logger(__name__)


class Refresher:
    """Gets resources a better token if there is a cause and no obstacle."""

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
        clock: Clock,
        jitter: Callable[[], float],
    ) -> None:
        """`jitter` returns numbers uniform in [0, 1)."""
        self._requester = requester
        self._queues = queues
        self._scheduler = scheduler
        self._grants = grants
        self._copier = copier
        self._writer = writer
        self._judge = judge
        self._clock = clock
        self._jitter = jitter

    async def refresh(self, key: Key, state: ResourceState, observation: Observation, progress: Progress) -> Outcome:
        """Carries out the decision, and returns the outcome.

        :param progress: receives how far it came, in case it does not complete.
        :raises ClusterError: if the API server prevented it.
        """
        prepared: Prepared | None = None
        try:
            while True:
                match d.decide(observation):
                    case d.Read():
                        prepared = await self._prepare(observation)
                        observation = self._enter(key, state, observation, prepared)
                        progress.outcome = Outcome.of(observation)
                    case d.Copy():
                        copied = await self._copier.copy(key, state.grant, observation)
                        if copied is not None:
                            return copied
                        observation = self._look_again(key, state.grant, observation)._replace(offered=False)
                    case d.Rehearse():
                        await self._rehearse(observation)
                        observation = self._look_again(key, state.grant, observation)._replace(rehearsed=True)
                    case d.Ask(cause, wish) if prepared is not None:
                        log.debug("asking the endpoint", namespace=key.namespace, name=key.name, cause=cause)
                        return await self._ask(key, state.grant, observation, prepared, progress, wish=wish)
                    case d.Join():
                        return await self._join(key, state, observation)
                    case other:
                        return self._without_request(key, state.grant, observation, other)
        except Failure as failure:
            return Outcome.of(observation).failed(failure)

    def end(self, key: Key) -> None:
        """The resource's pass is over."""
        self._copier.let_go(key)

    def has_waited_long(self, since: Instant) -> bool:
        """Whether a request has waited for its turn so long that the status must say so."""
        return self._clock.now().boot - since.boot >= TELL_AFTER

    async def _prepare(self, observation: Observation) -> Prepared:
        assert observation.endpoint is not None  # noqa: S101  # else something is wrong
        return await self._requester.prepare(observation.integration, observation.endpoint)

    def _without_request(self, key: Key, grant: GrantState, observation: Observation, decision: d.Decision) -> Outcome:
        outcome = Outcome.of(observation)
        match decision:
            case d.Fail(failure):
                return (
                    outcome
                    if failure is observation.failure
                    else outcome._replace(failure=failure, wanted=outcome.revisions)
                )
            case d.Keep(recovered=True):
                return outcome._replace(copied=True, wanted=None)
            case d.Adopt() if observation.stored is not None:
                return self._copier.adopt(observation, observation.stored, observation.taught)
            case d.Wait(d.Limit.WISHES) if (view := observation.grant) is not None:
                return outcome._replace(wait=Wait(wishes=view.wish_wait), failure=view.failing.failure)
            case d.Wait(d.Limit.GRANT) if observation.grant is not None:
                return self._waiting(key, grant, outcome, Wait(grant_rate=observation.grant.rate_wait))
            case d.Wait(d.Limit.REQUEST):
                self._queues.leave(key)
                return self._waiting(key, grant, outcome, Wait(WaitReason.TURN))
        return outcome

    def _waiting(self, key: Key, grant: GrantState, outcome: Outcome, wait: Wait) -> Outcome:
        """With a request that waits."""
        since = outcome.remembered.waiting_since
        if wait.keeps_place:
            since = since or self._clock.now()
            outcome = outcome._replace(remembered=outcome.remembered._replace(waiting_since=since))
            wait = replace(wait, is_long=self.has_waited_long(since), why=self._queues.explain_wait(key))
        grant.wait_for_request(key)
        # Waiting between two attempts does not resolve the failure.
        failure = outcome.observation.before.failing.failure if outcome.wanted == outcome.revisions else None
        return outcome._replace(wait=wait, failure=failure or outcome.failure)

    def _enter(self, key: Key, state: ResourceState, observation: Observation, prepared: Prepared) -> Observation:
        """Continues with the credentials that would be sent: the Secret may be newer than the watch knew."""
        endpoint, identity, before = observation.endpoint, prepared.identity, state.grant
        assert endpoint is not None  # noqa: S101  # else something is wrong
        state.grant = grant = self._grants.join(key, before, endpoint, prepared.spec)
        plan, taught = observation.plan, grant.taught(observation.now)
        if observation.is_member and grant is not before:
            plan = replace(plan, prior=None)
        plan = observation.plan_by_what_was_known(endpoint, plan)
        plan = plan_for(observation.integration, observation.stored, plan, observation.now, taught)
        view, offered = self._view(key, grant, observation, plan, identity)
        return observation._replace(
            identity=identity,
            revisions=revisions_of(observation.integration, endpoint, identity.credentials_revision),
            taught=taught,
            is_member=True,
            plan=plan,
            offered=offered,
            grant=view,
        )

    def _view(
        self, key: Key, grant: GrantState, observation: Observation, plan: TokenPlan, identity: GrantIdentity
    ) -> tuple[GrantView, bool]:
        """The current state of the grant, and whether another resource of it has a better token."""
        now, stored = observation.now, observation.stored
        view = GrantView(
            failing=grant.failing,
            paused=grant.is_paused(now),
            wish_wait=grant.wish_wait(now.boot),
            rate_wait=grant.wait(key.namespace, now.boot),
            asking=grant.asking not in {None, key},
            held=(
                stored is not None
                and stored.identity != identity
                and self._grants.holds_newest(key, grant, stored.token)
            ),
        )
        offer = grant.offer(key, plan, now)
        if offer is None:
            return view, False
        good_until = plan.read_clock(now) + remaining(stored, identity, plan, now)
        return view, offer.expires + plan.clock_set_back_by(now) > good_until

    async def _rehearse(self, observation: Observation) -> None:
        """Makes sure by a dry run that a new token could be written, since the last one could not.

        :raises Failure: if it could not be, or the API server would have to be asked again.
        """
        assert observation.target is not None and observation.identity is not None  # noqa: S101, PT018  # so decided
        now, size = observation.now.wall, observation.before.failing.unwritten
        placeholder = Token("x" * size, now, now + 1.0, assumed=False, scope=None)
        stored = StoredToken(placeholder, observation.identity)
        await self._writer.rehearse(observation.integration, observation.target, stored)

    def _look_again(self, key: Key, grant: GrantState, observation: Observation) -> Observation:
        """With the grant's state after something else was waited for, if the grant is known."""
        if observation.grant is None or observation.identity is None:
            return observation
        view, offered = self._view(key, grant, observation, observation.plan, observation.identity)
        return observation._replace(grant=view, offered=offered)

    async def _join(self, key: Key, state: ResourceState, observation: Observation) -> Outcome:
        """Finds out, after a restart, which resources share a valid token."""
        stored, endpoint = observation.stored, observation.endpoint
        try:
            prepared = await self._prepare(observation)
        except (Failure, ClusterError):
            return Outcome.of(observation)  # reported when it prevents a renewal
        assert stored is not None and endpoint is not None  # noqa: S101, PT018  # so decided
        if stored.identity.credentials_revision != prepared.identity.credentials_revision:
            return Outcome.of(observation)
        state.grant = grant = self._grants.join(key, state.grant, endpoint, prepared.spec)
        self._grants.on_token(grant, stored.token, key.namespace)
        taught = grant.taught(observation.now)
        plan = plan_for(observation.integration, stored, observation.plan, observation.now, taught)
        return Outcome.of(observation._replace(taught=taught, plan=plan))

    async def _ask(
        self,
        key: Key,
        grant: GrantState,
        observation: Observation,
        prepared: Prepared,
        progress: Progress,
        *,
        wish: bool,
    ) -> Outcome:
        """Sends the request once it is next and there is a place for it, and judges the response."""
        endpoint, outcome = observation.endpoint, Outcome.of(observation)
        assert endpoint is not None  # noqa: S101  # else something is wrong
        wait = self._queues.enter(endpoint, key, rank(outcome, wish=wish))
        if wait is not None:
            return self._waiting(key, grant, outcome, Wait(wait))
        grant.begin(key)
        began = self._clock.now()
        with self._scheduler.away(key.namespace):
            place = await self._queues.begin(key, SLOW)
        if place is None:
            self._queues.leave(key)
            since = outcome.remembered.waiting_since or began
            outcome = outcome._replace(remembered=outcome.remembered._replace(waiting_since=since))
            wait = self._queues.enter(endpoint, key, rank(outcome, wish=wish))
            return self._waiting(key, grant, outcome, Wait(wait))
        remembered = outcome.remembered._replace(handled_renew_request=outcome.integration.renew_request)
        try:
            with self._scheduler.away(key.namespace):
                await self._requester.confirm(prepared, outcome.integration, endpoint)
                request = await self._build(key, grant, outcome, endpoint, prepared, wish=wish)
        except BaseException as error:
            self._queues.end(place)
            if isinstance(error, Failure):
                return outcome._replace(now=self._clock.now(), remembered=remembered).failed(error)
            raise
        outcome = progress.outcome = outcome._replace(asked=True, remembered=remembered)
        held = outcome.stored.token.access_token if outcome.stored is not None else ""
        hung = False
        try:
            with self._scheduler.away(key.namespace):
                token = await self._requester.ask(
                    prepared, request, endpoint, held, ended=lambda: self._queues.end(place)
                )
            outcome = self._judge.judge(grant, outcome, endpoint, token)
        except Failure as failure:
            hung = failure.reason == Reason.TIMEOUT
            outcome = outcome._replace(now=self._clock.now()).failed(failure)
            self._note_failure(key, grant, outcome, endpoint, failure)
            return outcome
        finally:
            self._queues.on_answer(place, hung=hung)
            grant.record_request(key.namespace, self._clock.now().boot, wish=wish)
        grant.on_success()
        return outcome

    async def _build(
        self, key: Key, grant: GrantState, outcome: Outcome, endpoint: Endpoint, prepared: Prepared, *, wish: bool
    ) -> TokenRequest:
        """Builds the request. If that is impossible, it is so for the whole grant, and counts as a failed request."""
        try:
            return await self._requester.build(prepared, outcome.integration, endpoint)
        except Failure as failure:
            told, now = grant.told_to_all(failure), self._clock.now()
            self._note_failure(key, grant, outcome._replace(now=now), endpoint, told)
            grant.record_request(key.namespace, now.boot, wish=wish)
            raise

    def _note_failure(
        self, key: Key, grant: GrantState, outcome: Outcome, endpoint: Endpoint, failure: Failure
    ) -> None:
        """Records in the grant what its failed request means for the next one, and adds that to the failure's
        message."""
        least, pause = grant.memory.rate.spacing(outcome.now.boot), None
        if isinstance(failure, Transient) and failure.pause is not None:
            self._queues.pause(endpoint.ref, self._grants.source(key, endpoint), failure.pause)
            least, pause = max(least, failure.pause), outcome.now.after(failure.pause)
        failing, longest = request_failing(grant.failing, failure, outcome, least, self._jitter())
        failure.next_attempt = next_attempt(longest, pause, outcome.now)
        grant.on_failure(failing, pause)
