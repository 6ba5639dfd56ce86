"""Calls to the API server with raw JSON. Typed models would cost memory to import, and their errors show data."""

from collections.abc import AsyncGenerator, Callable, Mapping
from typing import Any

from integration_token.api.names import MANAGER
from integration_token.api.value import is_name
from integration_token.cluster.collection import SERVICE_ACCOUNTS, Collection, Object
from integration_token.cluster.connection import Access, Connection, access
from integration_token.cluster.fence import Fence
from integration_token.cluster.list_watch import events, pages
from integration_token.cluster.page import essence
from integration_token.cluster.permission import Call, Permissions
from integration_token.cluster.rest_client import TIMEOUT, RestClient
from integration_token.errors import Conflict, Denied

_METADATA_LIST = {"Accept": "application/json;as=PartialObjectMetadataList;g=meta.k8s.io;v=v1"}
_METADATA = {"Accept": "application/json;as=PartialObjectMetadata;g=meta.k8s.io;v=v1"}
"""Metadata only: the API server leaves out the rest of each object."""


class Gateway:
    """The calls that the operator makes. Each does what it says or raises a ClusterError.

    Bodies are never logged, and an error contains no text of a refusal that could be data that was sent.
    """

    def __init__(
        self,
        connection: Connection,
        fence: Fence | None = None,
        permissions: Permissions | None = None,
        failed: Callable[[Call, str], None] = lambda *_: None,
    ) -> None:
        """`fence`: writes are sent, and waited for, only while it is open; None for no such limit. `permissions` is
        notified of every response; `failed` of every failed call with the status code, or `unreachable` without one."""
        self._connection = connection
        self._client = RestClient(connection, fence, permissions, failed)

    async def access(self) -> Access:
        """The current address of the API server and credentials for it."""
        return await access(self._connection)

    async def get(self, collection: Collection, namespace: str, name: str) -> Object | None:
        """One object; None if it does not exist."""
        if not is_name(name):
            return None
        status, answer = await self._client.call("GET", collection.path(namespace, name))
        return None if status == 404 else answer

    async def get_metadata(self, collection: Collection, namespace: str, name: str) -> Object | None:
        """One object without its data; None if it does not exist."""
        if not is_name(name):
            return None
        status, answer = await self._client.call("GET", collection.path(namespace, name), headers=_METADATA)
        return None if status == 404 else answer

    async def create(self, collection: Collection, namespace: str, body: Object, *, dry_run: bool = False) -> Object:
        """Creates an object; a Conflict if the name is taken.

        :param dry_run: the API server does everything but store it.
        """
        status, answer = await self._client.call("POST", _write_path(collection.path(namespace), dry_run=dry_run), body)
        if status == 404:
            raise Denied(f"namespace {namespace} does not exist", status=status)
        return answer

    async def create_token(self, namespace: str, account: str, audience: str, seconds: int) -> Object | None:
        """The `TokenRequest` response with a token of that ServiceAccount; None if the account does not exist.

        :param audience: the token's only one. An empty one would mean the API server itself.
        :param seconds: the requested lifetime; the response may differ.
        """
        body = {
            "apiVersion": "authentication.k8s.io/v1",
            "kind": "TokenRequest",
            "spec": {"audiences": [audience], "expirationSeconds": seconds},
        }
        path = f"{SERVICE_ACCOUNTS.path(namespace, account)}/token"
        status, answer = await self._client.call("POST", path, body)
        return None if status == 404 else answer

    async def replace(
        self, collection: Collection, namespace: str, name: str, body: Object, *, dry_run: bool = False
    ) -> Object:
        """Replaces the object that `body` was read from; a Conflict if it has changed or was deleted.

        :param dry_run: the API server does everything but store it.
        """
        status, answer = await self._client.call(
            "PUT", _write_path(collection.path(namespace, name), dry_run=dry_run), body
        )
        if status == 404:
            raise Conflict(f"{collection.plural} {namespace}/{name} was deleted meanwhile")
        return answer

    async def delete(self, collection: Collection, namespace: str, name: str, uid: str, version: str) -> None:
        """Deletes an object as it was read; a Conflict if it has changed; does nothing if it no longer exists."""
        options = {
            "apiVersion": "v1",
            "kind": "DeleteOptions",
            "preconditions": {"uid": uid, "resourceVersion": version},
        }
        await self._client.call("DELETE", collection.path(namespace, name), options)

    async def patch_status(
        self, collection: Collection, namespace: str, name: str, version: str, status: Mapping[str, Any]
    ) -> bool:
        """Merges `status` into the status of an object as it was read; False if it no longer exists."""
        body = {"metadata": {"resourceVersion": version}, "status": status}
        path = f"{collection.path(namespace, name)}/status?fieldManager={MANAGER}"
        code, _ = await self._client.call("PATCH", path, body)
        return code != 404

    async def annotate(
        self,
        collection: Collection,
        namespace: str,
        name: str,
        annotations: Mapping[str, str],
        *,
        manager: str = MANAGER,
    ) -> None:
        """Sets annotations of an object as that field manager; does nothing if it no longer exists."""
        path = f"{collection.path(namespace, name)}?fieldManager={manager}"
        await self._client.call("PATCH", path, {"metadata": {"annotations": dict(annotations)}})

    async def pages(
        self, collection: Collection, namespace: str, field_selector: str
    ) -> AsyncGenerator[list[Object], None]:
        """The objects that match the field selector, some at a time: they may be large."""
        path = f"{collection.path(namespace)}?fieldSelector={field_selector}&limit=50"
        async for page in pages(self._client, path, {}, lambda item: item):
            yield page["items"]

    async def probe(self, collection: Collection, namespace: str, *, watch: bool) -> None:
        """Returns if objects of the kind can be listed, and with `watch` also watched."""
        status, page = await self._client.call("GET", f"{collection.path(namespace)}?limit=1", headers=_METADATA_LIST)
        if status == 404:
            raise Denied("404 the API server does not know this kind: install the CRDs", status=status)
        if watch:
            version = page["metadata"]["resourceVersion"]
            path = f"{collection.path(namespace)}?watch=true&timeoutSeconds=1&resourceVersion={version}"
            (await self._client.open_watch(path, _METADATA, TIMEOUT)).close()

    async def is_permitted(self, call: Call) -> bool:
        """Whether the API server would allow us the call now."""
        resource, _, subresource = call.resource.partition("/")
        attributes = {"verb": call.verb, "group": call.group, "resource": resource, "subresource": subresource}
        review = {
            "apiVersion": "authorization.k8s.io/v1",
            "kind": "SelfSubjectAccessReview",
            "spec": {"resourceAttributes": {**attributes, "namespace": call.namespace}},
        }
        _, answer = await self._client.call("POST", "/apis/authorization.k8s.io/v1/selfsubjectaccessreviews", review)
        return bool((answer.get("status") or {}).get("allowed"))

    async def list_metadata(self, collection: Collection, namespace: str, selector: str) -> tuple[list[Object], str]:
        """The essential metadata of all selected objects, and the resourceVersion to watch from."""
        items: list[Object] = []
        version = ""
        async for page in self.metadata_pages(collection, namespace, selector):
            items += page["items"]
            version = page.get("metadata", {}).get("resourceVersion", version)
        return items, version

    def metadata_pages(
        self, collection: Collection, namespace: str, selector: str = ""
    ) -> AsyncGenerator[Object, None]:
        """The essential metadata of all selected objects, some at a time as `items`."""
        path = f"{collection.path(namespace)}?labelSelector={selector}&limit=500"
        return pages(self._client, path, _METADATA_LIST, essence)

    def watch_metadata(
        self, collection: Collection, namespace: str, selector: str, version: str
    ) -> AsyncGenerator[tuple[str, Object], None]:
        """The type of each watch event since `version`, and its object's essential metadata, until the server ends the
        watch.

        An ERROR event comes with a `Status` object; 410 in it means that `version` is too old.
        """
        path = (
            f"{collection.path(namespace)}?labelSelector={selector}&watch=true&allowWatchBookmarks=true"
            f"&resourceVersion={version}"
        )
        return events(self._client, path, _METADATA, essence)


def _write_path(path: str, *, dry_run: bool) -> str:
    """The path of a write."""
    return f"{path}?fieldManager={MANAGER}{'&dryRun=All' if dry_run else ''}"
