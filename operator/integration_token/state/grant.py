"""Grants that several resources have in common: one request serves them all.

What is remembered of a grant is no token and no credential: which of its resources hold the newest token, so that the
others copy it from a Secret of theirs, and what its requests have taught.
"""

from dataclasses import dataclass, field, replace

from integration_token.api.condition import Reason
from integration_token.clock import Instant
from integration_token.errors import Failure, UserActionRequired
from integration_token.renewal.plan import TokenPlan
from integration_token.renewal.rollover import Rollover
from integration_token.state.failure import NOTHING, FailureState
from integration_token.workqueue.grant_rate import MAX_PER_SHARE, MAX_WISHES, GrantRate
from integration_token.workqueue.key import Key

_UNUSABLE = (
    "no token request can be made with these credentials, as another resource with the same credentials has shown;"
    " store a usable key and certificate in the credentials Secret"
)
"""What is told of credentials that several namespaces have."""

_CLOSE, _CLOSE_SHARE = 5.0, 0.01
"""Seconds, or share of the lifetime, by which two answers with the same token may differ about its expiry."""


@dataclass(frozen=True, slots=True)
class NewestToken:
    """The newest token of a grant, without the token. Times are wall times in seconds."""

    digest: bytes
    """By which it is known again, and can't be passed off, if it is read from another resource's Secret."""
    issued: float
    expires: float
    assumed: bool
    doubtful: bool
    """It was answered with no time left: never, at some endpoints, or expired, in a cache."""
    scope: tuple[str, ...] | None
    scope_incomplete: bool
    found_in: str
    """The namespace in whose Secret it was found by this process, and to which it is trusted; empty if the endpoint
    answered it to this process."""


def is_same_expiry(known: NewestToken, expires: float, other: float) -> bool:
    """Whether two times may both be told of the expiry of the token that is known."""
    return abs(expires - other) <= max(_CLOSE, _CLOSE_SHARE * (known.expires - known.issued))


@dataclass(slots=True)
class GrantMemory:
    """What is remembered of a grant for a while though no one has it: someone may change credentials to and fro, or
    delete and create."""

    rate: GrantRate = field(default_factory=GrantRate)
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
    what stands in a Secret or a status is the word of anyone who may write there."""
    seen_at: Instant | None = None
    """When it last learned something."""
    memory: GrantMemory = field(default_factory=GrantMemory)
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
    newest: NewestToken | None = None
    holders: dict[Key, str] = field(default_factory=dict)
    """Whose target Secret holds what was answered, and that Secret's name."""

    def offer(self, key: Key, plan: TokenPlan, now: Instant) -> NewestToken | None:
        """The token that the resource could copy from another.

        :param plan: for the token that it holds.
        """
        known = self.newest
        if known is not None and known.doubtful and not plan.assumed and plan.expires > plan.read_clock(now):
            return None  # what is known to be valid is better
        # Who may write Secrets in one namespace must not choose the token in another.
        if known is None or known.found_in not in {"", key.namespace} or len(self.holders) == (key in self.holders):
            return None
        return known

    def offers_later(self, key: Key, plan: TokenPlan, now: Instant) -> bool:
        """Whether another resource holds a token that expires later than the one that is planned for."""
        offer = self.offer(key, plan, now)
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

    def told_to_all(self, failure: Failure) -> Failure:
        """Why no request can be made with the grant's credentials, as each of its resources may be told: those of other
        namespaces have the same in a Secret of another name."""
        if failure.reason != Reason.CREDENTIALS_INVALID or not self._crosses() or failure.what == _UNUSABLE:
            return failure
        told = UserActionRequired(failure.reason, _UNUSABLE)
        told.next_attempt = failure.next_attempt
        return told

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

    def on_token(self, answered: NewestToken) -> None:
        """This is the newest token from now on."""
        same = self.newest is not None and self.newest.digest == answered.digest
        self.newest, self.holders = answered, self.holders if same else {}

    def on_delivery(self, key: Key, target: str) -> None:
        """The resource's target Secret of that name holds the newest token."""
        self.holders[key] = target

    def take_up(self, memory: GrantMemory) -> None:
        """Someone has the grant again that no one had for a while."""
        self.memory = memory

    def wait(self, namespace: str, now: float) -> float:
        """Seconds until a resource of the namespace may ask again; 0 if it may now."""
        share = self.shares.get(namespace) if self.shares and self._crosses() else None
        return max(self.memory.rate.delay(now), share.delay(now) if share is not None else 0.0)

    def record_request(self, namespace: str, now: float, *, wish: bool) -> None:
        """A request for a resource of the namespace is over."""
        self.memory.rate.note(now)
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
        if (failure := self.failing.failure) is not None and (told := self.told_to_all(failure)) is not failure:
            # Found out while one namespace had the grant, and told with what is that one's alone.
            self.failing = replace(self.failing, failure=told)

    def leave(self, key: Key) -> None:
        """The resource has the grant no longer."""
        if key in self.members and self.namespaces:
            self.members.discard(key)
            self.namespaces[key.namespace] -= 1
            if not self.namespaces[key.namespace]:
                del self.namespaces[key.namespace]
                (self.shares or {}).pop(key.namespace, None)
        self.waiting.discard(key)
        self.drop_holder(key)
