"""Grants that several resources have in common: one request serves them all.

What is remembered of a grant is no token and no credential: which of its resources hold the newest token, so that the
others copy it from a Secret of theirs, and what its requests have taught.
"""

import hashlib
import json
import secrets
from collections import OrderedDict
from collections.abc import Hashable
from dataclasses import dataclass, field, replace

from integration_token.api.endpoint import Endpoint, EndpointKind
from integration_token.api.token import Token
from integration_token.clock import Instant
from integration_token.oauth.request import TokenRequestSpec
from integration_token.renewal.plan import TokenPlan
from integration_token.renewal.rollover import Rollover
from integration_token.state.failure import NOTHING, FailureState
from integration_token.workqueue.grant_rate import MAX_PER_SHARE, MAX_WISHES, GrantRate
from integration_token.workqueue.key import Key
from integration_token.workqueue.scheduler import Scheduler

_LEFT = 1024
"""Grants that nobody has any more of which something is remembered: those that were left last."""

_CLOSE, _CLOSE_SHARE = 5.0, 0.01
"""Seconds, or share of the lifetime, by which two answers with the same token may differ about its expiry."""


@dataclass(frozen=True, slots=True)
class Answered:
    """The newest token of a grant, without the token. Times are wall times in seconds."""

    digest: bytes
    """By which it is known again, and can't be passed off, where it is read from another resource's Secret."""
    issued: float
    expires: float
    assumed: bool
    scope: tuple[str, ...]
    found_in: str
    """The namespace in whose Secret it was found by this process, and to which it is trusted; empty where the endpoint
    answered it to this process."""


def close(known: Answered, expires: float, other: float) -> bool:
    """Whether two times may both be told of the expiry of the token that is known."""
    return abs(expires - other) <= max(_CLOSE, _CLOSE_SHARE * (known.expires - known.issued))


@dataclass(slots=True)
class Memory:
    """What is remembered of a grant for a while though nobody has it: somebody may change credentials to and fro, or
    delete and create."""

    pace: GrantRate = field(default_factory=GrantRate)
    """Of all requests."""
    wishes: GrantRate | None = None
    """Of those that a person asked for; None before the first."""
    pause: Instant | None = None
    """Until when the endpoint wants to be left alone with it."""


