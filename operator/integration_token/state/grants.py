"""All grants whose credentials have been read since the start, and their resources."""

import hashlib
import json
import secrets
from collections import OrderedDict
from collections.abc import Hashable
from dataclasses import replace

from integration_token.api.endpoint import Endpoint
from integration_token.api.token import Assumption, Token
from integration_token.oauth.part import TokenRequestSpec
from integration_token.state.grant import GrantMemory, GrantState, NewestToken, is_same_expiry
from integration_token.workqueue.key import Key
from integration_token.workqueue.scheduler import Scheduler

_LEFT = 1024
"""The number of grants without resources of which something is remembered: the most recent ones."""


class Grants:
    """All grants whose credentials have been read since the start.

    Every input of the request distinguishes them, including the full credentials. Credentials and tokens are recognised
    by keyed digests; the key is random, and exists only in this process's memory.
    """

    def __init__(self, scheduler: Scheduler) -> None:
        self._scheduler = scheduler
        self._secret = secrets.token_bytes(32)
        self._grants: dict[bytes, GrantState] = {}
        self._places: dict[Key, bytes] = {}
        self._names: dict[bytes, bytes] = {}
        """By grant, the key of what is remembered of it: the same after its endpoint was deleted and recreated."""
        self._left: OrderedDict[bytes, GrantMemory] = OrderedDict()

    def join(self, key: Key, own: GrantState, endpoint: Endpoint, spec: TokenRequestSpec) -> GrantState:
        """The grant as the resource shares it with others.

        A namespaced endpoint's UID belongs to its namespace, so its grants are never shared across namespaces.

        :param own: the resource's grant before.
        """
        digest = self._digest(endpoint, spec, endpoint.uid)
        before = self._places.get(key)
        if before == digest:
            return self._grants[digest]
        if before is not None:
            self.forget(key)
            own = GrantState()
        shared = self._grants.get(digest)
        if shared is None:
            shared = self._grants[digest] = own
            name = self._names[digest] = self._digest(endpoint, spec, "")
            shared.take_up(self._left.pop(name, shared.memory))
        shared.join(key)
        self._places[key] = digest
        return shared

    def on_token(self, grant: GrantState, token: Token, found_in: str = "") -> None:
        """The endpoint returned the token for the grant, or it was found in a target of that namespace."""
        known = grant.newest
        if found_in and known is not None and (not known.found_in or known.expires >= token.expires):
            return
        answered = NewestToken(
            self._known_by(token),
            token.issued,
            token.expires,
            token.assumed,
            token.assumption is Assumption.ZERO,
            token.scope,
            token.scope_incomplete,
            found_in,
        )
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
        return grant.newest is not None and grant.newest.digest == self._known_by(token)

    def holds_newest(self, key: Key, grant: GrantState, token: Token) -> bool:
        """Whether the resource's target Secret is known to hold that token, and it is the grant's newest one."""
        return key in grant.holders and self.is_newest(grant, token)

    def as_answered(self, grant: GrantState, token: Token) -> Token:
        """The token with the times that this process received, if the Secret states a later expiry: someone has changed
        that. An earlier one may come from an earlier response, and is kept."""
        known = grant.newest
        if known is None or known.found_in or token.assumed:
            return token
        if known.assumed:
            return replace(token, assumed=True) if self.is_newest(grant, token) else token
        if token.expires <= known.expires:
            return token
        if is_same_expiry(known, known.expires, token.expires):
            return token
        return replace(token, issued=known.issued, expires=known.expires) if self.is_newest(grant, token) else token

    def recognised(self, grant: GrantState, access_token: str) -> Token | None:
        """The token read from another resource's Secret, if it is the grant's newest token."""
        known = grant.newest
        if known is None:
            return None
        token = Token(access_token, known.issued, known.expires, known.assumed, known.scope, known.scope_incomplete)
        return token if known.digest == self._known_by(token) else None

    def on_pass_end(self, key: Key, grant: GrantState, *, renewed: bool) -> None:
        """The resource's pass is over: wakes those that waited for its request or its token."""
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
        """The source of a pause that the endpoint asked this resource for: it applies to others only after another
        source has received one too."""
        return key.namespace if endpoint.ref.kind.is_cluster_scoped else self._places.get(key)

    def _digest(self, endpoint: Endpoint, spec: TokenRequestSpec, uid: str) -> bytes:
        inputs = (
            endpoint.ref.kind,
            endpoint.ref.namespace,
            endpoint.ref.name,
            uid,
            spec.inputs.fingerprint,
            dict(spec.credentials),
        )
        return self._keyed(json.dumps(inputs).encode())

    def _known_by(self, token: Token) -> bytes:
        return self._keyed(token.access_token.encode())

    def _keyed(self, data: bytes) -> bytes:
        return hashlib.blake2b(data, key=self._secret, digest_size=32).digest()
