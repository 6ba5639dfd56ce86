"""Copies the token of another resource of the same grant, after the same checks as for a response."""

import asyncio
from dataclasses import dataclass, replace

from integration_token.api.token import StoredToken
from integration_token.controller.observation import Observation, plan_for
from integration_token.controller.outcome import Outcome
from integration_token.controller.target import TargetWriter
from integration_token.renewal.rollover import Rollover
from integration_token.state.grant import GrantState
from integration_token.state.grants import Grants
from integration_token.telemetry.metrics import Metrics
from integration_token.workqueue.key import Key

MOST_COPIES = 50
"""Resources that receive one token before it is read again: they receive it together, and it is not kept for longer."""


_Place = tuple[str, str, bytes]
"""Namespace and name of a Secret, and the token expected there."""


@dataclass(slots=True, eq=False)
class _Reading:
    """A token that is read once for several resources."""

    token: "asyncio.Future[str | None]"
    """None if it could not be read."""
    uses: int = 0
    users: int = 0
    """Passes that still use it: when the last of them ends, it is dropped."""


class TokenCopier:
    """Copies tokens from target Secret to target Secret."""

    def __init__(self, grants: Grants, writer: TargetWriter, metrics: Metrics) -> None:
        self._grants = grants
        self._writer = writer
        self._metrics = metrics
        self._readings: dict[_Place, _Reading] = {}
        self._used: dict[Key, tuple[_Place, _Reading]] = {}

    @staticmethod
    def adopt(
        observation: Observation, stored: StoredToken, taught: Rollover | None, *, unverified: bool = False
    ) -> Outcome:
        """Keeps the current token, as one of the current grant.

        :param stored: the token with what is known about it.
        :param taught: what responses have taught about the grant's rollover so far.
        :param unverified: whether the endpoint returned it for changed credentials.
        """
        assert observation.identity is not None  # noqa: S101  # the grant was made of it
        adopted = replace(stored, identity=observation.identity)
        return Outcome.of(observation)._replace(
            taught=taught,
            stored=adopted,
            plan=plan_for(observation.integration, adopted, observation.plan, observation.now, taught),
            copied=True,
            wanted=None,
            unverified=unverified,
        )

    async def copy(self, key: Key, grant: GrantState, observation: Observation) -> Outcome | None:
        """With the token of another resource of the grant; None if none has a better one after all.

        :raises ClusterError: if it cannot be read now, which is no reason to request another one.
        """
        endpoint, identity, stored = observation.endpoint, observation.identity, observation.stored
        assert endpoint is not None and identity is not None  # noqa: S101, PT018  # the grant was made of them
        until = observation.wall + observation.left - observation.plan.clock_set_back_by(observation.now)
        while (offer := grant.offer(key, observation.plan, observation.now)) is not None and offer.expires > until:
            holder = next(other for other in grant.holders if other != key)
            held = await self._held(key, (holder.namespace, grant.holders[holder], offer.digest))
            token = self._grants.recognised(grant, held)
            if token is None:
                grant.drop_holder(holder)
                continue
            taught = grant.taught(observation.now)
            if stored is None or stored.token.access_token != held:
                outcome = Outcome.of(observation).taking(StoredToken(token, identity), observation.now, taught)
                outcome = outcome._replace(copied=True)
            elif token.assumed and stored.token.assumed:
                # A response has shown that it is still valid.
                put_off = observation.plan.put_off(token.expires, observation.now)
                outcome = self.adopt(observation._replace(plan=put_off), stored, taught)
            elif stored.identity != identity:
                unverified = stored.identity.credentials_revision != identity.credentials_revision
                outcome = self.adopt(observation, stored, taught, unverified=unverified)
            else:
                return None  # the current one, whose expiry never grows
            self._metrics.record_saved_request(endpoint.ref)
            return outcome
        return None

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
