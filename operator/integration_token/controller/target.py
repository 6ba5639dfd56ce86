"""Brings a token into its target Secret: read, checked, written in one call, and read again if someone was faster."""

import asyncio
import base64
import itertools
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass

from integration_token.api.condition import Reason
from integration_token.api.integration import DeletionPolicy, Integration
from integration_token.api.token import StoredToken
from integration_token.clock import Clock
from integration_token.cluster.collection import INTEGRATIONS, SECRETS, Object
from integration_token.cluster.gateway import Gateway
from integration_token.cluster.secret import SecretWatch
from integration_token.cluster.target import Ownership, Recreation, Write, build_target, ownership, read_target
from integration_token.errors import (
    ClusterError,
    Conflict,
    Denied,
    Failure,
    Fenced,
    TargetLost,
    Transient,
    UserActionRequired,
)
from integration_token.workqueue.scheduler import Scheduler

_OVERTAKEN = 3
"""How often a write is retried at once after someone else's change."""

_PATIENCE = 10.0
"""Seconds for which a newly issued token is kept if the API server refuses it: the refusal may come from a webhook that
is just restarting."""
_SHORTEST_WAIT, _LONGEST_WAIT = 0.2, 2.0
"""Seconds between two attempts in that time."""

_LONGEST_PREFIX = 240
"""Characters of a target's name that fit in another name: a Secret's has at most 253."""


@dataclass(frozen=True, slots=True)
class Target:
    """The target Secret as it was read."""

    secret: Object | None
    stored: StoredToken | None
    """Its content, if we wrote all of it."""
    predecessors: tuple[Object, ...]
    """Secrets under earlier names of the target, if they are still ours."""


NO_TARGET = Target(None, None, ())
"""There is none."""


@dataclass(frozen=True, slots=True)
class Written:
    """A target Secret after it was brought up to date."""

    version: str
    """Its resourceVersion."""
    wrote: bool
    recreated: Recreation | None
    """Why it was deleted and recreated, if it was."""