@dataclass(slots=True)
class GrantState:
    """One grant, as all its resources know it. A resource has one to itself until its credentials are first read."""

    rollover: Rollover | None = None
    """None before an answer has taught anything. Of a ClusterTokenEndpoint only what this process was answered does:
    what stands in a Secret or a status is the word of whoever may write there."""
    seen_at: Instant | None = None
    """When it last learned something."""
    memory: Memory = field(default_factory=Memory)
    asking: Key | None = None
    """Whose request is in flight."""
    waiting: set[Key] = field(default_factory=set)
    """Who is to look again when that has ended."""
    failing: FailureState = NOTHING
    """Why the last request brought no token, and when the next one may be sent."""
    recovered: bool = False
    """A request has just been answered after one that failed."""
    members: set[Key] = field(default_factory=set)
    shares: dict[str, GrantRate] | None = None
    """Of a grant that several namespaces have: the requests of each; None before the first."""
    namespaces: dict[str, int] | None = None
    """How many of its members are in each; None before the first."""
    answered: Answered | None = None
    holders: dict[Key, str] = field(default_factory=dict)
    """Whose target Secret holds what was answered, and that Secret's name."""

    def offer(self, key: Key) -> Answered | None:
        """The token that the resource could copy from another."""
        known = self.answered
        # Who may write Secrets in one namespace must not choose the token in another.
        if known is None or known.found_in not in {"", key.namespace} or len(self.holders) == (key in self.holders):
            return None
        return known

    def offers_later(self, key: Key, plan: TokenPlan, now: Instant) -> bool:
        """Whether another resource holds a token that expires later than the one that is planned for."""
        offer = self.offer(key)
        if offer is None or plan.is_of(offer.issued, offer.expires):
            return False
        return offer.expires + plan.clock_set_back_by(now) > plan.expires

    def taught(self, now: Instant) -> Rollover | None:
        """What answers have taught of the rollover; None before the first."""
        if self.seen_at is not None and self.seen_at.clock_was_set(now):
            # What was measured by a clock that has been set since is no more than a guess.
            self.seen_at, self.rollover = None, self.rollover and self.rollover.apart()
        return self.rollover

    def on_answer(self, now: Instant) -> None:
        """An answer has come, of which it is still to be judged what it teaches."""
        self.seen_at = now

    def learn(self, rollover: Rollover) -> None:
        """This is known of the rollover now."""
        self.rollover = rollover

    def begin(self, key: Key) -> None:
        """The resource's request is in flight."""
        self.asking = key

    def wait_for_request(self, key: Key) -> None:
        """The resource is to look again when the request in flight has ended."""
        self.waiting.add(key)

    def on_failure(self, failing: FailureState, pause: Instant | None) -> None:
        """A request brought no token.

        :param pause: until when the endpoint wants to be left alone with the grant, if it said so.
        """
        self.failing = failing
        if pause is not None:
            self.memory.pause = pause

    def on_success(self) -> None:
        """A request was answered with a usable token."""
        self.recovered = self.failing.failure is not None
        self.failing = NOTHING

    def wish_wait(self, now: float) -> float:
        """Seconds until a person's wish may be followed again; 0 if it may be now."""
        return 0.0 if self.memory.wishes is None else self.memory.wishes.delay(now)

    def is_paused(self, now: Instant) -> bool:
        """Whether the endpoint wants to be left alone with the grant."""
        return self.memory.pause is not None and not self.memory.pause.is_due(now)

    def drop_holder(self, key: Key) -> None:
        """The resource's target Secret does not hold what was answered any more."""
        self.holders.pop(key, None)

    def end_request(self) -> set[Key]:
        """No request is in flight any more: who is to look again."""
        waiting, self.asking, self.waiting = self.waiting, None, set()
        return waiting

    def end_recovery(self) -> None:
        """Who was kept waiting by a failure has been told that it is over."""
        self.recovered = False

    def on_token(self, answered: Answered) -> None:
        """This is the newest token from now on."""
        same = self.answered is not None and self.answered.digest == answered.digest
        self.answered, self.holders = answered, self.holders if same and not answered.assumed else {}

    def on_delivery(self, key: Key, target: str) -> None:
        """The resource's target Secret of that name holds the newest token."""
        self.holders[key] = target

    def take_up(self, memory: Memory) -> None:
        """Somebody has the grant again that nobody had for a while."""
        self.memory = memory

    def wait(self, namespace: str, now: float) -> float:
        """Seconds until a resource of the namespace may ask again; 0 where it may now."""
        share = self.shares.get(namespace) if self.shares and self._crosses() else None
        return max(self.memory.pace.delay(now), share.delay(now) if share is not None else 0.0)

    def record_request(self, namespace: str, now: float, *, wish: bool) -> None:
        """A request for a resource of the namespace is over."""
        self.memory.pace.note(now)
        if self._crosses():
            self.shares = self.shares or {}
            self.shares.setdefault(namespace, GrantRate(MAX_PER_SHARE)).note(now)
        if wish:
            self.memory.wishes = self.memory.wishes or GrantRate(MAX_WISHES)
            self.memory.wishes.note(now)

    def _crosses(self) -> bool:
        """Whether resources of several namespaces have the grant."""
        return len(self.namespaces or ()) > 1

    def join(self, key: Key) -> None:
        """The resource has the grant."""
        self.members.add(key)
        self.namespaces = self.namespaces or {}
        self.namespaces[key.namespace] = self.namespaces.get(key.namespace, 0) + 1

    def leave(self, key: Key) -> None:
        """The resource has the grant no longer."""
        if key in self.members and self.namespaces:
            self.members.discard(key)
            self.namespaces[key.namespace] -= 1
            if not self.namespaces[key.namespace]:
                del self.namespaces[key.namespace]
                (self.shares or {}).pop(key.namespace, None)
        self.waiting.discard(key)
        self.holders.pop(key, None)


