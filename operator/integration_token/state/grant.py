"""Grants that several resources share: one request serves all of them.

The state of a grant contains no token and no credential. It says which of its resources hold the newest token, so that
the others copy it from their Secrets, and what its requests have taught.
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
"""The message for credentials that several namespaces have."""

_CLOSE, _CLOSE_SHARE = 5.0, 0.01
"""Seconds, or share of the lifetime, by which the expiry may differ in two responses with the same token."""


@dataclass(frozen=True, slots=True)
class NewestToken:
    """The newest token of a grant, without the token itself. Times are wall times in seconds."""

    digest: bytes
    """Keyed digest: recognises the token in another resource's Secret, and cannot be forged."""
    issued: float
    expires: float
    assumed: bool
    doubtful: bool
    """Whether it was returned with no time left: at some endpoints that means never, from a cache it means expired."""
    scope: tuple[str, ...] | None
    scope_incomplete: bool
    found_in: str
    """The namespace in whose Secret this process found it, and for which it is trusted; empty if the endpoint returned
    it to this process."""


def is_same_expiry(known: NewestToken, expires: float, other: float) -> bool:
    """Whether two times may both be the expiry of the newest token."""
    return abs(expires - other) <= max(_CLOSE, _CLOSE_SHARE * (known.expires - known.issued))


@dataclass(slots=True)
class GrantMemory:
    """What is remembered of a grant for a while after its last resource left: someone may change credentials back and
    forth, or delete and recreate."""

    rate: GrantRate = field(default_factory=GrantRate)
    """The rate of all requests."""
    wishes: GrantRate | None = None
    """The rate of those that a person asked for; None before the first."""
    pause: Instant | None = None
    """The end of the pause that the endpoint asked for."""


