"""Whether the endpoint is asked for a resource's token, and what becomes of its answer."""

from collections.abc import Callable
from dataclasses import replace

from integration_token.admission import Admission
from integration_token.api.condition import Reason
from integration_token.api.endpoint import Endpoint
from integration_token.api.token import Identity, StoredToken, Token
from integration_token.clock import Clock, Instant
from integration_token.cluster.secret import SecretMetadata
from integration_token.errors import ClusterError, Failure, NeedsChange, Passing
from integration_token.grant import Grants
from integration_token.inventory import Entry, Inputs
from integration_token.issue import Issuer, Prepared
from integration_token.logs import get_logger
from integration_token.look import Look
from integration_token.metrics import Metrics
from integration_token.renewal.backoff import change_wait, passing_wait
from integration_token.renewal.budget import Hold
from integration_token.renewal.check import Cause, Observation, why_ask
from integration_token.renewal.rollover import Rollover
from integration_token.renewal.verdict import Verdict, corrected, judge
from integration_token.report import Reporter
from integration_token.scheduler import Key
from integration_token.sharer import Sharer

log = get_logger(__name__)

TELLING = 10.0
"""Seconds that a request waits for others in flight before its user is told: by then one of them hangs."""

_WHOLE = 2.0
"""Seconds by which two answers may differ that tell the same expiry in whole seconds."""

_PROBE_RANK = 86400.0
"""Seconds by which a probe of what needs a person's change ranks behind a token that expires now: many of them must not
keep a good token from its renewal."""