class Grants:
    """All grants whose credentials have been read since the start.

    They are told apart by every input of the request, credentials in full among them. These, and tokens, are known
    again by digests that are keyed with what only this process knows, and kept in its memory alone.
    """

    def __init__(self, scheduler: Scheduler) -> None:
        self._scheduler = scheduler
        self._secret = secrets.token_bytes(32)
        self._grants: dict[bytes, GrantState] = {}
        self._places: dict[Key, bytes] = {}
        self._names: dict[bytes, bytes] = {}
        """By grant, what it is remembered by: the same after its endpoint was deleted and created again."""
        self._left: OrderedDict[bytes, Memory] = OrderedDict()

    def join(self, key: Key, own: GrantState, endpoint: Endpoint, grant: TokenRequestSpec) -> GrantState:
        """The grant as the resource shares it with others.

        A namespaced endpoint's UID is of its namespace alone, so its grants are never shared with another.

        :param own: what the resource knew as its grant before.
        """
        digest = self._digest(endpoint, grant, endpoint.uid)
        before = self._places.get(key)
        if before == digest:
            return self._grants[digest]
        if before is not None:
            self.forget(key)
            own = GrantState()
        shared = self._grants.get(digest)
        if shared is None:
            shared = self._grants[digest] = own
            name = self._names[digest] = self._digest(endpoint, grant, "")
            shared.take_up(self._left.pop(name, shared.memory))
        shared.join(key)
        self._places[key] = digest
        return shared

    def on_token(self, grant: GrantState, token: Token, found_in: str = "") -> None:
        """The endpoint answered for the grant with the token, or it was found in a target of that namespace."""
        known = grant.answered
        if found_in and known is not None and (not known.found_in or known.expires >= token.expires):
            return
        answered = Answered(self._known_by(token), token.issued, token.expires, token.assumed, token.scope, found_in)
        if answered != known:
            grant.on_token(answered)

    def on_delivery(self, key: Key, grant: GrantState, target: str, token: Token) -> None:
        """The resource's target Secret of that name holds the token."""
        if self.is_newest(grant, token):
            grant.on_delivery(key, target)
        else:
            grant.drop_holder(key)

    def is_newest(self, grant: GrantState, token: Token) -> bool:
        """Whether it is the grant's newest token."""
        return grant.answered is not None and grant.answered.digest == self._known_by(token)

    def holds_newest(self, key: Key, grant: GrantState, token: Token) -> bool:
        """Whether the resource's target Secret is known to hold that token, and it is the grant's newest one."""
        return key in grant.holders and self.is_newest(grant, token)

    def as_answered(self, grant: GrantState, token: Token) -> Token:
        """The token with the times that this process was answered, where a later expiry stands beside it: somebody has
        changed that. An earlier one may have been told before, and stands."""
        known = grant.answered
        if known is None or known.found_in or known.assumed or token.assumed or token.expires <= known.expires:
            return token
        if close(known, known.expires, token.expires):
            return token
        return replace(token, issued=known.issued, expires=known.expires) if self.is_newest(grant, token) else token

    def recognised(self, grant: GrantState, access_token: str) -> Token | None:
        """What was read from another resource's Secret, where it is the grant's newest token."""
        known = grant.answered
        if known is None:
            return None
        token = Token(access_token, known.issued, known.expires, known.assumed, known.scope)
        return token if known.digest == self._known_by(token) else None

    def on_pass_end(self, key: Key, grant: GrantState, *, renewed: bool) -> None:
        """The resource's look is over: whoever waited for its request, or for its token, looks again."""
        if grant.asking == key:
            for other in grant.end_request():
                self._scheduler.wake(other)
        if renewed or grant.recovered:
            grant.end_recovery()
            for other in grant.members:
                if other != key:
                    self._scheduler.wake(other)

    def forget(self, key: Key) -> None:
        """The resource is gone, or has another grant."""
        digest = self._places.pop(key, None)
        if digest is not None:
            grant = self._grants[digest]
            grant.leave(key)
            if not grant.members:
                del self._grants[digest]
                self._left[self._names.pop(digest)] = grant.memory
                if len(self._left) > _LEFT:
                    self._left.popitem(last=False)

    def source(self, key: Key, endpoint: Endpoint) -> Hashable:
        """Whose word it is where the endpoint answers the resource to stay away: one that counts for others only once
        another has heard the same."""
        return key.namespace if endpoint.ref.kind is EndpointKind.CLUSTER else self._places.get(key)

    def _digest(self, endpoint: Endpoint, grant: TokenRequestSpec, uid: str) -> bytes:
        inputs = (
            endpoint.ref.kind,
            endpoint.ref.namespace,
            endpoint.ref.name,
            uid,
            grant.token_url,
            grant.audience,
            grant.scopes,
            grant.parameters,
            grant.encoding,
            grant.authentication,
            grant.client_id,
            grant.client_secret,
        )
        return self._keyed(json.dumps(inputs).encode())

    def _known_by(self, token: Token) -> bytes:
        return self._keyed(token.access_token.encode())

    def _keyed(self, data: bytes) -> bytes:
        return hashlib.blake2b(data, key=self._secret, digest_size=32).digest()
