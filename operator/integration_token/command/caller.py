"""The caller's view of the cluster: a kubeconfig, a namespace, and the calls that commands make."""

from collections.abc import AsyncGenerator, AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import replace
from typing import Any

from integration_token.api.names import INTEGRATION_TOKEN_KIND, RENEW_ANNOTATION
from integration_token.cluster.collection import EVENTS, INTEGRATIONS, SECRETS, Collection, Object
from integration_token.cluster.connection import connect_as_caller
from integration_token.cluster.gateway import Gateway
from integration_token.cluster.service_account import OwnIdentity, own_identity
from integration_token.errors import ClusterError, Denied

MANAGER = "kubectl-integration-token"
"""The field manager of the annotation that `renew` sets."""


class Missing(ClusterError):
    """The named object does not exist."""


class Caller:
    """What the user of the kubeconfig may see and do."""

    def __init__(self, gateway: Gateway, namespace: str) -> None:
        """`namespace`: the namespace that names refer to; empty for all."""
        self.namespace = namespace
        self._gateway = gateway

    async def tokens(self) -> AsyncGenerator[Object, None]:
        """All IntegrationTokens in scope, one by one: each may have a megabyte."""
        found = False
        async for page in self._gateway.pages(INTEGRATIONS, self.namespace, ""):
            for body in page:
                found = True
                yield body
        if not found:
            # An unknown kind also gives an empty list.
            await self._gateway.probe(INTEGRATIONS, self.namespace, watch=False)

    async def token(self, name: str) -> Object:
        """One IntegrationToken.

        :raises Missing: if it does not exist.
        """
        return await self._get(INTEGRATIONS, self.namespace, name, INTEGRATION_TOKEN_KIND)

    async def find(self, collection: Collection, namespace: str, name: str) -> Object | None:
        """An object; None if it does not exist."""
        return await self._gateway.get(collection, namespace, name)

    async def metadata(self, namespace: str, name: str, collection: Collection = SECRETS) -> Object | None:
        """A Secret, or another object, without its data; None if it does not exist."""
        return await self._gateway.get_metadata(collection, namespace, name)

    async def cluster_identity(self) -> OwnIdentity:
        """What the API server is known as, as far as the caller can tell. The operator's account is unknown."""
        return replace(own_identity(await self._gateway.access()), account="")

    async def target(self, name: str) -> Object:
        """A target Secret with its data.

        :raises Missing: if it does not exist.
        """
        return await self._get(SECRETS, self.namespace, name, "Secret")

    async def events(self, uid: str) -> list[Object]:
        """The events of an object, the oldest first."""
        selected = f"involvedObject.uid={uid}"
        found = [body async for page in self._gateway.pages(EVENTS, self.namespace, selected) for body in page]
        return sorted(found, key=_time)

    async def ask_for_renewal(self, name: str, value: str) -> None:
        """Sets the annotation that makes the operator ask the endpoint once."""
        await self._gateway.annotate(INTEGRATIONS, self.namespace, name, {RENEW_ANNOTATION: value}, manager=MANAGER)

    async def _get(self, collection: Collection, namespace: str, name: str, kind: str) -> Object:
        body = await self._gateway.get(collection, namespace, name)
        if body is None:
            raise Missing(f"{kind} {namespace}/{name} does not exist")
        return body


@asynccontextmanager
async def caller(kubeconfig: str | None, context: str | None, namespace: str | None) -> AsyncIterator[Caller]:
    """Connected for the duration of the context; the flags of the same names are kubectl's.

    :param namespace: empty for all; None for the kubeconfig's.
    :raises SettingsError: if there is no usable kubeconfig.
    """
    client, usual = await connect_as_caller(kubeconfig, context)
    try:
        yield Caller(Gateway(client), usual if namespace is None else namespace)
    finally:
        await client.close()


def advice(error: ClusterError) -> str:
    """What failed, and what to do, in one line."""
    hint = (
        "; ask your administrator for a Role that grants it"
        if isinstance(error, Denied) and error.status == 403
        else ""
    )
    return f"{error}{hint}"


def _time(event: Mapping[str, Any]) -> str:
    series = event.get("series") or {}
    return str(series.get("lastObservedTime") or event.get("eventTime") or event.get("lastTimestamp") or "")