class Inquirer:
    """Asks where there is cause to, once for all resources of a grant."""

    def __init__(
        self,
        *,
        issuer: Issuer,
        admission: Admission,
        grants: Grants,
        sharer: Sharer,
        reporter: Reporter,
        metrics: Metrics,
        clock: Clock,
        jitter: Callable[[], float],
    ) -> None:
        """`jitter` answers numbers uniform in [0, 1)."""
        self._issuer = issuer
        self._admission = admission
        self._grants = grants
        self._sharer = sharer
        self._reporter = reporter
        self._metrics = metrics
        self._clock = clock
        self._jitter = jitter

    async def inquire(self, key: Key, look: Look) -> None:
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
                failed=entry.failed_inputs is not None,
                offered=better,
            )
        )
        if cause is None:
            await self._join(key, look, endpoint)
            return
        same = entry.failed_inputs == look.inputs
        if same and entry.retry is not None and not entry.retry.reached(look.now) and not better:
            look.failure = entry.failure
            return
        try:
            prepared = await self._issuer.prepare(integration, endpoint)
            # What would be sent is what the Secret holds now, which may be newer than what the watch knew.
            look.identity = with_credentials(identity, prepared.credentials)
            look.inputs = inputs_of(entry, endpoint, prepared.credentials)
            entry.grant = self._grants.join(key, entry.grant, endpoint, prepared.grant)
            look.learn()
            look.plan()
            if cause is Cause.POLL_DUE and entry.poll_at > look.wall:
                return  # somebody else's request has been answered the token that is held
            if cause is Cause.LAST_FAILED and self._mended(look):
                return
            if not (wished and entry.expires > look.wall) and (
                (cause is Cause.GRANT_CHANGED and self._sharer.keep(key, look)) or await self._sharer.copy(key, look)
            ):
                return
            if cause is not Cause.TOKEN_OFFERED and self._may_ask(key, look, endpoint, cause):
                log.debug("asking the endpoint", namespace=key.namespace, name=key.name, cause=cause)
                entry.grant.asking = key
                await self._ask(key, look, endpoint, prepared)
        except Failure as failure:
            look.failure = failure.caught()
            entry.failed_inputs = look.inputs

    def waited(self, entry: Entry, hold: Hold | None) -> bool:
        """Whether the request has waited for its turn for so long that its user is told."""
        if hold is None:
            entry.queued = None
            return False
        now = self._clock.now()
        if entry.queued is None:
            entry.queued = now
        return now.boot - entry.queued.boot >= TELLING

    def _may_ask(self, key: Key, look: Look, endpoint: Endpoint, cause: Cause) -> bool:
        """Whether the request may be sent now; else the look knows what it waits for."""
        entry, grant = look.entry, look.entry.grant
        same = entry.failed_inputs == look.inputs
        # Whoever changes something is not kept waiting, unless another resource has asked since.
        changed = entry.failed_inputs is not None and not same and entry.failure is grant.failure
        wished = changed or cause is Cause.RENEW_REQUESTED
        if grant.retry is not None and not grant.retry.reached(look.now) and not wished:
            # Another resource has just been refused, or failed, with the very same request.
            look.failure, entry.failed_inputs = grant.failure, look.inputs
            return False
        look.pace = grant.pace.wait(look.now.boot)
        if look.pace > 0:
            self._reporter.tell_pace(look)
        elif grant.asking not in {None, key}:
            self._admission.leave(key)
            look.hold = Hold.TURN
        else:
            look.hold = self._admission.enter(endpoint, key, self._rank(look))
        if look.pace == 0:
            look.waited = self.waited(entry, look.hold)
        if look.pace == 0 and look.hold is None:
            return True
        grant.waiting.add(key)
        if same:
            look.failure = entry.failure  # the wait between two attempts mends nothing
        return False

    def _mended(self, look: Look) -> bool:
        """Whether another resource's request has shown that what failed works again, and that there is no new token."""
        entry, grant = look.entry, look.entry.grant
        if not entry.refused or grant.failure is not None or look.left <= 0 or entry.poll_at <= look.wall:
            return False
        look.copied, entry.failed_inputs = True, None
        return True

    def _rank(self, look: Look) -> float:
        """By when the request is wanted, in wall time: at once where there is no valid token; after all others where
        only a person's change would let it succeed."""
        entry = look.entry
        if look.left > 0:
            return entry.expires
        if entry.failed_inputs == look.inputs and isinstance(entry.failure, NeedsChange):
            # Since when it waits, so that it keeps its place.
            return (look.wall if entry.queued is None else entry.queued.wall) + _PROBE_RANK
        return 0.0

    async def _join(self, key: Key, look: Look, endpoint: Endpoint) -> None:
        """Finds out, after a restart, with whom a good token is shared: they are to follow each other's renewals."""
        stored, grant = look.stored, look.entry.grant
        if key in grant.members or stored is None or look.left <= 0:
            return
        try:
            prepared = await self._issuer.prepare(look.integration, endpoint)
        except (Failure, ClusterError):
            return  # told when it keeps a token from being renewed
        if stored.identity == with_credentials(stored.identity, prepared.credentials):
            grant = look.entry.grant = self._grants.join(key, grant, endpoint, prepared.grant)
            self._grants.answered(grant, stored.token, key.namespace)
            look.plan()

    async def _ask(self, key: Key, look: Look, endpoint: Endpoint, prepared: Prepared) -> None:
        integration, entry, grant = look.integration, look.entry, look.entry.grant
        look.asked = True
        entry.handled_renew_request = integration.renew_request
        held = look.stored.token.access_token if look.stored is not None else ""
        self._admission.sent(key)
        try:
            token = await self._issuer.ask(prepared, endpoint, held)
            self._judge(look, endpoint, token)
        except Failure as failure:
            look.now = self._clock.now()
            grant.failed(failure)
            grant.retry = look.now.after(self._wait(look, endpoint, failure))
            raise
        finally:
            self._admission.answered(key)
            grant.pace.note(self._clock.now().boot)
        grant.succeeded()
        entry.failed_inputs = None

    def _judge(self, look: Look, endpoint: Endpoint, token: Token) -> None:
        """Makes of the answer what it is worth.

        :raises Passing: where the token has expired already and isn't the one that is held.
        """
        entry, identity = look.entry, look.identity
        assert identity is not None  # noqa: S101  # inquire has seen to it
        look.read_clock(self._clock.now())
        verdict = judge(look.held, token, identity, look.now.wall)
        if verdict is Verdict.EXPIRED:
            raise Passing(Reason.INVALID_RESPONSE, "the endpoint answered with a token that has expired already")
        self._metrics.requested(endpoint.ref, "issued" if verdict is Verdict.TAKE else "unchanged")
        known = entry.grant.rollover or Rollover()
        before = look.stored
        entry.grant.seen_at = look.now
        # What is sent as long before expiry next time will be answered alike.
        sent = token.issued + look.set_back
        if verdict is Verdict.TAKE:
            self._grants.answered(entry.grant, token)
            comparable = before is not None and before.identity == identity and not before.token.assumed
            # What follows an assumed expiry, another grant's token or a clock that was set teaches nothing.
            teaches = comparable and not look.stepped
            entry.grant.rollover = known.new(entry.expires - sent) if teaches else known.apart()
            look.take(StoredToken(token, identity))
            return
        if before is None:
            return
        if verdict is Verdict.KEEP and not token.assumed:
            entry.expires = min(entry.expires, token.expires + look.set_back)
        known = known.old(entry.expires - sent)
        if verdict is Verdict.CORRECT:
            if before.token.assumed:
                known = known.apart()  # the expiry is another, and was none to measure by
            elif before.identity.credentials != identity.credentials:
                self._reporter.tell_unverified(look)
            look.stored = corrected(before, token, identity)
            self._grants.answered(entry.grant, look.stored.token)
        elif verdict is Verdict.KEEP:
            self._grants.answered(entry.grant, _as_answered(before.token, entry.expires - look.set_back))
        entry.grant.rollover = known
        look.plan()

    def _wait(self, look: Look, endpoint: Endpoint, failure: Failure) -> float:
        """Seconds until the grant is asked for again."""
        if not isinstance(failure, Passing):
            return change_wait(look.left)
        grant = look.entry.grant
        wait = max(passing_wait(grant.failures, look.left, self._jitter()), grant.pace.spacing(look.now.boot))
        if failure.pause is not None:
            self._admission.pause(endpoint.ref, failure.pause)
            wait = max(wait, failure.pause)
        return wait


def _as_answered(stored: Token, expires: float) -> Token:
    """The token as others may take it over: what stands beside it in a Secret is no word of the endpoint's.

    :param expires: by all that the endpoint has told.
    """
    return stored if stored.expires - expires <= _WHOLE else replace(stored, expires=expires)


def offered(key: Key, entry: Entry, now: Instant) -> bool:
    """Whether another resource of the grant holds a token that expires later."""
    offer = entry.grant.offer(key)
    if offer is None or (offer.issued, offer.expires) == entry.plan:
        return False
    return offer.expires + entry.set_back(now) > entry.expires


def with_credentials(identity: Identity, credentials: SecretMetadata) -> Identity:
    """The identity of the grant with these credentials."""
    return replace(identity, credentials_uid=credentials.uid, credentials_version=credentials.version)


def inputs_of(entry: Entry, endpoint: Endpoint, credentials: SecretMetadata) -> Inputs:
    """The versions of what the look goes by."""
    return Inputs(
        entry.generation,
        entry.renew_request,
        endpoint.uid,
        endpoint.generation,
        credentials.uid,
        credentials.version,
    )
