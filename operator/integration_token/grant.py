"""Grants that several resources have in common: one request serves them all.

What is remembered of a grant is no token and no credential: who of its resources holds a token until when, so that the
others copy it from that one's Secret, and what its requests have taught.
"""

import hashlib
import json
import secrets
from dataclasses import dataclass, field
from typing import NamedTuple

from integration_token.api.endpoint import Endpoint
from integration_token.clock import Instant
from integration_token.errors import Failure
from integration_token.oauth.request import Grant
from integration_token.renewal.budget import Pace
from integration_token.renewal.rollover import Rollover
from integration_token.scheduler import Key, Scheduler


class Offer(NamedTuple):
    """A token of the grant in the target Secret of one of its resources. Times are wall times in seconds."""

    owner: Key
    target: str
    """The Secret's name."""
    issued: float
    expires: float
    """As stored beside the token: by both times it is known again when the Secret is read."""


@dataclass(slots=True)
class SharedGrant:
    """One grant, as all its resources know it. A resource has one to itself until its credentials are first read."""

    rollover: Rollover | None = None
    """None before anything, be it a status, was asked about it."""
    pace: Pace = field(default_factory=Pace)
    asking: Key | None = None
    """Whose request is in flight."""
    waiting: set[Key] = field(default_factory=set)
    """Who is to look again when that has ended."""
    failure: Failure | None = None
    """Why the last request brought no token."""
    failures: int = 0
    """Passing faults in a row, or refusals in a row."""
    retry: Instant | None = None
    """When the next request after a failure may be sent."""
    members: dict[Key, Offer | None] = field(default_factory=dict)
    _best: Offer | None = None

    def offer(self, key: Key) -> Offer | None:
        """The token that expires last among those of the other resources."""
        if self._best is not None and self._best.owner != key:
            return self._best
        if len(self.members) < 2:
            return None
        return max((o for o in self.members.values() if o and o.owner != key), key=_expires, default=None)

    def holds(self, offer: Offer) -> None:
        """A resource's target holds a token of the grant."""
        self.members[offer.owner] = offer
        if self._best is None or offer.expires >= self._best.expires:
            self._best = offer
        elif self._best.owner == offer.owner:
            self._choose()

    def withdraw(self, key: Key) -> None:
        """A resource's target does not hold what it was said to hold."""
        self.members[key] = None
        self._choose()

    def leave(self, key: Key) -> None:
        """The resource has the grant no longer."""
        self.members.pop(key, None)
        self.waiting.discard(key)
        self._choose()

    def failed(self, failure: Failure) -> None:
        """A request brought no token."""
        again = self.failure is not None and type(failure) is type(self.failure)
        self.failures = self.failures + 1 if again else 1
        self.failure = failure

    def succeeded(self) -> None:
        """A request was answered with a usable token."""
        self.failure, self.failures, self.retry = None, 0, None

    def _choose(self) -> None:
        self._best = max((offer for offer in self.members.values() if offer), key=_expires, default=None)


class Grants:
    """All grants whose credentials have been read since the start.

    They are told apart by every input of the request, credentials in full among them, through a digest that is keyed
    with what only this process knows and kept in its memory alone.
    """

    def __init__(self, scheduler: Scheduler) -> None:
        self._scheduler = scheduler
        self._secret = secrets.token_bytes(32)
        self._grants: dict[bytes, SharedGrant] = {}
        self._places: dict[Key, bytes] = {}

    def join(self, key: Key, own: SharedGrant, endpoint: Endpoint, grant: Grant) -> SharedGrant:
        """The grant as the resource shares it with others.

        A namespaced endpoint's UID is of its namespace alone, so its grants are never shared with another.

        :param own: what the resource knew as its grant before.
        """
        digest = self._digest(endpoint, grant)
        before = self._places.get(key)
        if before == digest:
            return self._grants[digest]
        if before is not None:
            self.forget(key)
            own = SharedGrant()
        shared = self._grants.setdefault(digest, own)
        shared.rollover = shared.rollover or own.rollover
        shared.members.setdefault(key, None)
        self._places[key] = digest
        return shared

    def ended(self, key: Key, grant: SharedGrant, *, renewed: bool) -> None:
        """The resource's look is over: whoever waited for its request, or for its token, looks again."""
        if grant.asking == key:
            grant.asking = None
            waiting, grant.waiting = grant.waiting, set()
            for other in waiting:
                self._scheduler.wake(other)
        if renewed:
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

    def _digest(self, endpoint: Endpoint, grant: Grant) -> bytes:
        inputs = (
            endpoint.ref.kind,
            endpoint.uid,
            grant.token_url,
            grant.audience,
            grant.scopes,
            grant.parameters,
            grant.encoding,
            grant.authentication,
            grant.client_id,
            grant.client_secret,
        )
        return hashlib.blake2b(json.dumps(inputs).encode(), key=self._secret, digest_size=32).digest()


def _expires(offer: Offer) -> float:
    return offer.expires
