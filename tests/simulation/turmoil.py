"""Causes a story's disturbances."""

import asyncio
import base64
from collections.abc import Callable
from typing import TYPE_CHECKING

from integration_token.api.names import (
    INTEGRATION_TOKENS,
    ISSUE_TIME_ANNOTATION,
    LIFETIME_ANNOTATION,
    MANAGER,
    RENEW_ANNOTATION,
    TARGET_LABEL,
)
from integration_token.api.value import format_precise_time, format_time
from integration_token.cluster.collection import Object
from integration_token.errors import Conflict, Denied, Unavailable

from tests.simulation.disturbance import Deletion, Disturbance, Gap, Manner, Rival, Storm, Weather, What, Wishes
from tests.unit.virtual import EPOCH
from tests.unit.world import encoded

if TYPE_CHECKING:
    from tests.simulation.stage import Simulation

_READS = frozenset({"get", "list"})
_SLOW = 2.0
"""Seconds that a slow call takes."""
_FORGED = 20.0
"""Remaining lifetime in seconds that a forger writes."""


class Turmoil:
    """Everybody except the operator."""

    def __init__(self, world: "Simulation") -> None:
        """Starts before anything has happened."""
        self._world = world
        self._storms = [each for each in world.story.disturbances if isinstance(each, Storm)]
        self._tasks: list[asyncio.Task[None]] = []
        self.undone = 0
        """Writes of the operator that rivals have undone."""

    def begin(self) -> None:
        """Starts all disturbances."""
        loop = asyncio.get_running_loop()
        self._tasks = [loop.create_task(self._play(each)) for each in self._world.story.disturbances]

    async def end(self) -> None:
        """Returns when everything is over."""
        await asyncio.gather(*self._tasks)

    async def before(self, verb: str, plural: str, namespace: str) -> None:
        """A call from the operator arrives.

        :raises ClusterError: if it fails.
        """
        weather = self._weather(plural, namespace)
        if weather is Weather.AWAY:
            raise Unavailable("the API server is away")
        if weather is Weather.SLOW and verb in _READS:
            await asyncio.sleep(_SLOW)
        if verb in _READS:
            return
        if weather is Weather.CONFLICT:
            raise Conflict("409 overtaken")
        if weather is Weather.DENIED:
            raise Denied("403 exceeded quota", status=403)

    async def after(self, plural: str, namespace: str) -> None:
        """A write by the operator was carried out.

        :raises ClusterError: if its response is lost.
        """
        weather = self._weather(plural, namespace)
        if weather is Weather.SLOW:
            await asyncio.sleep(_SLOW)
        if weather is Weather.LOST:
            raise Unavailable("the answer got lost")

    def _weather(self, plural: str, namespace: str) -> Weather | None:
        now = self._world.now
        return next((each.weather for each in self._storms if each.strikes(now, plural, namespace)), None)

    async def _play(self, disturbance: Disturbance) -> None:
        match disturbance:
            case Gap():
                await self._until(disturbance.start)
                self._world.operator.deafen()
                await self._until(disturbance.end)
                self._world.operator.hear()
            case Deletion():
                await self._delete(disturbance)
            case Rival():
                await self._until(disturbance.start)
                while self._world.now < disturbance.end:
                    self._undo(disturbance)
                    await asyncio.sleep(disturbance.every)
            case Wishes():
                await self._until(disturbance.start)
                while self._world.now < disturbance.end:
                    self._wish(disturbance)
                    await asyncio.sleep(disturbance.every)
            case Storm():
                pass  # the clock announces it

    async def _until(self, at: float) -> None:
        await asyncio.sleep(max(0.0, at - self._world.now))

    async def _delete(self, deletion: Deletion) -> None:
        await self._until(deletion.at)
        world = self._world
        for path in self._paths(deletion):
            body = world.cluster.find(*path)
            if body is not None:
                world.cluster.remove(*path)
                if deletion.what is What.RESOURCE:
                    self._collect(deletion)
        if deletion.what is not What.TARGET:
            await asyncio.sleep(deletion.again)
            for member in world.story.members:
                if (member.namespace, member.name) == (deletion.namespace, deletion.name):
                    world.add(member)

    def _paths(self, deletion: Deletion) -> list[tuple[str, str, str]]:
        for member in self._world.story.members:
            if (member.namespace, member.name) == (deletion.namespace, deletion.name):
                where = member.namespace if member.namespaced else ""
                plural = "tokenendpoints" if member.namespaced else "clustertokenendpoints"
                credentials = f"{member.client}-{'wrong' if member.wrong else 'integration'}"
                return [
                    {
                        What.RESOURCE: (INTEGRATION_TOKENS, member.namespace, member.name),
                        What.TARGET: ("secrets", member.namespace, member.name),
                        What.ENDPOINT: (plural, where, member.endpoint),
                        What.CREDENTIALS: ("secrets", member.namespace, credentials),
                    }[deletion.what]
                ]
        return []

    def _collect(self, deletion: Deletion) -> None:
        """Does what the garbage collector does with objects that a resource owned."""
        if self._world.cluster.find("secrets", deletion.namespace, deletion.name) is not None:
            self._world.cluster.remove("secrets", deletion.namespace, deletion.name)

    def _undo(self, rival: Rival) -> None:
        cluster, path = self._world.cluster, ("secrets", rival.namespace, rival.name)
        body = cluster.find(*path)
        if body is None:
            return
        if rival.manner is Manner.DELETES:
            cluster.remove(*path)
            self.undone += 1
            return
        if rival.manner is Manner.FORGES:
            self._forge(path, body)
            return
        change = _relabel if rival.manner is Manner.RELABELS else _overwrite
        if _differs(body, change):
            cluster.edit(*path, change)
            self.undone += 1

    def _forge(self, path: tuple[str, str, str], body: Object) -> None:
        expires = self._world.now + EPOCH + _FORGED
        metadata = {**body["metadata"], "annotations": dict(body["metadata"]["annotations"])}
        metadata["annotations"] |= {
            ISSUE_TIME_ANNOTATION: format_precise_time(expires - 2 * _FORGED),
            LIFETIME_ANNOTATION: f"{2 * _FORGED:.3f}",
        }
        data = {**body["data"], "expires_at": encoded(format_time(expires))}
        self._world.cluster.apply(path[0], {**body, "metadata": metadata, "data": data}, MANAGER)
        self.undone += 1

    def _wish(self, wishes: Wishes) -> None:
        path = (INTEGRATION_TOKENS, wishes.namespace, wishes.name)
        if self._world.cluster.find(*path) is not None:
            value = f"{self._world.now:.3f}"
            self._world.cluster.edit(
                *path, lambda body: body["metadata"].setdefault("annotations", {}).update({RENEW_ANNOTATION: value})
            )


def _differs(body: Object, change: Callable[[Object], None]) -> bool:
    if change is _relabel:
        return TARGET_LABEL in (body["metadata"].get("labels") or {})
    return bool(body["data"].get("token") != _RUBBISH)


_RUBBISH = base64.b64encode(b"rubbish").decode()


def _relabel(body: Object) -> None:
    body["metadata"]["labels"].pop(TARGET_LABEL, None)


def _overwrite(body: Object) -> None:
    body["data"]["token"] = _RUBBISH