@dataclass(slots=True)
class GrantState:
    """One grant, as all its resources see it. Until its credentials are first read, a resource has one of its own."""

    rollover: Rollover | None = None
    """None before a response has taught anything. For a ClusterTokenEndpoint only responses to this process count:
    anyone with write access to a Secret or a status can write anything there."""
    seen_at: Instant | None = None
    """When it last learned something."""
    memory: GrantMemory = field(default_factory=GrantMemory)
    asking: Key | None = None
    """The resource whose request is in flight."""
    waiting: set[Key] = field(default_factory=set)
    """The resources to wake when that has ended."""
    failing: FailureState = NOTHING
    """Why the last request returned no token, and when the next one may be sent."""
    recovered: bool = False
    """Whether a request has just succeeded after one that failed."""
    members: set[Key] = field(default_factory=set)
    shares: dict[str, GrantRate] | None = None
    """For a grant of several namespaces: the requests of each; None before the first."""
    namespaces: dict[str, int] | None = None
    """How many members are in each; None before the first."""
    newest: NewestToken | None = None
    holders: dict[Key, str] = field(default_factory=dict)
    """The resources whose target Secrets hold the newest token, with the names of these Secrets."""

    def offer(self, key: Key, plan: TokenPlan, now: Instant) -> NewestToken | None:
        """The token that the resource could copy from another.

        :param plan: for its current token.
        """
        known = self.newest
        if known is not None and known.doubtful and not plan.assumed and plan.expires > plan.read_clock(now):
            return None  # a token known to be valid is better
        # Anyone with write access to Secrets in one namespace must not choose the token in another.
        if known is None or known.found_in not in {"", key.namespace} or len(self.holders) == (key in self.holders):
            return None
        return known

    def offers_later(self, key: Key, plan: TokenPlan, now: Instant) -> bool:
        """Whether another resource holds a token that expires later than the planned one."""
        offer = self.offer(key, plan, now)
        if offer is None or plan.is_of(offer.issued, offer.expires):
            return False
        return offer.expires + plan.clock_set_back_by(now) > plan.expires

    def taught(self, now: Instant) -> Rollover | None:
        """What responses have taught about the rollover; None before the first."""
        if self.seen_at is not None and self.seen_at.clock_was_set(now):
            # A measurement by a clock that was set since is only a guess.
            self.seen_at, self.rollover = None, self.rollover and self.rollover.apart()
        return self.rollover

    def on_answer(self, now: Instant) -> None:
        """A response has arrived; what it teaches is decided later."""
        self.seen_at = now

    def learn(self, rollover: Rollover) -> None:
        """Sets what is known about the rollover."""
        self.rollover = rollover

    def begin(self, key: Key) -> None:
        """The resource's request is in flight."""
        self.asking = key

    def wait_for_request(self, key: Key) -> None:
        """Wakes the resource when the request in flight has ended."""
        self.waiting.add(key)

    def on_failure(self, failing: FailureState, pause: Instant | None) -> None:
        """A request returned no token.

        :param pause: the end of the pause that the endpoint asked for with this grant, if it did.
        """
        self.failing = failing
        if pause is not None:
            self.memory.pause = pause

    def told_to_all(self, failure: Failure) -> Failure:
        """Why no request can be made with the grant's credentials, in a message for all its resources: those in other
        namespaces have the same credentials in a Secret with another name."""
        if failure.reason != Reason.CREDENTIALS_INVALID or not self._crosses() or failure.what == _UNUSABLE:
            return failure
        told = UserActionRequired(failure.reason, _UNUSABLE)
        told.next_attempt = failure.next_attempt
        return told

    def on_success(self) -> None:
        """A request returned a usable token."""
        self.recovered = self.failing.failure is not None
        self.failing = NOTHING

    def wish_wait(self, now: float) -> float:
        """Seconds until a person's request for a renewal may be followed again; 0 if it may now."""
        return 0.0 if self.memory.wishes is None else self.memory.wishes.delay(now)

    def is_paused(self, now: Instant) -> bool:
        """Whether the pause that the endpoint asked for lasts."""
        return self.memory.pause is not None and not self.memory.pause.is_due(now)

    def drop_holder(self, key: Key) -> None:
        """The resource's target Secret no longer holds the newest token."""
        self.holders.pop(key, None)

    def end_request(self) -> set[Key]:
        """No request is in flight any more: returns the resources to wake."""
        waiting, self.asking, self.waiting = self.waiting, None, set()
        return waiting

    def end_recovery(self) -> None:
        """The resources that the failure kept waiting have learned that it is over."""
        self.recovered = False

    def on_token(self, answered: NewestToken) -> None:
        """Sets the newest token."""
        same = self.newest is not None and self.newest.digest == answered.digest
        self.newest, self.holders = answered, self.holders if same else {}

    def on_delivery(self, key: Key, target: str) -> None:
        """The resource's target Secret of that name holds the newest token."""
        self.holders[key] = target

    def take_up(self, memory: GrantMemory) -> None:
        """Restores what is remembered: the grant has a resource again after a while without one."""
        self.memory = memory

    def wait(self, namespace: str, now: float) -> float:
        """Seconds until a resource of the namespace may ask again; 0 if it may now."""
        share = self.shares.get(namespace) if self.shares and self._crosses() else None
        return max(self.memory.rate.delay(now), share.delay(now) if share is not None else 0.0)

    def record_request(self, namespace: str, now: float, *, wish: bool) -> None:
        """A request for a resource of the namespace has ended."""
        self.memory.rate.note(now)
        if self._crosses():
            self.shares = self.shares or {}
            self.shares.setdefault(namespace, GrantRate(MAX_PER_SHARE)).note(now)
        if wish:
            self.memory.wishes = self.memory.wishes or GrantRate(MAX_WISHES)
            self.memory.wishes.note(now)

    def _crosses(self) -> bool:
        """Whether resources of several namespaces share the grant."""
        return len(self.namespaces or ()) > 1

    def join(self, key: Key) -> None:
        """The resource joins the grant."""
        self.members.add(key)
        self.namespaces = self.namespaces or {}
        self.namespaces[key.namespace] = self.namespaces.get(key.namespace, 0) + 1
        if (failure := self.failing.failure) is not None and (told := self.told_to_all(failure)) is not failure:
            # Found while a single namespace had the grant, and its message names that namespace's objects.
            self.failing = replace(self.failing, failure=told)

    def leave(self, key: Key) -> None:
        """The resource leaves the grant."""
        if key in self.members and self.namespaces:
            self.members.discard(key)
            self.namespaces[key.namespace] -= 1
            if not self.namespaces[key.namespace]:
                del self.namespaces[key.namespace]
                (self.shares or {}).pop(key.namespace, None)
        self.waiting.discard(key)
        self.drop_holder(key)
