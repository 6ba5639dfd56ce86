"""Gives a resource the token that another resource of its grant has got, after the same checks as an answer."""

import asyncio
from dataclasses import dataclass, replace

from integration_token.api.token import StoredToken
from integration_token.controller.observation import Look
from integration_token.controller.reporter import Reporter
from integration_token.controller.target import TargetWriter
from integration_token.state.grant import Grants
from integration_token.telemetry.metrics import Metrics
from integration_token.workqueue.key import Key

MOST_COPIES = 50
"""Resources that are given one token that was read, before it is read again: they are given it together, and it is not
kept for longer."""


_Place = tuple[str, str, bytes]
"""Namespace and name of a Secret, and which token is expected there."""


@dataclass(slots=True, eq=False)
class _Reading:
    """A token that is read once for several resources."""

    token: "asyncio.Future[str | None]"
    """None where it could not be read."""
    uses: int = 0
    users: int = 0
    """Passes that go on with it: when the last of them ends, it is let go."""


class TokenCopier:
    """Copies tokens from target Secret to target Secret."""

    def __init__(self, grants: Grants, writer: TargetWriter, reporter: Reporter, metrics: Metrics) -> None:
        self._grants = grants
        self._writer = writer
        self._reporter = reporter
        self._metrics = metrics
        self._readings: dict[_Place, _Reading] = {}
        self._used: dict[Key, tuple[_Place, _Reading]] = {}

    def keep(self, key: Key, look: Look) -> bool:
        """Keeps the token where only what is no part of the request has changed, such as a label of the credentials
        Secret, and says whether it did."""
        stored, grant = look.stored, look.entry.grant
        if stored is None or look.entry.expires <= look.wall:
            return False
        if key not in grant.holders or not self._grants.is_newest(grant, stored.token):
            return False
        self._adopt(look, stored)
        return True

    async def copy(self, key: Key, look: Look) -> bool:
        """Takes the token of another resource of the grant where that is better, and says whether it was.

        :raises ClusterError: where it can't be read now, which is no reason to ask for another.
        """
        grant, endpoint, identity = look.entry.grant, look.endpoint, look.identity
        assert endpoint is not None and identity is not None  # noqa: S101, PT018  # the grant was made of them
        while (
            offer := grant.offer(key)
        ) is not None and offer.expires + look.clock_set_back_by > look.wall + look.left:
            holder = next(other for other in grant.holders if other != key)
            held = await self._held(key, (holder.namespace, grant.holders[holder], offer.digest))
            token = self._grants.recognised(grant, held)
            if token is None:
                grant.holders.pop(holder, None)
                continue
            stored = look.stored
            if stored is None or stored.token.access_token != held:
                look.copied, look.wanted = True, None
                look.take(StoredToken(token, identity))
            elif token.assumed:
                # An answer has shown that it still lives.
                self._adopt(look, replace(stored, token=token))
            elif stored.identity != identity:
                if stored.identity.credentials != identity.credentials:
                    self._reporter.tell_unverified(look)
                self._adopt(look, stored)
            else:
                return False  # the one that is held, whose expiry never grows
            self._metrics.record_saved_request(endpoint.ref)
            return True
        return False

    def let_go(self, key: Key) -> None:
        """The resource's pass is over."""
        used = self._used.pop(key, None)
        if used is not None:
            place, reading = used
            reading.users -= 1
            if not reading.users and self._readings.get(place) is reading:
                del self._readings[place]

    async def _held(self, key: Key, place: _Place) -> str:
        """The token in another resource's target, read once for all passes that want it at the same time."""
        reading = self._readings.get(place)
        if reading is not None and reading.uses < MOST_COPIES:
            self._use(key, place, reading)
            token = await reading.token
            return await self._writer.held(*place[:2]) if token is None else token
        reading = self._readings[place] = _Reading(asyncio.get_running_loop().create_future())
        self._use(key, place, reading)
        token = None
        try:
            token = await self._writer.held(*place[:2])
        finally:
            reading.token.set_result(token)
        return token

    def _use(self, key: Key, place: _Place, reading: _Reading) -> None:
        self.let_go(key)
        self._used[key] = (place, reading)
        reading.uses += 1
        reading.users += 1

    def _adopt(self, look: Look, stored: StoredToken) -> None:
        """The token that is held is the grant's as it is now."""
        assert look.identity is not None  # noqa: S101  # as above
        look.copied, look.wanted = True, None
        look.stored = replace(stored, identity=look.identity)
        look.plan()