class TargetWriter:
    """Reads and writes target Secrets."""

    def __init__(self, gateway: Gateway, secrets: SecretWatch, scheduler: Scheduler, clock: Clock) -> None:
        self._gateway = gateway
        self._secrets = secrets
        self._scheduler = scheduler
        self._clock = clock

    async def read(self, integration: Integration, predecessors: tuple[Object, ...]) -> Target:
        """The target, or if there is none yet, the content of one from before a renaming.

        :raises Failure: if the name is taken by a Secret that must not be touched.
        """
        secret = await self._owned(integration)
        stored = None if secret is None else read_target(secret)
        for old in predecessors:
            stored = stored or read_target(old)
        return Target(secret, stored, predecessors)

    def is_new(self, integration: Integration) -> bool:
        """Whether the resource was just created, and as far as is known has no target yet."""
        told = "conditions" in integration.status
        return not told and self._secrets.target(integration.namespace, integration.target) is None

    async def predecessors(self, integration: Integration, written: tuple[str, ...]) -> tuple[Object, ...]:
        """The Secrets under earlier names of the target, if they are still ours.

        :param written: names under which the target was written, which the status may not contain yet.
        """
        names = {*written, str(integration.status.get("targetName", ""))} - {"", integration.target}
        found = [await self._gateway.get(SECRETS, integration.namespace, name) for name in sorted(names)]
        return tuple(
            secret
            for secret in found
            if secret is not None
            and ownership(secret, integration) is Ownership.OURS
            and not secret["metadata"].get("deletionTimestamp")
        )

    async def held(self, namespace: str, name: str) -> str:
        """The token in another resource's target; empty if none can be read there.

        :raises ClusterError: if the API server does not respond.
        """
        try:
            secret = await self._gateway.get(SECRETS, namespace, name)
            return base64.b64decode(((secret or {}).get("data") or {}).get("token", "")).decode()
        except (Denied, ValueError):
            return ""

    async def write(
        self, integration: Integration, target: Target, stored: StoredToken, waiting: Callable[[], None] | None
    ) -> Written:
        """Writes the token to the target.

        A Secret that cannot be changed is replaced: deleted in the version that was read, and recreated. A dry run
        detects refusals beforehand as far as it can. If the process ends in between, there is no Secret: the next one
        asks the endpoint, and pods keep their mounted files.

        :param waiting: called before refused writes are retried for a while: only for a newly issued token, which
            exists nowhere else, or one whose Secret was just deleted. Others are not retried.
        :raises Failure: if the API server refuses, or the name was taken in the meantime.
        """
        namespace, secret = integration.namespace, target.secret
        replaced, began = None, self._clock.now().boot
        for attempt in itertools.count():
            try:
                if attempt:
                    secret = await self._owned(integration)
                # A deleted Secret is recreated as intended, including what others had added to it.
                gone = replaced is not None and secret is None
                write = replaced if gone else build_target(secret, integration, stored)
                why = None if replaced is None else replaced.recreate
                if write is None:
                    return Written(_version(secret), wrote=attempt > 0, recreated=why)
                with self._secrets.writing(namespace, integration.target) as noted:
                    if secret is not None and write.recreate is not None:
                        await self._make_way(integration, secret, write)
                        replaced, secret, why = write, None, write.recreate
                        waiting = waiting or _nobody
                    secret = await self._write(integration, secret, write)
                    noted(secret)
                return Written(_version(secret), wrote=True, recreated=why)
            except Fenced:
                raise
            except ClusterError as error:
                if await self._pause(namespace, attempt, error, began, waiting):
                    continue
                # Unavailable too: a webhook that is down fails only the writes of Secrets.
                raise _refused(integration, error, lost=replaced is not None) from None
        raise AssertionError("unreachable")

    async def rehearse(self, integration: Integration, target: Target, stored: StoredToken) -> None:
        """Finds out by a dry run whether such a token could be written to the target.

        :raises Failure: if it could not.
        """
        secret = target.secret
        write = build_target(secret, integration, stored)
        if write is None:
            return
        try:
            if write.recreate is not None:
                await self._rehearse_replacement(integration, write)
            else:
                await self._write(integration, secret, write, dry_run=True)
        except Fenced:
            raise
        except ClusterError as error:
            if not _unrehearsable(error):
                raise _refused(integration, error) from None

    async def _pause(
        self, namespace: str, attempt: int, error: ClusterError, began: float, waiting: Callable[[], None] | None
    ) -> bool:
        """Whether to write once more, after waiting as long as necessary."""
        if isinstance(error, Conflict) and attempt < _OVERTAKEN:
            return True
        wait = min(_LONGEST_WAIT, _SHORTEST_WAIT * 2.0**attempt)
        if (
            waiting is None
            or self._clock.now().boot - began + wait > _PATIENCE
            or not self._scheduler.may_leave(namespace)
        ):
            return False
        waiting()
        with self._scheduler.away(namespace):
            await asyncio.sleep(wait)
        return True

    async def take_away(self, integration: Integration, predecessors: tuple[Object, ...]) -> None:
        """Deletes the Secrets from before a renaming, unless they must be retained."""
        if integration.deletion_policy is DeletionPolicy.DELETE:
            for predecessor in predecessors:
                metadata = predecessor["metadata"]
                await self._gateway.delete(
                    SECRETS, integration.namespace, metadata["name"], metadata["uid"], metadata["resourceVersion"]
                )

    async def _write(
        self, integration: Integration, secret: Object | None, write: Write, *, dry_run: bool = False
    ) -> Object:
        namespace, name = integration.namespace, integration.target
        if secret is None:
            return await self._gateway.create(SECRETS, namespace, write.body, dry_run=dry_run)
        return await self._gateway.replace(SECRETS, namespace, name, write.body, dry_run=dry_run)

    async def _make_way(self, integration: Integration, secret: Object, write: Write) -> None:
        """Deletes the Secret that is in the way of another one of its name, if that could be created."""
        try:
            await self._rehearse_replacement(integration, write)
        except ClusterError as error:
            if not _unrehearsable(error):
                raise
        metadata = secret["metadata"]
        await self._gateway.delete(
            SECRETS, integration.namespace, integration.target, metadata["uid"], metadata["resourceVersion"]
        )

    async def _rehearse_replacement(self, integration: Integration, write: Write) -> None:
        """Finds out by a dry run whether the Secret could be created, under a name that is not taken: few refusals
        depend on the name."""
        metadata = {**write.body["metadata"], "name": f"{integration.target[:_LONGEST_PREFIX]}0-replacement"}
        with suppress(Conflict):
            await self._gateway.create(
                SECRETS, integration.namespace, {**write.body, "metadata": metadata}, dry_run=True
            )

    async def _owned(self, integration: Integration) -> Object | None:
        name = integration.target
        secret = await self._gateway.get(SECRETS, integration.namespace, name)
        if secret is None:
            return None
        whose = ownership(secret, integration)
        if whose is Ownership.FOREIGN:
            raise UserActionRequired(
                Reason.SECRET_NOT_OWNED,
                f"Secret {name} exists and does not belong to this resource; delete it or set another spec.target.name",
            )
        if secret["metadata"].get("deletionTimestamp"):
            raise Transient(Reason.SECRET_NOT_OWNED, f"Secret {name} is being deleted; it is recreated after that")
        if whose is Ownership.PREDECESSOR:
            await self._take_inherited(integration, secret)
            return None
        return secret

    async def _take_inherited(self, integration: Integration, secret: Object) -> None:
        """Deletes a Secret whose controller had the resource's name, as the garbage collector would.

        The garbage collector can miss it: after an outage it learns from a list that a resource of the name exists, and
        not that it is another one.
        """
        namespace, metadata = integration.namespace, secret["metadata"]
        # Read after the Secret: if this is the resource of that name, the Secret's controller no longer exists.
        current = await self._gateway.get_metadata(INTEGRATIONS, namespace, integration.name)
        if current is None or current["metadata"]["uid"] != integration.uid:
            raise Transient(Reason.SECRET_NOT_OWNED, f"Secret {metadata['name']} belongs to another resource now")
        await self._gateway.delete(SECRETS, namespace, metadata["name"], metadata["uid"], metadata["resourceVersion"])


def _nobody() -> None:
    """The token was not just issued: nothing waits for this write."""


def _version(secret: Object | None) -> str:
    return str(secret["metadata"]["resourceVersion"]) if secret is not None else ""


def _refused(integration: Integration, error: ClusterError, *, lost: bool = False) -> Failure:
    kind = TargetLost if lost else Transient
    return kind(Reason.WRITE_FAILED, f"the API server refused to write Secret {integration.target}: {error}")


def _unrehearsable(error: ClusterError) -> bool:
    """Whether only the dry run is refused, since a webhook has side effects (the API server returns 400)."""
    return isinstance(error, Denied) and "does not support dry run" in str(error)
