"""Calls to the API server with raw JSON: no typed models, whose import costs memory and whose errors show data."""

from collections.abc import AsyncGenerator, Callable, Mapping
from typing import Any

from kubernetes.aio.client.api_client import ApiClient

from integration_token.api.names import MANAGER
from integration_token.api.value import is_name
from integration_token.cluster.collection import SERVICE_ACCOUNTS, Collection, Object
from integration_token.cluster.connection import Access, access
from integration_token.cluster.fence import Fence
from integration_token.cluster.list_watch import events, pages
from integration_token.cluster.page import essence
from integration_token.cluster.permission import Call, Permissions
from integration_token.cluster.rest_client import TIMEOUT, RestClient
from integration_token.errors import Conflict, Denied

_METADATA_LIST = {"Accept": "application/json;as=PartialObjectMetadataList;g=meta.k8s.io;v=v1"}
_METADATA = {"Accept": "application/json;as=PartialObjectMetadata;g=meta.k8s.io;v=v1"}
"""Metadata only: the API server leaves the rest of each object out."""


class Gateway:
    """The calls that the operator makes; each either does what it says or raises a ClusterError.

    Bodies are never logged, and of a refusal only text that holds nothing of the data sent gets into an error.
    """

    def __init__(
        self,
        client: ApiClient,
        fence: Fence | None = None,
        permissions: Permissions | None = None,
        failed: Callable[[Call, str], None] = lambda *_: None,
    ) -> None:
        """`fence`: who writes only as long as it is open, and doesn't wait any longer either; None where that needs no
        leave. `permissions` is told of every answer; `failed` of every call that failed, and by which code of the
        answer, `unreachable` without one."""
        self._api = client
        self._client = RestClient(client, fence, permissions, failed)

    async def access(self) -> Access:
        """Where the API server is, and by what it knows us, as it is now."""
        return await access(self._api)

    async def get(self, collection: Collection, namespace: str, name: str) -> Object | None:
        """One object, None where there is none."""
        if not is_name(name):
            return None
        status, answer = await self._client.call("GET", collection.path(namespace, name))
        return None if status == 404 else answer

    async def get_metadata(self, collection: Collection, namespace: str, name: str) -> Object | None:
        """One object without its data, None where there is none."""
        if not is_name(name):
            return None
        status, answer = await self._client.call("GET", collection.path(namespace, name), headers=_METADATA)
        return None if status == 404 else answer

    async def create(self, collection: Collection, namespace: str, body: Object, *, dry_run: bool = False) -> Object:
        """Creates an object; a Conflict where the name is taken.

        :param dry_run: the API server does all but store it.
        """
        status, answer = await self._client.call("POST", _write_path(collection.path(namespace), dry_run=dry_run), body)
        if status == 404:
            raise Denied(f"namespace {namespace} is gone", status=status)
        return answer

    async def create_token(self, namespace: str, account: str, audience: str, seconds: int) -> Object | None:
        """A `TokenRequest` as it was answered, of a token of that ServiceAccount; None where there is no such account.

        :param audience: the token's only one. An empty one would mean the API server itself.
        :param seconds: for how long it is to be valid; the answer may say otherwise.
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
        """Replaces the object that `body` was read as; a Conflict where it is another one by now, or gone.

        :param dry_run: the API server does all but store it.
        """
        status, answer = await self._client.call(
            "PUT", _write_path(collection.path(namespace, name), dry_run=dry_run), body
        )
        if status == 404:
            raise Conflict(f"{collection.plural} {namespace}/{name} was deleted meanwhile")
        return answer

    async def delete(self, collection: Collection, namespace: str, name: str, uid: str, version: str) -> None:
        """Deletes an object as it was read; a Conflict where it is another one by now; nothing where it is gone."""
        options = {
            "apiVersion": "v1",
            "kind": "DeleteOptions",
            "preconditions": {"uid": uid, "resourceVersion": version},
        }
        await self._client.call("DELETE", collection.path(namespace, name), options)

    async def patch_status(
        self, collection: Collection, namespace: str, name: str, version: str, status: Mapping[str, Any]
    ) -> bool:
        """Merges `status` into an object's status as it was read; False where the object is gone."""
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
        """Sets annotations of an object, as that field manager; nothing where it is gone."""
        path = f"{collection.path(namespace, name)}?fieldManager={manager}"
        await self._client.call("PATCH", path, {"metadata": {"annotations": dict(annotations)}})

    async def pages(
        self, collection: Collection, namespace: str, field_selector: str
    ) -> AsyncGenerator[list[Object], None]:
        """The objects whose fields are as selected, some at a time: they may be large."""
        path = f"{collection.path(namespace)}?fieldSelector={field_selector}&limit=50"
        async for page in pages(self._client, path, {}, lambda item: item):
            yield page["items"]

    async def probe(self, collection: Collection, namespace: str, *, watch: bool) -> None:
        """Returns where objects of the kind can be listed, and with `watch` watched too."""
        status, page = await self._client.call("GET", f"{collection.path(namespace)}?limit=1", headers=_METADATA_LIST)
        if status == 404:
            raise Denied("404 the API server does not know this kind: install the CRDs", status=status)
        if watch:
            version = page["metadata"]["resourceVersion"]
            path = f"{collection.path(namespace)}?watch=true&timeoutSeconds=1&resourceVersion={version}"
            (await self._client.open_watch(path, _METADATA, TIMEOUT)).close()

    async def is_permitted(self, call: Call) -> bool:
        """Whether the API server would grant the call to us now."""
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
        """Of the metadata of all selected objects what they are known by, and the resourceVersion from which to
        watch."""
        items: list[Object] = []
        version = ""
        async for page in self.metadata_pages(collection, namespace, selector):
            items += page["items"]
            version = page.get("metadata", {}).get("resourceVersion", version)
        return items, version

    def metadata_pages(
        self, collection: Collection, namespace: str, selector: str = ""
    ) -> AsyncGenerator[Object, None]:
        """Of the metadata of all selected objects what they are known by, as `items` some at a time."""
        path = f"{collection.path(namespace)}?labelSelector={selector}&limit=500"
        return pages(self._client, path, _METADATA_LIST, essence)

    def watch_metadata(
        self, collection: Collection, namespace: str, selector: str, version: str
    ) -> AsyncGenerator[tuple[str, Object], None]:
        """The type of each watch event since `version`, and what its object is known by, until the server ends the
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
