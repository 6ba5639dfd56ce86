"""Brings a token into its target Secret: read, judged, written in one call, and read again where somebody was
faster."""

import base64
from dataclasses import dataclass

from integration_token.api.condition import Reason
from integration_token.api.integration import DeletionPolicy, Integration
from integration_token.api.token import StoredToken
from integration_token.cluster.gateway import INTEGRATIONS, SECRETS, Gateway, Object
from integration_token.cluster.secret import SecretWatch
from integration_token.cluster.target import Ownership, Write, build_target, ownership, read_target
from integration_token.errors import ClusterError, Conflict, Denied, NeedsChange, Passing, Unavailable

_ATTEMPTS = 4
"""Writes of one token before it is given up: each failed one was overtaken by somebody else's change."""


@dataclass(frozen=True, slots=True)
class Target:
    """The target Secret as it was read."""

    secret: Object | None
    stored: StoredToken | None
    """What it holds, where that was wholly written by us."""
    predecessors: tuple[Object, ...]
    """Secrets under names that the resource gave its target before, where they are still ours."""


@dataclass(frozen=True, slots=True)
class Delivered:
    """A target Secret after it was brought up to date."""

    version: str
    """Its resourceVersion."""
    wrote: bool
    recreated: bool
    """It was deleted and created: pods that mount it see that only when they start again."""


class Deliverer:
    """Reads and writes target Secrets."""

    def __init__(self, gateway: Gateway, secrets: SecretWatch) -> None:
        self._gateway = gateway
        self._secrets = secrets

    async def read(self, integration: Integration, predecessors: tuple[Object, ...]) -> Target:
        """The target, or where there is none yet, what one from before it was renamed holds.

        :raises Failure: where the name is taken by a Secret that must not be touched.
        """
        secret = await self._owned(integration)
        stored = None if secret is None else read_target(secret)
        for old in predecessors:
            stored = stored or read_target(old)
        return Target(secret, stored, predecessors)

    async def predecessors(self, integration: Integration, written: tuple[str, ...]) -> tuple[Object, ...]:
        """The Secrets under the target's names from before it was renamed, where they are still ours.

        :param written: names under which the target was written, which the status may not tell yet.
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
        """The token in another resource's target; empty where none can be read there."""
        try:
            secret = await self._gateway.get(SECRETS, namespace, name)
            return base64.b64decode(((secret or {}).get("data") or {}).get("token", "")).decode()
        except (ClusterError, ValueError):
            return ""

    async def write(self, integration: Integration, target: Target, stored: StoredToken) -> Delivered:
        """Makes the target hold the token.

        :raises Failure: where the API server refuses, or the name was taken meanwhile.
        """
        secret, wrote, recreated = target.secret, False, False
        for attempt in range(_ATTEMPTS):
            write = build_target(secret, integration, stored)
            if write is None:
                break
            try:
                secret = await self._write(integration, secret, write)
                wrote, recreated = True, recreated or write.recreate
                self._secrets.wrote(integration.namespace, secret)
                break
            except (Denied, Unavailable) as error:
                # Unavailable as well: a webhook that is down fails the writes of Secrets alone.
                raise Passing(
                    Reason.WRITE_FAILED, f"the API server does not write Secret {integration.target}: {error}"
                ) from None
            except Conflict:
                if attempt == _ATTEMPTS - 1:
                    raise
                recreated = recreated or write.recreate
                secret = await self._owned(integration)
        version = secret["metadata"]["resourceVersion"] if secret is not None else ""
        return Delivered(version, wrote, recreated)

    async def take_away(self, integration: Integration, predecessors: tuple[Object, ...]) -> None:
        """Deletes the Secrets from before a renaming, unless they are to be retained."""
        if integration.deletion_policy is DeletionPolicy.DELETE:
            for predecessor in predecessors:
                metadata = predecessor["metadata"]
                await self._gateway.delete(
                    SECRETS, integration.namespace, metadata["name"], metadata["uid"], metadata["resourceVersion"]
                )

    async def _write(self, integration: Integration, secret: Object | None, write: Write) -> Object:
        namespace, name = integration.namespace, integration.target
        if secret is None:
            return await self._gateway.create(SECRETS, namespace, write.body)
        if write.recreate:
            metadata = secret["metadata"]
            await self._gateway.delete(SECRETS, namespace, name, metadata["uid"], metadata["resourceVersion"])
            return await self._gateway.create(SECRETS, namespace, write.body)
        return await self._gateway.replace(SECRETS, namespace, name, write.body)

    async def _owned(self, integration: Integration) -> Object | None:
        name = integration.target
        secret = await self._gateway.get(SECRETS, integration.namespace, name)
        if secret is None:
            return None
        whose = ownership(secret, integration)
        if whose is Ownership.FOREIGN:
            raise NeedsChange(
                Reason.SECRET_NOT_OWNED,
                f"Secret {name} exists and is not this resource's; delete it or choose another spec.target.name",
            )
        if secret["metadata"].get("deletionTimestamp"):
            raise Passing(
                Reason.SECRET_NOT_OWNED, f"Secret {name} is being deleted; it is written anew once it is gone"
            )
        if whose is Ownership.PREDECESSOR:
            await self._take_inherited(integration, secret)
            return None
        return secret

    async def _take_inherited(self, integration: Integration, secret: Object) -> None:
        """Deletes a Secret whose controller had the resource's name, as the garbage collector would.

        That one can miss it: after an outage it learns from a list that a resource of the name is there, and not that
        it is another.
        """
        namespace, metadata = integration.namespace, secret["metadata"]
        # Read after the Secret: where this is the resource of that name, the Secret's controller is none any more.
        current = await self._gateway.get_metadata(INTEGRATIONS, namespace, integration.name)
        if current is None or current["metadata"]["uid"] != integration.uid:
            raise Passing(Reason.SECRET_NOT_OWNED, f"Secret {metadata['name']} is another resource's by now")
        await self._gateway.delete(SECRETS, namespace, metadata["name"], metadata["uid"], metadata["resourceVersion"])
